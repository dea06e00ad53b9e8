import { findingText } from './finding-text.js';
import type { FieldChange } from './finding.js';

const event = {
  position: 9,
  stream: 'a-1',
  version: 9,
  id: 'i',
  type: 't',
  schemaVersion: 1,
  appendIndex: 0,
  recordedAt: 0,
};
const altered = { kind: 'altered', position: 9, event, parts: ['header'] } as const;

test.each<[string, FieldChange[]]>([
  ['no field', []],
  ['a field that reads the same', [{ field: 'version', sealed: 9, found: '9' }]],
])('a header that is written otherwise, with %s that differs, is said to be', (_, fields) => {
  expect(findingText({ ...altered, fields })).toBe(
    'position 9: t (a-1 v9) was altered: its header, as it is written',
  );
});

test('of a header whose fields differ, those are said', () => {
  const fields: FieldChange[] = [{ field: 'version', sealed: 9, found: 8 }];
  expect(findingText({ ...altered, parts: ['header', 'data'], fields })).toBe(
    'position 9: t (a-1 v9) was altered: its data, version 9 → 8',
  );
});
