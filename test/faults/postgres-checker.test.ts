import { violationsOf } from './postgres-checker.js';
import type { Answer, Evidence, Row } from './postgres-evidence.js';

const row = (position: number, stream: string, version: number, more: Partial<Row> = {}): Row => ({
  position,
  stream,
  version,
  id: `e${position}`,
  type: 'noted',
  appendIndex: 0,
  recorded: 1_000 + position,
  ...more,
});
const ROWS = [row(1, 'a-1', 1), row(2, 'a-1', 2, { appendIndex: 1, recorded: 1_001 }), row(3, 'b-1', 1)];
const ANSWERS: Answer[] = [
  {
    kind: 'acknowledged',
    asked: 1_000,
    recorded: 1_001,
    writes: [{ stream: 'a-1', ids: ['e1', 'e2'], version: 2, position: 2 }],
    transaction: 'e1 within',
  },
  { kind: 'refused', ids: ['e9'] },
];
const FINE: Evidence = {
  rows: ROWS,
  answers: ANSWERS,
  ledger: ['e1 within'],
  followers: [{ name: 'f', types: undefined, seen: ROWS }],
};

test('nothing is wrong with what is right', () => {
  expect(violationsOf(FINE)).toEqual([]);
});

test.each<[string, Partial<Evidence>, string]>([
  [
    'an acknowledged event that is lost',
    { rows: [ROWS[2]!] },
    'e1 was acknowledged at position 1 and is not stored',
  ],
  ['an event stored twice', { rows: [...ROWS, row(4, 'b-1', 2, { id: 'e3' })] }, 'e3 is stored 2 times'],
  ['a gap of positions', { rows: [ROWS[0]!, ROWS[1]!, row(4, 'b-1', 1)] }, 'position 4 stands in place 3'],
  ['a gap of versions', { rows: [...ROWS, row(4, 'b-1', 3)] }, 'b-1 has version 3 where 2 is due'],
  [
    'half an append',
    { rows: [...ROWS, row(4, 'b-1', 2, { appendIndex: 2 })] },
    'position 4 is event 2 of an append and follows event 0',
  ],
  ['time that falls', { rows: [...ROWS, row(4, 'b-1', 2, { recorded: 7 })] }, 'time falls at position 4'],
  [
    'another version than acknowledged',
    { rows: [ROWS[0]!, row(2, 'b-1', 1), row(3, 'b-1', 2)] },
    'e2 was acknowledged as',
  ],
  [
    'a time before the append',
    { answers: [{ ...ANSWERS[0]!, asked: 1_100 } as Answer] },
    'e1 was recorded 99 ms before anybody asked',
  ],
  [
    'a refused append that is stored',
    { answers: [{ kind: 'refused', ids: ['e3'] }] },
    'e3 is stored although',
  ],
  [
    'an answer that is none',
    { answers: [{ kind: 'failed', message: 'oh' }] },
    'an answer nobody may give: oh',
  ],
  ['a transaction done twice', { ledger: ['e1 within', 'e1 within'] }, 'took effect 2 times'],
  ['a transaction whose events alone are stored', { ledger: [] }, 'took effect 0 times'],
  [
    'a transaction whose events are not stored',
    { ledger: ['e1 within', 'e8 within'] },
    'e8 within took effect 1 times, its events are not stored',
  ],
  [
    'a follower that skips',
    { followers: [{ name: 'f', types: undefined, seen: [ROWS[0]!, ROWS[2]!] }] },
    'follower f: was given e3 at 3 where e2 at 2 is stored',
  ],
  [
    'a follower that is given more',
    { followers: [{ name: 'f', types: [], seen: ROWS }] },
    'follower f: was given e1 at 1 where nothing is stored',
  ],
])('%s is found', (_, change, found) => {
  expect(violationsOf({ ...FINE, ...change })).toContainEqual(expect.stringContaining(found));
});
