import fs from 'node:fs';
import path from 'node:path';
import * as fc from 'fast-check';
import { anEvent } from '../../../test/support/sqlite-files.js';
import { isWitness, readSnapshot, witnessOf, writeSnapshot, type Snapshot } from './snapshot.js';
import { surplusOf } from './stored-snapshots.js';

const last = {
  id: '0190b6a1-0000-7000-8000-000000000001',
  version: 200,
  position: 12_345,
  recordedAt: '2026-11-20T12:00:00.123Z',
};
const SNAPSHOTS: readonly Snapshot[] = [
  { stream: 'account-42', shape: '0123456789abcdef0123456789abcdef', last, state: { balance: 75 } },
  {
    stream: 'cart-ü "1"',
    shape: 'ffffffffffffffffffffffffffffffff',
    last: { ...last, version: Number.MAX_SAFE_INTEGER },
    state: { 7: 'first', lines: [{ sku: 'a\u2028b', price: null }], prices: [['x', '0.10']], empty: {} },
  },
];

test('the stored form of a snapshot is the one that is written down, version 1', () => {
  const golden = fs
    .readFileSync(path.join(__dirname, 'golden', 'snapshot-1.jsonl'), 'utf8')
    .split('\n')
    .filter(Boolean);
  expect(SNAPSHOTS.map(({ state, ...about }) => writeSnapshot(about, JSON.stringify(state)))).toEqual(golden);
  expect(golden.map(readSnapshot)).toEqual(SNAPSHOTS);
});

test.each([
  ['no JSON', '{'],
  ['another format', '{"format":"backstory.checkpoint/1"}'],
  ['a later version', '{"format":"backstory.snapshot/2"}'],
  ['nothing more', '{"format":"backstory.snapshot/1"}'],
  ...['stream', 'shape', 'last', 'state'].map((part) => [
    `no ${part}`,
    JSON.stringify({ format: 'backstory.snapshot/1', ...SNAPSHOTS[0], [part]: undefined }),
  ]),
  ...['id', 'version', 'position', 'recordedAt'].map((part) => [
    `no ${part} of its event`,
    JSON.stringify({ format: 'backstory.snapshot/1', ...SNAPSHOTS[0], last: { ...last, [part]: null } }),
  ]),
])('what has %s is no snapshot', (_, text) => {
  expect(() => readSnapshot(text)).toThrow(
    expect.objectContaining({ code: 'BACKSTORY_UNKNOWN_FORMAT', wanted: 'backstory.snapshot/1' }),
  );
});

describe('the event that a snapshot was taken after', () => {
  const place = { stream: 'account-42', version: 200, position: 12_345, appendIndex: 0 };
  const event = { ...anEvent(), ...place, recordedAt: new Date(last.recordedAt) };

  test('is known again', () => {
    expect(isWitness(event, witnessOf(event))).toBe(true);
    expect(isWitness(undefined, witnessOf(event))).toBe(false);
  });

  test.each([
    ['id', { id: 'another' }],
    ['version', { version: 201 }],
    ['position', { position: 12_346 }],
    ['recorded time', { recordedAt: new Date(0) }],
  ])('is another one when its %s is', (_, other) => {
    expect(isWitness({ ...event, ...other }, witnessOf(event))).toBe(false);
  });
});

describe('of too many snapshots', () => {
  const grow = (count: number, keep: number) => {
    let kept: number[] = [];
    for (let version = 1; version <= count; version++) {
      kept.push(version);
      const surplus = surplusOf(kept, keep);
      kept = kept.filter((it) => !surplus.includes(it));
    }
    return kept;
  };

  it('the newest stays, and others spread over the past', () => {
    expect(grow(100, 1)).toEqual([100]);
    expect(grow(100, 5)).toEqual([19, 36, 52, 70, 100]);
    expect(surplusOf([], 5)).toEqual([]);
    expect(surplusOf([3, 1, 2], 3)).toEqual([]);
  });

  it('no gap between those that stay is out of proportion', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 12 }), fc.integer({ min: 1, max: 300 }), (keep, count) => {
        const kept = grow(count, keep);
        expect(kept).toHaveLength(Math.min(keep, count));
        expect(kept.at(-1)).toBe(count);
        const gaps = kept.map((version, i) => version - (kept[i - 1] ?? 0));
        expect(Math.max(...gaps)).toBeLessThanOrEqual(Math.ceil((4 * count) / keep));
      }),
    );
  });
});
