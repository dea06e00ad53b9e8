import { memory, type OpenStorage } from '@backstory/core';
import { type Subscriptions, reaction, subscriber, type SubscriptionOptions } from '@backstory/router';
import { Router } from '@backstory/router/bus';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { watching, subscriptionsOn } from '../../../../test/support/subscribing.js';

let storage: OpenStorage;
let subscriptions: Subscriptions;
beforeAll(async () => {
  storage = await memory().open();
  subscriptions = subscriptionsOn(storage);
  await recording(storage.events)('1', new Deposited(1));
  await subscriptions.add(watching('fraud', () => undefined));
});
afterAll(() => subscriptions.close());

/** As it comes from JavaScript. */
const given = (value?: unknown) => value as never;
const refused = (code: string, message: string) => ({
  code,
  message: expect.stringContaining(message) as string,
});

type Call = (it: Subscriptions) => Promise<unknown>;
const KEY = 'key: must be a key, a text of 1 to 1,000 bytes, not ';
const WHICH = 'which: must be { key } or "all", not ';
const OBJECT = 'options: must be an object, not ';

test.each<[string, Call, string]>([
  ['retry of nothing', (it) => it.retry('fraud', given()), `${WHICH}undefined`],
  ['retry of null', (it) => it.retry('fraud', given(null)), `${WHICH}null`],
  ['skip without a key', (it) => it.skip('fraud', given({})), `${KEY}undefined`],
  ['discard of what is no object', (it) => it.discard('fraud', given('account-1')), `${WHICH}"account-1"`],
  ['discard of a misspelt key', (it) => it.discard('fraud', given({ kee: 'a' })), 'kee: is no option here'],
  ['edit of nothing', (it) => it.edit('fraud', given()), `${OBJECT}undefined`],
  ['edit without a key', (it) => it.edit('fraud', given({ data: '{}' })), `${KEY}undefined`],
  ['a parked key that is none', (it) => it.parkedKey('fraud', given()), `${KEY}undefined`],
  ['parked keys by null', (it) => it.parked('fraud', given(null)), `${OBJECT}null`],
  [
    'parked keys by a misspelt option',
    (it) => it.parked('fraud', given({ state: ['dead'] })),
    'state: is no option here',
  ],
  [
    'parked keys by one state',
    (it) => it.parked('fraud', given({ states: 'dead' })),
    'states: must be a list of some of retrying, dead, draining, not "dead"',
  ],
  [
    'parked keys by no state',
    (it) => it.parked('fraud', given({ states: ['deed'] })),
    "draining, not [ 'deed' ]",
  ],
  ['fewer than no parked keys', (it) => it.parked('fraud', { limit: -1 }), 'limit: must be a number from 0'],
  ['NaN parked keys', (it) => it.parked('fraud', { limit: NaN }), 'limit: must be a number from 0'],
  ['parked keys after none', (it) => it.parked('fraud', { after: given('a') }), 'after.key: must be a key'],
  ['outcomes by null', (it) => it.outcomes('fraud', given(null)), `${OBJECT}null`],
  [
    'outcomes by a misspelt option',
    (it) => it.outcomes('fraud', given({ state: ['dead'] })),
    'state: is no option here',
  ],
  [
    'outcomes by no state',
    (it) => it.outcomes('fraud', given({ states: ['deed'] })),
    "discarded, not [ 'deed' ]",
  ],
  ['fewer than no outcomes', (it) => it.outcomes('fraud', { limit: -1 }), 'limit: must be a number from 0'],
  ['outcomes after none', (it) => it.outcomes('fraud', { after: given({}) }), 'after: must be an outcome'],
  [
    'outcomes of what is no event',
    (it) => it.outcomes('fraud', { event: given(5) }),
    'event: must be the id',
  ],
  ['a replay of no key', (it) => it.replay('fraud', { key: '' }), `${KEY}""`],
  ['a replay of a number', (it) => it.replay('fraud', { key: given(5) }), `${KEY}5`],
  [
    'a replay of no event',
    (it) => it.replay('fraud', { event: given(5) }),
    'event: must be the id of an event, not 5',
  ],
  [
    'a replay with a word for again',
    (it) => it.replay('fraud', { from: 1, again: given('no') }),
    'again: must be true or false, not "no"',
  ],
])('%s is refused', async (_, call, message) => {
  await expect(call(subscriptions)).rejects.toMatchObject(refused('BACKSTORY_INVALID_OPTION', message));
});

const LIST = 'fraud needs a list of reactions: on: [reaction(Event, (event) => …)]';

test.each<[string, () => object, string]>([
  ['null', () => given(null), 'null is no subscriber: give an instance of a class with @Subscriber'],
  ['a text', () => given('fraud'), '"fraud" is no subscriber'],
  ['an object without a class', () => Object.create(null) as object, 'is no subscriber'],
  ['null for reactions', () => subscriber({ name: 'fraud', on: given(null) }), LIST],
  ['null for a reaction', () => ({ name: 'fraud', on: [null], options: {} }), LIST],
  ['a function for a reaction', () => ({ name: 'fraud', on: [() => undefined], options: {} }), LIST],
])('%s is no subscriber, and refused', async (_, made, message) => {
  const adding = async () => subscriptions.add(made());
  await expect(adding()).rejects.toMatchObject(refused('BACKSTORY_INVALID_DEFINITION', message));
});

test.each([1.5, -1, '1', null])('a subscription does not begin at %p', async (from) => {
  const options = { from } as SubscriptionOptions;
  await expect(subscriptions.add(watching('late', () => undefined, options))).rejects.toMatchObject(
    refused('BACKSTORY_INVALID_OPTION', 'from: must be a position, "beginning" or "now", not '),
  );
});

test('the routes of nothing are refused', () => {
  expect(() => new Router().routesFor(given())).toThrow(
    'type: must be an event class or the name of a type, not undefined',
  );
});

test('removing says whether there was something to remove', async () => {
  const on = [reaction(Deposited, () => undefined)];
  await subscriptions.add(subscriber({ name: 'short', on }));
  expect(await subscriptions.remove('short')).toBe(true);
  expect(await subscriptions.remove('short')).toBe(false);
});

test('after they are closed no subscription is taken', async () => {
  const closed = subscriptionsOn(storage);
  const closing = closed.close();
  await expect(closed.add(watching('other', () => undefined))).rejects.toMatchObject(
    refused('BACKSTORY_SUBSCRIPTIONS_CLOSED', 'Subscriber other is not started: the application is closed'),
  );
  await closing;
  expect((await subscriptions.list()).map(({ name }) => name)).not.toContain('other');
});
