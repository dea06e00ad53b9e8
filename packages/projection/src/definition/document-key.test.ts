import { memory, type OpenStorage } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { eventually } from '../../../../test/support/eventually.js';
import { projectionsOn } from '../../../../test/support/projecting.js';
import type { Projections } from '../projections.js';
import { projection } from './functional-projection.js';
import type { ProjectionOptions } from './projection-options.js';

let opened: OpenStorage;
let projections: Projections;
beforeEach(async () => {
  opened = await memory().open();
  await recording(opened.events)('1', new Deposited(5));
});
afterEach(async () => {
  await projections.close();
  await opened.close();
});

/** Starts a projection whose `key` gives something. */
async function given(value: unknown): Promise<void> {
  const counts = projection('counts', {
    version: 1,
    key: (() => value) as ProjectionOptions['key'] & object,
    initial: { count: 0 },
    events: { Deposited },
    fold: { Deposited: ({ count }) => ({ count: count + 1 }) },
  });
  projections = projectionsOn(opened, [counts]);
  await projections.start();
}

it.each<[string, unknown, readonly string[]]>([
  ['undefined', undefined, []],
  ['an empty list', [], []],
  ['a text', 'a', ['a']],
  ['a list', ['a', 'b', 'a'], ['a', 'b']],
])('%s says which documents an event changes', async (_what, value, keys) => {
  await given(value);
  await projections.caughtUp('counts', 1);
  const { documents } = await projections.named('counts').find();
  expect(documents).toEqual(keys.map((key) => ({ key, document: { count: 1 } })));
});

const cyclic: unknown[] = [];
cyclic.push(cyclic);
it.each<[string, unknown, string]>([
  ['null', null, 'it gave null: give a text, a list of texts, or undefined'],
  ['false', false, 'it gave false'],
  ['a number', 7, 'it gave 7'],
  ['a symbol', Symbol('a'), 'it gave Symbol(a)'],
  ['a promise', Promise.resolve('a'), 'it gave Promise'],
  ['a set', new Set(['a']), 'it gave Set(1)'],
  ['an empty text', '', 'it gave the key ""'],
  ['null in a list', ['a', null], 'it gave the key null'],
  ['undefined in a list', ['a', undefined], 'it gave the key undefined'],
  ['a gap in a list', new Array(1), 'it gave the key undefined'],
  ['a bigint in a list', [7n], 'it gave the key 7n'],
  ['a list in itself', [cyclic], 'it gave the key'],
])('%s is no key, and stops the projection before its event', async (_what, value, message) => {
  await given(value);
  const { reason, position } = await faulted();
  expect(reason).toContain(`key failed at account.deposited of account-1: ${message}`);
  expect(position).toBe(0);
});

it.each<[string, unknown]>([
  ['a text', `${'k'.repeat(99)}😀`.repeat(100_000)],
  ['a list of texts', [['k'.repeat(1_000_000)]]],
  ['an object with a long name', { ['k'.repeat(1_000_000)]: 1 }],
])('%s that is long is cut where the error says it', async (_what, value) => {
  await given(value);
  const { reason } = await faulted();
  expect(reason!.length).toBeLessThan(500);
  expect(reason!.isWellFormed()).toBe(true);
  const [asked] = await Promise.allSettled([projections.named('counts').get(value as string)]);
  expect((asked as PromiseRejectedResult).reason.message.length).toBeLessThan(300);
});

function faulted() {
  return eventually(async () => {
    const status = await projections.status('counts');
    return status.state === 'faulted' && status;
  });
}
