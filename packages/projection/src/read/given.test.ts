import { memory, type OpenStorage } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { Balances, projectionsOn } from '../../../../test/support/projecting.js';
import { projection } from '../definition/functional-projection.js';
import { readControl, withGeneration, writeControl } from '../generation/control.js';
import type { Projections } from '../projections.js';
import { sqlProjection } from '../tables/sql-projection.js';
import { count } from '../windows/number-reducers.js';
import { tumbling } from '../windows/shapes.js';
import { WindowsReader } from '../windows/windows-reader.js';
import { windows } from '../windows/windows.js';

const perDay = windows('per-day', {
  version: 1,
  events: { Deposited },
  value: { Deposited: ({ amount }) => amount },
  shape: tumbling({ sizeMs: 86_400_000 }),
}).reduce({ paid: count() });
const rows = sqlProjection('rows', {
  version: 1,
  tables: { days: { columns: { day: 'text' }, key: ['day'] } },
  events: { Deposited },
  handle: { Deposited: async () => undefined },
});
const others = projection('others', {
  version: 1,
  initial: {},
  events: { Deposited },
  fold: { Deposited: (it) => it },
});

let storage: OpenStorage;
let projections: Projections;
beforeEach(async () => {
  storage = await memory().open();
  projections = projectionsOn(storage, [Balances, perDay, others]);
  await recording(storage.events)('1', new Deposited(5));
  await projections.start();
  for (const it of [Balances, perDay]) await projections.caughtUp(it, 1);
  // Not before the start: memory has no tables.
  projections.declare(rows);
});
afterEach(async () => {
  await projections.close();
  await storage.close();
});

/** As it comes from JavaScript. */
const wrong = (value: unknown) => value as never;
const raised = wrong(new Deposited(5));
const recorded = wrong({ id: 'a', stream: 'account-1', type: 'account.deposited', position: 1 });
const balances = (it: Projections) => it.of(Balances);
const counting = (it: Projections) => (given: object) => balances(it).count(wrong(given));
const perDays = (it: Projections) => new WindowsReader(perDay, it.of(perDay));

const asked: readonly [string, string, RegExp, (it: Projections) => unknown][] = [
  ['a text for keys', 'keys', /a list of keys/, (it) => balances(it).getMany(wrong('abc'))],
  ['nothing for keys', 'keys', /a list of keys/, (it) => balances(it).getMany(wrong(undefined))],
  ['a hole among keys', 'key', /not undefined/, (it) => balances(it).getMany(wrong(Array(1)))],
  ['a number for a key', 'key', /not 5/, (it) => balances(it).get(wrong(5))],
  ['conditions for a count', 'query', /counts all documents.*`find`/, (it) => counting(it)({ where: {} })],
  ['a number for a query', 'options', /an object/, (it) => balances(it).find(wrong(5))],
  [
    'a number for a place',
    'place',
    /a path.*not 5/,
    (it) => balances(it).asOf(1).history('account-1', wrong(5)).next(),
  ],
  ['a text for a question', 'ask', /a function/, (it) => it.tables(rows).query(wrong('select 1'))],
  ['nothing for a question', 'ask', /a function/, (it) => it.tables(rows).asOf(1).query(wrong(undefined))],
  ['a signal that is none', 'signal', /AbortSignal/, (it) => it.caughtUp(Balances, 1, wrong({ signal: 5 }))],
  [
    'a listener that is none',
    'onProgress',
    /a function/,
    (it) => it.fill('others', wrong({ onProgress: 5 })),
  ],
  [
    'a listener that is no function',
    'onProgress',
    /a function/,
    (it) => it.filled('others', 1, wrong({ onProgress: 5 })),
  ],
  ['an event that is raised', 'recorded', /position/, (it) => perDays(it).closedBy(raised)],
  ['no event', 'recorded', /position/, (it) => balances(it).resultsOf(wrong(undefined))],
  [
    'one that has no position of the log',
    'recorded',
    /position/,
    (it) => balances(it).resultsOf(wrong({ ...(recorded as object), position: '1' })),
  ],
  [
    'a misspelt option',
    'tmeoutMs',
    /there are timeoutMs, signal/,
    (it) => perDays(it).closedBy(recorded, wrong({ tmeoutMs: 5 })),
  ],
  [
    'a time that is none',
    'timeoutMs',
    /a number/,
    (it) => balances(it).resultsOf(recorded, wrong({ timeoutMs: '5' })),
  ],
];

it.each(asked)('%s is refused, with what to give', async (_, option, message, ask) => {
  const refused = (async () => await ask(projections))();
  await expect(refused).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_OPTION', option });
  await expect(refused).rejects.toThrow(message);
  expect((await projections.status('others')).generations).toHaveLength(1);
});

it.each<[string, () => unknown]>([
  ['a class', () => new WindowsReader(wrong(Balances), balances(projections) as never)],
  ['functions', () => new WindowsReader(wrong(others), projections.of(others) as never)],
])('the windows of a projection of documents, made of %s, are not to be had', (_, read) => {
  expect(read).toThrow(/has no windows, which `windows\(…\)` makes: ask `projection\(…\)`/);
});

it('what is no projection is not found, by what it is', () => {
  expect(() => projections.of(wrong(undefined))).toThrow('There is no projection undefined: there are');
});

it('what was recorded is taken', async () => {
  expect(await perDays(projections).closedBy(recorded, { timeoutMs: 10_000 })).toEqual([]);
  expect(await balances(projections).getMany(['account-1', 'none'])).toHaveProperty('size', 1);
});

it('what was made of it with tables by another version is not taken for no documents', async () => {
  await storage.state.transaction([], async (tx) => {
    const control = (await readControl(tx, 'others'))!;
    const [live] = control.generations;
    await writeControl(tx, 'others', withGeneration(control, { ...live!, version: 2, tables: {} }));
  });
  const documents = projections.of(others);
  const asking = [documents.get('a'), documents.find(), documents.count(), documents.results('a')];
  for (const asked of asking)
    await expect(asked).rejects.toThrow(/generation 1: code of version 2 made it, and it has tables/);
});
