import { memory, type OpenStorage } from '@backstory/core';
import { BatchHandler, type Subscriptions, batchReaction, reaction, subscriber } from '@backstory/router';
import { EventBus, Router } from '@backstory/router/bus';
import { where } from '@backstory/router/filter';
import { EventTypes } from '@backstory/events';
import { Deposited } from '../../../test/support/bank-events.js';
import { watching, subscriptionsOn } from '../../../test/support/subscribing.js';

/** As it comes from JavaScript, and from files that import each other. */
const nothing = undefined as never;
const none = null as never;
const handle = () => undefined;

let storage: OpenStorage;
let subscriptions: Subscriptions;
beforeEach(async () => {
  storage = await memory().open();
  subscriptions = subscriptionsOn(storage);
  await subscriptions.add(watching('fraud', handle));
});
afterEach(() => subscriptions.close());

const CYCLE = 'names an event class that is undefined: two files that import each other leave it so.';
const bus = () => {
  const record = () => Promise.reject(new Error('not here'));
  return new EventBus({
    source: 'x',
    types: new EventTypes([]),
    store: storage.events,
    record,
    router: new Router(),
  });
};

test.each<[string, () => unknown, string]>([
  ['reaction(undefined, …)', () => reaction(nothing, handle), `reaction(…) ${CYCLE}`],
  [
    'reaction(Event)',
    () => reaction(Deposited, none),
    'reaction(…) needs a function: reaction(Deposited, (event) => …).',
  ],
  [
    'reaction(Event, …, null)',
    () => reaction(Deposited, handle, none),
    'options: must be an object, not null.',
  ],
  [
    'batchReaction(undefined, …)',
    () => batchReaction(nothing, handle),
    'batchReaction(…) needs a list of event classes',
  ],
  ['batchReaction([], …)', () => batchReaction([], handle), 'batchReaction(…) needs a list of event classes'],
  ['batchReaction([undefined], …)', () => batchReaction([nothing], handle), `batchReaction(…) ${CYCLE}`],
  [
    'batchReaction([Event])',
    () => batchReaction([Deposited], none),
    'batchReaction(…) needs a function: batchReaction([Deposited], (batch) => …).',
  ],
  [
    'batchReaction(…, null)',
    () => batchReaction([Deposited], handle, none),
    'options: must be an object, not null.',
  ],
  [
    '@BatchHandler(undefined)',
    () => BatchHandler(nothing)({}, 'all', {}),
    'all needs a list of event classes',
  ],
  ['@BatchHandler([undefined])', () => BatchHandler([nothing])({}, 'all', {}), `all ${CYCLE}`],
  ['subscriber(null)', () => subscriber(none), 'null is no subscriber: give subscriber({ name, on }).'],
  ['new Router(null)', () => new Router(none), 'rules: must be a list of rules, not null.'],
  ['new Router([], null)', () => new Router([], none), 'options: must be an object, not null.'],
  ['attach(…, null)', () => bus().attach({}, none), 'options: must be an object, not null.'],
  ['and(null)', () => where.type('x').and(none), 'and: takes filters, not null.'],
  ['or(undefined)', () => where.type('x').or(nothing), 'or: takes filters, not undefined.'],
  [
    'accountFor(…, null)',
    () => subscriptions.accountFor('fraud', none),
    'options: must be an object, not null.',
  ],
  [
    'accountFor(…, { after: null })',
    () => subscriptions.accountFor('fraud', { after: none }),
    'after: must be a number',
  ],
  [
    'accountFor(…, { onMissing: null })',
    () => subscriptions.accountFor('fraud', { onMissing: none }),
    'onMissing: must be a function, not null.',
  ],
  [
    'outcomesOfEvents(null)',
    () => subscriptions.outcomesOfEvents(none),
    'events: must be a list of events, not null.',
  ],
  [
    'handled(null, …)',
    () => subscriptions.handled(none, 1),
    'name: must be the name of a subscription, not null.',
  ],
  ['handled("", …)', () => subscriptions.handled('', 1), 'name: must be the name of a subscription, not "".'],
  [
    'pause(undefined)',
    () => subscriptions.pause(nothing),
    'name: must be the name of a subscription, not undefined.',
  ],
  [
    'handled(…, null)',
    () => subscriptions.handled('fraud', none),
    'event: must be the id of an event, not null.',
  ],
  ['handled(…, "")', () => subscriptions.handled('fraud', ''), 'event: must be the id of an event, not "".'],
  ['handled(…, -1)', () => subscriptions.handled('fraud', -1), 'position: must be a position of the log'],
  [
    'handled(…, { timeoutMs: null })',
    () => subscriptions.handled('fraud', 1, { timeoutMs: none }),
    'timeoutMs: must be a number',
  ],
])('%s says what is missing', async (_, call, says) => {
  await expect((async () => call())()).rejects.toThrow(says);
});
