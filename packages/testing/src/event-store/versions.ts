import assert from 'node:assert/strict';
import type { EventStore, ExpectedVersion } from '@backstory/core';
import { event, events, refused, wholeLog, write, writesNothing } from './draft.js';
import { noSecondConnection, oneStreamOnly, type Case } from './harness-parts.js';

interface Expectation {
  readonly expected: ExpectedVersion;
  /** How many events the stream has. */
  readonly at: number;
  readonly holds: boolean;
}

const EXPECTATIONS: readonly Expectation[] = [
  { expected: 'none', at: 0, holds: true },
  { expected: 'none', at: 2, holds: false },
  { expected: 0, at: 0, holds: true },
  { expected: 0, at: 2, holds: false },
  { expected: 1, at: 0, holds: false },
  { expected: 1, at: 2, holds: false },
  { expected: 2, at: 2, holds: true },
  { expected: 3, at: 2, holds: false },
  { expected: 'exists', at: 0, holds: false },
  { expected: 'exists', at: 2, holds: true },
  { expected: 'any', at: 0, holds: true },
  { expected: 'any', at: 2, holds: true },
];

/** 3. Of several writers at one expected version exactly one wins. */
export const versionCases: readonly Case[] = [
  ...EXPECTATIONS.map(expectationCase),
  {
    name: 'of twenty concurrent writers at one expected version one wins, the others learn the version',
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none')]);
      await race(
        Array.from({ length: 20 }, () => store),
        1,
      );
      assert.equal((await wholeLog(store)).length, 2);
    },
  },
  {
    name: 'of twenty concurrent writers of a new stream one wins',
    async run(harness) {
      const store = await harness.open();
      await race(
        Array.from({ length: 20 }, () => store),
        0,
      );
      assert.equal((await wholeLog(store)).length, 1);
    },
  },
  {
    name: 'of writers on two connections at one expected version one wins',
    unless: noSecondConnection,
    async run(harness) {
      const store = await harness.open();
      const other = await harness.openAnother!(store);
      for (let version = 0; version < 5; version++) {
        await race(
          Array.from({ length: 6 }, (_, i) => (i % 2 === 0 ? store : other)),
          version,
        );
      }
      assert.equal((await wholeLog(store)).length, 5);
    },
  },
  {
    name: 'concurrent writers in any state all get versions of their own, without gaps',
    async run(harness) {
      const store = await harness.open();
      const appends = Array.from({ length: 20 }, (_, i) =>
        store.append([write(`a-${i % 2}`, 'any', ...events(2))]),
      );
      const versions = (await Promise.all(appends)).map(({ writes }) => writes[0]!.version);
      const expected = Array.from({ length: 20 }, (_, i) => 2 * (Math.floor(i / 2) + 1));
      assert.deepEqual(
        versions.sort((a, b) => a - b),
        expected,
      );
      const log = await wholeLog(store);
      assert.deepEqual(
        log.filter(({ stream }) => stream === 'a-0').map(({ version }) => version),
        Array.from({ length: 20 }, (_, i) => i + 1),
      );
    },
  },
  {
    name: 'appends of one moment are decided one after another in the order they came',
    async run(harness) {
      const store = await harness.open();
      const [first, second, third] = await Promise.allSettled([
        store.append([write('a-1', 'none')]),
        store.append([write('a-1', 1)]),
        store.append([write('a-1', 1)]),
      ]);
      assert.deepEqual([first.status, second.status, third.status], ['fulfilled', 'fulfilled', 'rejected']);
    },
  },
  {
    name: 'each write of an append is held to its own expected version, the first that fails is named',
    unless: oneStreamOnly,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('a-1', 'none', ...events(2)), write('b-1', 'none')]);
      const append = store.append([write('c-1', 'none'), write('b-1', 3), write('a-1', 'none')]);
      await refused(append, 'BACKSTORY_VERSION_CONFLICT', { stream: 'b-1', expected: 3, actual: 1 });
      await store.append([write('c-1', 'any'), write('b-1', 1), write('a-1', 'exists')]);
    },
  },
  {
    name: 'streams whose names differ only in case, accents or trailing blanks are different streams',
    async run(harness) {
      const store = await harness.open();
      const names = ['a-1', 'A-1', 'a-1 ', 'ä-1', 'a\u0308-1', 'a-01'];
      for (const name of names) await store.append([write(name, 'none')]);
      assert.deepEqual(
        (await wholeLog(store)).map(({ stream, version }) => [stream, version]),
        names.map((name) => [name, 1]),
      );
    },
  },
];

function expectationCase({ expected, at, holds }: Expectation): Case {
  const label = typeof expected === 'number' ? String(expected) : `'${expected}'`;
  return {
    name: `expecting ${label} of a stream with ${at} events ${holds ? 'holds' : 'is a conflict'}`,
    async run(harness) {
      const store = await harness.open();
      await store.append([write('other-1', 'none')]);
      if (at > 0) await store.append([write('a-1', 'none', ...events(at))]);
      const append = () => store.append([write('a-1', expected, event())]);
      if (holds) {
        assert.equal((await append()).writes[0]?.version, at + 1);
        assert.equal((await wholeLog(store)).length, at + 2);
        return;
      }
      const facts = { stream: 'a-1', expected: expected === 'none' ? 0 : expected, actual: at };
      await writesNothing(store, () => refused(append(), 'BACKSTORY_VERSION_CONFLICT', facts));
    },
  };
}

/** One append from each store, all at one version: one wins, the others learn that the version has risen by one. */
async function race(stores: readonly EventStore[], version: number): Promise<void> {
  const appends = stores.map((store) => store.append([write('a-1', version)]));
  const outcomes = await Promise.allSettled(appends);
  assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
  const conflict = { stream: 'a-1', expected: version, actual: version + 1 };
  for (const outcome of outcomes) {
    if (outcome.status === 'fulfilled') assert.equal(outcome.value.writes[0]?.version, version + 1);
    else await refused(Promise.reject(outcome.reason as Error), 'BACKSTORY_VERSION_CONFLICT', conflict);
  }
}
