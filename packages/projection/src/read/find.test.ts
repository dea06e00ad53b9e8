import { memory, type OpenStorage } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { Balances, projectionsOn, totals } from '../../../../test/support/projecting.js';
import type { Projections } from '../projections.js';

let opened: OpenStorage;
let projections: Projections;
beforeAll(async () => {
  opened = await memory().open();
  await recording(opened.events)('1', new Deposited(5));
  projections = projectionsOn(opened, [Balances, totals()]);
  await projections.start();
  for (const name of ['balances', 'totals']) await projections.caughtUp(name, 1);
});
afterAll(async () => {
  await projections.close();
  await opened.close();
});

const long = 'x'.repeat(100_000);
it.each<[option: string, query: Record<string, unknown>]>([
  ['orderBy.descending', { orderBy: { path: 'balance', descending: 'yes' } }],
  ['orderBy.descending', { orderBy: { descending: null } }],
  ['orderBy.descending', { orderBy: { descending: long } }],
  ['orderBy.path', { orderBy: { path: 7 } }],
  ['orderBy.path', { orderBy: { path: ['balance'] } }],
  ['orderBy', { orderBy: long }],
  ['scan', { scan: 'no' }],
  ['limit', { limit: long }],
  ['limit', { limit: 1.5 }],
  ['where', { where: 'balance' }],
  ['where', { where: [] }],
  ['where', { where: long, scan: true }],
  ['where', { where: { [long]: 5 } }],
  [`where.${long.slice(0, 100)}…`, { where: { [long]: {} } }],
  ['where', { where: { '': 1 }, scan: true }],
  ['where.balance', { where: { balance: NaN } }],
  ['where.balance', { where: { balance: { '>': NaN } } }],
  ['where.balance', { where: { balance: 5n } }],
  ['where.balance', { where: { balance: { '>=': null } } }],
  ['where.balance', { where: { balance: { '<': null } }, scan: true }],
  ['where.balance', { where: { balance: undefined } }],
  ['where.balance', { where: { balance: { '>': undefined } } }],
  ['where.balance', { where: { balance: { [long]: 1 } } }],
  ['where.balance', { where: { balance: ['5'] } }],
  ['where.balance', { where: { balance: new Date() } }],
])('%s of a kind that it cannot have is refused, and named in a line', async (option, query) => {
  const asked = projections.of(Balances).find(query);
  await expect(asked).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_FIND', option });
  await expect(asked).rejects.toMatchObject({ message: expect.stringMatching(/^.{1,400}$/) });
});

it('the end of a page of one projection is not the beginning of one of another', async () => {
  const { next } = await projections.named('totals').find({ limit: 1 });
  expect(next).toEqual(expect.any(String));
  await expect(projections.named('totals').find({ limit: 1, after: next! })).resolves.toMatchObject({
    documents: [{ key: 'group-1' }],
  });
  await expect(projections.of(Balances).find({ limit: 1, after: next! })).rejects.toMatchObject({
    ...{ code: 'BACKSTORY_INVALID_FIND', option: 'after' },
  });
});

it('bounds may be without end', async () => {
  const { documents } = await projections.of(Balances).find({ where: { balance: { '<': Infinity } } });
  expect(documents).toHaveLength(1);
});
