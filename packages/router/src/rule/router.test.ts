import type { RecordedEvent } from '@backstory/core';
import { silent, type EventRouted } from '@backstory/core/observe';
import { DomainEvent } from '@backstory/events';
import { where } from '../filter/where.js';
import { InvalidRule } from './errors.js';
import { Router } from './router.js';
import { topic } from './topic.js';

@DomainEvent('order.placed', { aliases: ['order.created'] })
class OrderPlaced {}

const event = (type: string, data: object = {}): RecordedEvent => ({
  id: 'e-1',
  stream: 'order-42',
  version: 1,
  position: 1,
  type,
  schemaVersion: 1,
  data,
  metadata: { correlationId: 'c', source: 'shop', occurredAt: '2026-11-20T12:00:00.000Z' },
  recordedAt: new Date(0),
});
const topics = (router: Router, it: RecordedEvent) => router.route(it).map((route) => route.topic);

describe('a router', () => {
  test('leads an event to the topics of the rules whose source and condition it meets', () => {
    const router = new Router([
      { name: 'all', source: 'order.*', target: 'orders' },
      {
        name: 'large',
        source: OrderPlaced,
        condition: where.data('amount', '>', 100),
        target: topic('large'),
      },
      { name: 'vip', source: '*', condition: ({ stream }) => stream === 'order-7', target: 'vip' },
    ]);
    expect(topics(router, event('order.placed', { amount: 500 }))).toEqual(['orders', 'large']);
    expect(topics(router, event('order.created', { amount: 500 }))).toEqual(['orders', 'large']);
    expect(topics(router, event('order.placed', { amount: 5 }))).toEqual(['orders']);
    expect(topics(router, event('account.opened'))).toEqual([]);
  });

  test('asks the rule with the highest priority first; among equals the first', () => {
    const router = new Router([
      { name: 'a', source: '*', target: 'same', timeoutMs: 5 },
      { name: 'b', source: '*', target: 'other' },
      { name: 'c', source: '*', target: 'same', priority: 9, timeoutMs: 70 },
    ]);
    expect(router.rules.map(({ name }) => name)).toEqual(['c', 'a', 'b']);
    expect(router.route(event('x'))).toEqual([
      { topic: 'same', rule: 'c', timeoutMs: 70 },
      { topic: 'other', rule: 'b', timeoutMs: 30_000 },
    ]);
  });

  test('has the defaults that are documented', () => {
    const [rule] = new Router([{ name: 'a', source: 'order.*', target: 'orders' }]).rules;
    expect(rule).toMatchObject({ priority: 1, timeoutMs: 30_000, description: '', source: 'order.*' });
    expect(String(rule!.condition)).toBe('everything');
  });

  test('leads from topic to topic, in whatever order the rules stand, and through a circle once', () => {
    const router = new Router([
      { name: 'third', source: topic('second'), target: 'third', priority: 9 },
      { name: 'second', source: topic('first'), condition: where.data('n', '=', 1), target: 'second' },
      { name: 'back', source: topic('third'), target: 'first' },
      { name: 'first', source: 'x', target: 'first' },
    ]);
    expect(topics(router, event('x', { n: 1 }))).toEqual(['first', 'second', 'third']);
    expect(topics(router, event('x', { n: 2 }))).toEqual(['first']);
    expect(router.routesFor('x').map(({ name }) => name)).toEqual(['third', 'second', 'back', 'first']);
    expect(router.routesFor('y')).toEqual([]);
  });

  test('says which rules a type may go through, by any name of its class', () => {
    const router = new Router([
      { name: 'old', source: 'order.created', target: 'a' },
      { name: 'other', source: 'account.*', target: 'b' },
    ]);
    expect(router.routesFor(OrderPlaced).map(({ target }) => target)).toEqual(['a']);
    expect(router.routesFor('order.placed')).toEqual([]);
  });

  test('takes and gives up rules at any time', () => {
    const router = new Router();
    const remove = router.add({ name: 'a', source: '*', target: 'a' });
    router.add({ name: 'b', source: '*', target: 'b' });
    expect(topics(router, event('x'))).toEqual(['a', 'b']);
    remove();
    expect(topics(router, event('x'))).toEqual(['b']);
    expect(router.remove('b')).toBe(true);
    expect(router.remove('b')).toBe(false);
    expect(topics(router, event('x'))).toEqual([]);
  });

  test('decides, tells and explains by the rules of one moment, whatever is added and removed meanwhile', () => {
    const told: EventRouted[] = [];
    const observer = { ...silent, route: (facts: () => EventRouted) => void told.push(facts()) };
    const b = { name: 'b', source: '*', target: 'b' };
    const swaps = (): boolean => {
      if (!router.remove('b')) router.add(b);
      return true;
    };
    const router = new Router([{ name: 'a', source: '*', condition: swaps, target: 'a' }, b], { observer });
    for (const those of [['a', 'b'], ['a'], ['a', 'b']]) {
      expect(topics(router, event('x'))).toEqual(those);
      expect(told.splice(0).map(({ rule, result }) => [rule, result])).toEqual(
        those.map((rule) => [rule, 'matched']),
      );
    }
    const { decisions } = router.explain(event('x'));
    expect(decisions.map(({ rule }) => rule)).toEqual(['a']);
  });

  test('removing a rule twice leaves the one alone that took its name', () => {
    const router = new Router();
    const remove = router.add({ name: 'a', source: '*', target: 'a' });
    remove();
    router.add({ name: 'a', source: '*', target: 'b' });
    remove();
    expect(topics(router, event('x'))).toEqual(['b']);
  });

  test('explains which rules matched, and why the others did not', () => {
    const router = new Router([
      { name: 'large', source: 'order.*', condition: where.data('amount', '>', 100), target: 'large' },
      { name: 'mail', source: topic('large'), target: 'mail' },
      { name: 'accounts', source: 'account.*', target: 'accounts' },
      { name: 'all', source: 'order.*', target: 'orders' },
      {
        name: 'broken',
        source: '*',
        condition: () => {
          throw new Error('no such field');
        },
        target: 'x',
      },
    ]);
    const { decisions, routes } = router.explain(event('order.placed', { amount: 50 }));
    expect(decisions.map(({ rule, result, because }) => [rule, result, because])).toEqual([
      ['large', 'filtered', 'data.amount is 50, not > 100'],
      ['mail', 'no-match', 'it does not go to topic large'],
      ['accounts', 'no-match', 'type is order.placed, not account.*'],
      ['all', 'matched', 'everything is wanted'],
      ['broken', 'failed', 'its condition threw: no such field'],
    ]);
    expect(routes.map((it) => it.topic)).toEqual(['orders']);
  });

  test('tells the observer what every rule decided, and nobody when it explains', () => {
    const told: EventRouted[] = [];
    const observer = { ...silent, route: (facts: () => EventRouted) => void told.push(facts()) };
    const fails = () => {
      throw new Error('no');
    };
    const router = new Router(
      [
        { name: 'a', source: 'x', target: 'one' },
        { name: 'b', source: 'x', condition: where.nothing, target: 'two' },
        { name: 'c', source: 'y', target: 'three' },
        { name: 'd', source: 'x', condition: fails, target: 'four' },
      ],
      { observer },
    );
    router.explain(event('x'));
    // It may be asked for each handler, each attempt, and where nothing is handled at all.
    router.into('one').matches(event('x'));
    expect(told).toEqual([]);
    router.route(event('x'));
    expect(told).toEqual([
      { rule: 'a', target: 'one', eventType: 'x', result: 'matched' },
      { rule: 'b', target: 'two', eventType: 'x', result: 'filtered' },
      { rule: 'c', target: 'three', eventType: 'x', result: 'no-match' },
      { rule: 'd', target: 'four', eventType: 'x', result: 'failed' },
    ]);
  });

  test('gives a filter of what goes to a topic, by the rules as they are when it is asked', () => {
    const router = new Router([{ name: 'a', source: 'order.*', target: 'orders' }]);
    const filter = router.into('orders');
    expect(filter.matches(event('order.placed'))).toBe(true);
    expect(filter.matches(event('x'))).toBe(false);
    router.remove('a');
    expect(filter.matches(event('order.placed'))).toBe(false);
    expect(String(filter)).toBe('goes to orders');
  });

  test('where a rule on the way to a topic fails it cannot be told what goes there, and the filter fails as well', () => {
    const fails = () => {
      throw new Error('not loaded');
    };
    const router = new Router([
      { name: 'a', source: 'x', target: 'first', condition: fails },
      { name: 'b', source: topic('first'), target: 'review' },
      { name: 'c', source: topic('review'), target: 'first' },
      { name: 'd', source: 'y', target: 'review' },
    ]);
    expect(() => router.into('review').matches(event('x'))).toThrow('not loaded');
    expect(router.into('elsewhere').matches(event('x'))).toBe(false);
    expect(router.into('review').matches(event('y'))).toBe(true);
  });

  test.each<[string, object, string]>([
    ['without a name', { source: '*', target: 'a' }, 'has no name that can be shown'],
    ['without a source', { name: 'r', target: 'a' }, "Rule r has no source: give a type, e.g. 'order.*'"],
    ['without a target', { name: 'r', source: '*' }, 'names a topic that is no name'],
    [
      'with a condition that is none',
      { name: 'r', source: '*', target: 'a', condition: 7 },
      'no filter and no function',
    ],
    [
      'of a name that is taken',
      { name: 'taken', source: '*', target: 'a' },
      'is there already: remove it first',
    ],
  ])('refuses a rule %s', (_, rule, message) => {
    const router = new Router([{ name: 'taken', source: '*', target: 'a' }]);
    expect(() => router.add(rule as never)).toThrow(InvalidRule);
    expect(() => router.add(rule as never)).toThrow(message);
    expect(router.rules).toHaveLength(1);
  });

  test.each([
    ['timeoutMs', { timeoutMs: 0 }],
    ['priority', { priority: NaN }],
    ['timeout', { timeout: 5 }],
  ])('refuses the option %s', (option, given) => {
    const rule = { name: 'r', source: '*', target: 'a', ...given };
    expect(() => new Router([rule])).toThrow(
      expect.objectContaining({ code: 'BACKSTORY_INVALID_OPTION', option }),
    );
  });
});
