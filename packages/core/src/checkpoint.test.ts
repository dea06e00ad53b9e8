import fs from 'node:fs';
import path from 'node:path';
import { readCheckpoint, writeCheckpoint } from './checkpoint.js';
import { UnknownFormat } from './errors.js';
import { readEnvelope, writeEnvelope } from './event-envelope.js';

const lines = (name: string) =>
  fs
    .readFileSync(path.join(__dirname, 'golden', name), 'utf8')
    .trimEnd()
    .split('\n');

const logId = '01890000-0000-7000-8000-000000000001';

const CHECKPOINTS = [
  { logId, epoch: 1, through: 0 },
  { logId, epoch: 3, through: 2 ** 53 - 1, last: { id: 'an "id"', position: 7 } },
];

const EVENTS = [
  {
    id: '01890000-0000-7000-8000-000000000002',
    stream: 'account-42',
    version: 1,
    position: 1,
    appendIndex: 0,
    type: 'account.deposited',
    schemaVersion: 1,
    recordedAt: new Date('2026-01-02T03:04:05.678Z'),
    data: '{"amount":5}',
    metadata: '{"correlationId":"c","source":"s","occurredAt":"2026-01-02T03:04:05.678Z"}',
  },
  {
    id: 'é',
    stream: 'a-\u{1f600}',
    version: 7,
    position: 9_007_199_254_740_991,
    appendIndex: 9_999,
    type: ' t ',
    schemaVersion: 2_147_483_647,
    recordedAt: new Date(-1),
    data: ' { "b" : 1e400, "a":"\\ud800\\u0000" }\n',
    metadata: '{"correlationId":"c","source":"s","occurredAt":"2026-01-02T03:04:05.678Z","n":1.0}',
  },
];

it('checkpoints of format 1 are read for ever and written identically', () => {
  const golden = lines('checkpoint-1.jsonl');
  expect(golden.map(readCheckpoint)).toEqual(CHECKPOINTS);
  expect(CHECKPOINTS.map(writeCheckpoint)).toEqual(golden);
});

it('event envelopes of format 1 are read for ever and written identically', () => {
  const golden = lines('event-1.jsonl');
  expect(golden.map(readEnvelope)).toEqual(EVENTS);
  expect(EVENTS.map(writeEnvelope)).toEqual(golden);
});

it.each([readCheckpoint, readEnvelope])('%p refuses what is in another format, and says which', (read) => {
  expect(() => read('{"format":"backstory.other/2"}')).toThrow(/found backstory.other\/2/);
  for (const text of ['', 'null', '7', '[]', '{}', '{"format":1}', 'no JSON']) {
    expect(() => read(text)).toThrow(UnknownFormat);
  }
});

it.each([
  { epoch: 'x' },
  { epoch: null },
  { epoch: undefined },
  { through: '3' },
  { through: -1 },
  { through: 1.5 },
  { logId: undefined },
  { last: 'e1' },
  { last: null },
  { last: { id: 7, position: 1 } },
  { last: { id: 'a', position: 0 } },
  { last: { id: 'e1' } },
])('a checkpoint with %j is damaged, and no place to go on from', (field) => {
  const text = JSON.stringify({ format: 'backstory.checkpoint/1', ...CHECKPOINTS[0], ...field });
  expect(() => readCheckpoint(text)).toThrow(/found a damaged one/);
});
