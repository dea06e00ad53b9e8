import fc from 'fast-check';
import {
  memory,
  readRecorded,
  type EventMetadata,
  type EventPriority,
  type EventStore,
  type RecordedEvent,
  type StoredEvent,
} from '@backstory/core';
import {
  Big,
  DomainEvent,
  EventTypes,
  Fields,
  bigint,
  decimal,
  instant,
  listOf,
  mapOf,
  setOf,
} from '@backstory/events';
import { FilterNotSerialisable, InvalidFilter } from './errors.js';
import { Filter } from './filter.js';
import { where } from './where.js';

class Line {
  constructor(
    readonly sku: string,
    readonly quantity: number,
  ) {}
}

@DomainEvent('order.placed', { aliases: ['order.created'] })
@Fields({
  lines: listOf(Line),
  amount: decimal,
  due: instant,
  units: bigint,
  tags: setOf(String),
  prices: mapOf(decimal),
})
class OrderPlaced {
  constructor(readonly given: Partial<Omit<OrderPlaced, 'given'>>) {
    Object.assign(this, given);
    delete (this as { given?: unknown }).given;
  }
  declare readonly lines: readonly Line[];
  declare readonly amount: Big;
  declare readonly due: Date;
  declare readonly units: bigint;
  declare readonly tags: Set<string>;
  declare readonly prices: Map<string, Big>;
  declare readonly note: string | null;
  declare readonly paid: boolean;
  declare readonly weight: number;
}

const types = new EventTypes([OrderPlaced]);
const placed = new OrderPlaced({
  lines: [new Line('poster', 3), new Line('frame', 1)],
  amount: new Big('99.99'),
  due: new Date('2026-12-24T00:00:00.000Z'),
  units: 9_007_199_254_740_993n,
  tags: new Set(['gift', 'fragile']),
  prices: new Map([
    ['poster', new Big('33.33')],
    ['a.b', new Big('19.9')],
  ]),
  note: null,
  paid: true,
  weight: 2.5,
});

const METADATA: EventMetadata = {
  correlationId: 'c-1',
  source: 'shop',
  occurredAt: '2026-11-20T12:00:00.000Z',
};

/** The event as it is stored, as a reader of JSON sees it, and as a handler sees it. */
function both(event: object, metadata: Partial<EventMetadata> = {}): readonly RecordedEvent[] {
  const stored: StoredEvent = {
    ...types.encode(event),
    id: 'e-1',
    stream: 'order-42',
    version: 1,
    position: 7,
    appendIndex: 0,
    recordedAt: new Date('2026-11-21T00:00:00.000Z'),
    metadata: JSON.stringify({ ...METADATA, ...metadata }),
  };
  return [readRecorded(stored), types.decode(stored)];
}

const answers = (filter: Filter, metadata?: Partial<EventMetadata>) =>
  both(placed, metadata).map((event) => filter.matches(event));

describe('a filter gives one answer for an event, be it JSON or an instance', () => {
  test.each<[string, Filter, boolean]>([
    ['text that is equal', where.data('lines[0].sku', '=', 'poster'), true],
    ['text that is not', where.data('lines[1].sku', '=', 'poster'), false],
    ['any of the elements', where.data('lines[*].sku', '=', 'frame'), true],
    ['none of the elements', where.data('lines[*].sku', '=', 'piano'), false],
    ['a number above', where.data('weight', '>', 2), true],
    ['a number not above itself', where.data('weight', '>', 2.5), false],
    ['a decimal above a number', where.data('amount', '>', 99), true],
    ['a decimal not above itself', where.data('amount', '>', new Big('99.990')), false],
    ['a decimal equal to itself in other words', where.data('amount', '=', new Big('99.9900')), true],
    ['a bigint beyond what numbers can tell apart', where.data('units', '>', 9_007_199_254_740_992n), true],
    ['a bigint equal to its neighbour', where.data('units', '=', 9_007_199_254_740_992n), false],
    ['an instant after another', where.data('due', '>=', new Date('2026-12-24T00:00:00.000Z')), true],
    ['an instant before another', where.data('due', '<', new Date('2026-12-24T00:00:00.000Z')), false],
    ['an instant as text', where.data('due', 'like', '2026-12-24T*'), true],
    ['what a map holds', where.data('prices.poster', '<', 40), true],
    ['what a map holds under a quoted key', where.data('prices["a.b"]', '=', new Big('19.90')), true],
    ['what a map does not hold', where.data('prices.piano', 'exists'), false],
    ['any value of a map', where.data('prices[*]', '<', 20), true],
    ['a list has no length', where.data('lines.length', 'exists'), false],
    ['nor has a map', where.data('prices.size', 'exists'), false],
    ['an element of a set', where.data('tags[*]', '=', 'gift'), true],
    ['null', where.data('note', '=', null), true],
    ['null exists', where.data('note', 'exists'), true],
    ['what is not there', where.data('discount', 'exists', false), true],
    ['what is not there is not equal', where.data('discount', '=', 5), false],
    ['what is not there is different', where.data('discount', '!=', 5), true],
    ['what an instance has from its prototype', where.data('constructor', 'exists'), false],
    ['what a Big is made of', where.data('amount.c[0]', 'exists'), false],
    ['true', where.data('paid', '=', true), true],
    ['one of several', where.data('weight', 'in', [1, 2.5]), true],
    ['none of several', where.data('weight', 'in', []), false],
    ['a number is no text', where.data('weight', '=', '2.5'), false],
    ['text that is no number does not compare', where.data('lines[0].sku', '<', 5), false],
    ['a type with a wildcard', where.type('order.*'), true],
    ['a type', where.type('order.paid'), false],
    ['a class', where.type(OrderPlaced), true],
    ['a category', where.category('order'), true],
    ['a stream', where.stream('order-4'), false],
    ['a flow', where.correlation('c-1', 'c-2'), true],
    ['a cause that it has not', where.causedBy('e-0'), false],
    ['an id', where.id('e-1'), true],
    ['metadata', where.metadata('source', '=', 'shop'), true],
    ['when it happened, ends included', where.occurred({ upTo: new Date('2026-11-20T12:00:00.000Z') }), true],
    [
      'when it was recorded, which was later',
      where.recorded({ upTo: new Date('2026-11-20T12:00:00.000Z') }),
      false,
    ],
    ['a priority that nobody gave is normal', where.priority('=', 'normal'), true],
    ['an expression', where.expression('data.weight > 2 && data.amount <= 99.99 && data.units > 5'), true],
    [
      'an expression of everything there is',
      where.expression('data.lines.some(it => it.sku == "piano")'),
      false,
    ],
    [
      'an instant, in an expression',
      where.expression('data.due > "2026-12-23" && recordedAt > "2026"'),
      true,
    ],
    [
      'where it stands, in an expression',
      where.expression('category == "order" && streamId == "42" && metadata.source == "shop"'),
      true,
    ],
    ['everything', where.everything, true],
    ['nothing', where.nothing, false],
    ['both', where.type('order.*').and(where.data('weight', '>', 3)), false],
    ['either', where.type('order.*').or(where.data('weight', '>', 3)), true],
    ['not', where.type('order.*').not(), false],
  ])('%s', (_, filter, expected) => {
    expect(answers(filter)).toEqual([expected, expected]);
    expect(answers(Filter.parse(JSON.stringify(filter)))).toEqual([expected, expected]);
    expect(Filter.parse(JSON.stringify(filter)).toString()).toBe(filter.toString());
  });
});

test('a class stands for every name its events were recorded under', () => {
  expect(where.type(OrderPlaced).toQuery()).toEqual({ types: ['order.placed', 'order.created'] });
});

test.each<[EventPriority | undefined, boolean]>([
  ['low', false],
  [undefined, false],
  ['high', true],
  ['critical', true],
])('of priority %s: high or above is %s', (priority, expected) => {
  const metadata = priority === undefined ? {} : { priority };
  expect(answers(where.priority('>=', 'high'), metadata)).toEqual([expected, expected]);
});

test('a priority that is none, as anybody may record it, counts as normal', () => {
  expect(answers(where.priority('=', 'normal'), { priority: 'urgent' as never })).toEqual([true, true]);
});

describe('a wildcard', () => {
  test.each([
    ['*', 'order.placed', true],
    ['order.*', 'order.line.added', true],
    ['order.*', 'order', false],
    ['*.placed', 'order.placed', true],
    ['o*r.*d', 'order.placed', true],
    ['a*a', 'a', false],
    ['a*b*c', 'a-c', false],
    ['ab*ba', 'aba', false],
    ['*b*b', 'b', false],
    ['order.placed', 'order.placed', true],
    ['order+placed', 'orderrplaced', false],
  ])('%s matches %s: %s', (pattern, type, expected) => {
    const [event] = both(placed);
    expect(where.type(pattern).matches({ ...event!, type })).toBe(expected);
  });

  test('says the same as the regular expression that it stands for', () => {
    const text = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 8 });
    const name = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(text, name, (pattern, type) => {
        if (pattern === '') return;
        const [event] = both(placed);
        const wanted = new RegExp(`^${pattern.replaceAll('*', '.*')}$`).test(type);
        expect(where.type(pattern).matches({ ...event!, type })).toBe(wanted);
      }),
    );
  });
});

describe('a filter says what it asks, and why', () => {
  const large = where
    .type('order.*')
    .and(where.data('amount', '>', 100).or(where.metadata('tenant', '=', 'eu')));

  test('in words', () => {
    expect(String(large)).toBe('type is order.* and (data.amount > 100 or metadata.tenant = "eu")');
    expect(String(where.type('a', 'b c').and(where.priority('>', 'low')))).toBe(
      '(type is a or "b c") and priority > low',
    );
    expect(String(large.not())).toBe(`not (${String(large)})`);
  });

  test('and what of an event decided', () => {
    const [event] = both(placed);
    expect(large.explain(event!)).toEqual({
      filter: String(large),
      matches: false,
      because: 'data.amount is "99.99", not > 100; metadata.tenant is absent, not = "eu"',
    });
    expect(where.type('order.*').not().explain(event!).because).toBe(
      'type is order.placed, which is not wanted',
    );
    expect(where.data('lines[*].sku', '=', 'frame').explain(event!).because).toBe(
      'data.lines[*].sku is "poster" and "frame"',
    );
    expect(where.that('is heavy', ({ data }) => (data as OrderPlaced).weight > 2).explain(event!)).toEqual({
      filter: 'is heavy',
      matches: true,
      because: 'is heavy: yes',
    });
    expect(where.expression('data.weight > 3').explain(event!).because).toBe('data.weight > 3: no');
    const ages = where.occurred({ from: new Date('2027-01-01') });
    expect(ages.explain(event!).because).toBe(
      'occurred is 2026-11-20T12:00:00.000Z, not from 2027-01-01T00:00:00.000Z',
    );
  });
});

describe('a filter is written down as JSON', () => {
  test('with what JSON does not know', () => {
    const filter = where.data('amount', '>', new Big('0.1')).and(where.data('due', '<', new Date(0)));
    expect(JSON.parse(JSON.stringify(filter))).toEqual({
      all: [
        { data: 'amount', is: '>', value: { decimal: '0.1' } },
        { data: 'due', is: '<', value: { instant: '1970-01-01T00:00:00.000Z' } },
      ],
    });
  });

  test('an expression as its text, in brackets where words stand around it', () => {
    const filter = where.type('order.*').and(where.expression('data.weight > 3 || data.paid'));
    expect(JSON.parse(JSON.stringify(filter))).toEqual({
      all: [{ types: ['order.*'] }, { expression: 'data.weight > 3 || data.paid' }],
    });
    expect(String(filter)).toBe('type is order.* and (data.weight > 3 || data.paid)');
  });

  test('but not where it asks a function', () => {
    const filter = where.type('a').and(where.that('is large', () => true));
    expect(() => JSON.stringify(filter)).toThrow(FilterNotSerialisable);
  });

  test.each([
    ['{', 'filter: is no JSON'],
    ['[]', 'filter: has [] where a condition belongs.'],
    ['{}', 'filter: has a condition of no kind: there are all, any, not, types'],
    ['{"typo":["a"]}', 'condition of no kind'],
    ['{"types":["a"],"categories":["b"]}', 'types: takes types, and no categories.'],
    ['{"types":"a"}', 'types: must be a list of names.'],
    ['{"types":[1]}', 'types: must be names, not 1.'],
    ['{"all":{}}', 'all: takes a list of conditions.'],
    ['{"not":7}', 'filter: has 7 where a condition belongs.'],
    [
      '{"data":"a","is":"~","value":1}',
      'data.a: ~ is no comparison: there are =, !=, <, <=, >, >=, in, like, exists.',
    ],
    ['{"data":"a..b","is":"=","value":1}', 'data: "a..b" is no path'],
    ['{"data":"a","is":">","value":true}', 'data.a: true can only be compared with = and !=.'],
    ['{"data":"a","is":"=","value":{"instant":"soon"}}', 'data.a: is compared with an invalid Date.'],
    ['{"data":"a","is":"=","value":[1]}', 'data.a: is compared with a value of type object'],
    ['{"data":"a","is":"in","value":1}', 'data.a: in takes a list of values.'],
    ['{"occurred":{}}', 'occurred: needs from, upTo or both.'],
    ['{"occurred":{"form":"2026-01-01"}}', 'occurred: takes from and upTo, and no form.'],
    ['{"recorded":{"from":"soon"}}', 'recorded: takes valid Dates, not Invalid Date.'],
    ['{"expression":7}', 'expression: takes text'],
    ['{"priority":"urgent","is":"="}', 'priority: urgent is none: there are low, normal, high, critical.'],
    ['{"priority":"high","is":"!="}', 'priority: != is no comparison'],
    [
      `${'{"not":'.repeat(200)}{"types":["a"]}${'}'.repeat(200)}`,
      'filter: is nested deeper than 100 levels.',
    ],
  ])('and what is no such JSON is refused: %.40s', (json, message) => {
    expect(() => Filter.parse(json)).toThrow(InvalidFilter);
    expect(() => Filter.parse(json)).toThrow(message);
  });

  test.each<[string, () => unknown]>([
    ['NaN', () => where.data('a', '=', NaN)],
    ['undefined', () => where.data('a', '=', undefined as never)],
    ['a function without words', () => where.that('', () => true)],
    ['words without a function', () => where.that('is large', true as never)],
  ])('%s is refused', (_, make) => expect(make).toThrow(InvalidFilter));
});

test.each<[string, string]>([
  ['typ == "x"', 'there is no typ here: did you mean type?\ntyp == "x"\n^'],
  ['total > 4', 'there is no total here: there are id, stream'],
])('an expression that asks an event for what it has not is refused: %s', (text, message) => {
  for (const make of [() => where.expression(text), () => Filter.parse(JSON.stringify({ expression: text }))])
    expect(make).toThrow(expect.objectContaining({ code: 'BACKSTORY_INVALID_EXPRESSION' }));
  expect(() => where.expression(text)).toThrow(message);
});

describe('what an index can be asked', () => {
  const query = (filter: Filter, known = {}) => filter.toQuery(known);

  test.each<[string, Filter, object]>([
    [
      'names',
      where.type('a', 'b').and(where.category('order')),
      { types: ['a', 'b'], categories: ['order'] },
    ],
    ['what lies in both', where.type('a', 'b').and(where.type('b', 'c')), { types: ['b'] }],
    [
      'what lies in either',
      where.type('a').or(where.type('b').and(where.stream('s-1'))),
      { types: ['a', 'b'] },
    ],
    ['nothing where one is not narrowed', where.type('a').or(where.data('x', '=', 1)), {}],
    ['nothing of what is not meant', where.type('a').not(), {}],
    ['nothing that can be', where.type('a').and(where.type('b')), { types: [] }],
    ['the possible of the two', where.nothing.or(where.type('a')), { types: ['a'] }],
    [
      'the wider time of two',
      where
        .recorded({ from: new Date(5), upTo: new Date(9) })
        .or(where.recorded({ from: new Date(3), upTo: new Date(7) })),
      { recordedFrom: new Date(3), recordedUpTo: new Date(9) },
    ],
    [
      'the narrower time of both',
      where.recorded({ from: new Date(5) }).and(where.recorded({ from: new Date(3), upTo: new Date(7) })),
      { recordedFrom: new Date(5), recordedUpTo: new Date(7) },
    ],
    ['nothing in no time', where.recorded({ from: new Date(5), upTo: new Date(3) }), { types: [] }],
    ['wildcards where nothing is known', where.type('order.*'), {}],
  ])('%s', (_, filter, expected) => expect(query(filter)).toEqual(expected));

  test('wildcards, as the types they stand for', () => {
    const known = { types: ['order.placed', 'order.paid', 'account.opened'] };
    expect(query(where.type('order.*', 'x'), known)).toEqual({ types: ['x', 'order.placed', 'order.paid'] });
  });

  test('but not what the store has no index for', () => {
    const filter = where
      .type('a')
      .and(where.correlation('c'))
      .and(where.recorded({ from: new Date(5) }));
    expect(query(filter, { unindexed: ['correlationIds', 'recordedFrom'] })).toEqual({ types: ['a'] });
  });
});

describe('on a log', () => {
  const name = fc.constantFrom('a', 'b', 'c');
  const event = fc.record({ type: name, category: name, flow: name, value: fc.nat(3) });
  const leaf: fc.Arbitrary<Filter> = fc.oneof(
    fc.array(fc.constantFrom('a', 'b', 'c', '*'), { maxLength: 2 }).map((it) => where.type(...it)),
    fc.array(name, { maxLength: 2 }).map((it) => where.category(...it)),
    fc.array(name, { maxLength: 2 }).map((it) => where.correlation(...it)),
    fc.nat(3).map((it) => where.data('value', '>', it)),
    fc.nat(3).map((it) => where.expression(`data.value < ${it}`)),
    fc.constantFrom('a-1', 'b-1').map((it) => where.stream(it)),
  );
  const filters: fc.Arbitrary<Filter> = fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.tuple(tie('filter'), tie('filter')).map(([a, b]) => a.and(b)),
      fc.tuple(tie('filter'), tie('filter')).map(([a, b]) => a.or(b)),
      tie('filter').map((it) => it.not()),
    ),
  })).filter;

  test('asking the index first loses nothing, whatever the filter', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(event, { maxLength: 20 }), filters, async (recorded, filter) => {
        const { events: store } = await memory().open();
        for (const [i, it] of recorded.entries()) await record(store, it, i);
        const all = await read(store, {});
        const wanted = all.filter((it) => filter.matches(readRecorded(it))).map(({ id }) => id);
        const asked = await read(store, filter.toQuery({ types: ['a', 'b', 'c'] }));
        expect(filter.select(asked).map(({ id }) => id)).toEqual(wanted);
        const again = Filter.parse(JSON.stringify(filter));
        expect(again.select(all).map(({ id }) => id)).toEqual(wanted);
      }),
      { numRuns: 200 },
    );
  });

  async function record(
    store: EventStore,
    { type, category, flow, value }: { type: string; category: string; flow: string; value: number },
    i: number,
  ): Promise<void> {
    const metadata = JSON.stringify({ ...METADATA, correlationId: flow });
    const stamped = { id: `e-${i}`, type, schemaVersion: 1, data: JSON.stringify({ value }), metadata };
    await store.append([{ stream: `${category}-1`, expected: 'any', events: [stamped] }]);
  }

  async function read(store: EventStore, query: object): Promise<StoredEvent[]> {
    const found: StoredEvent[] = [];
    for await (const page of store.readAll(query)) found.push(...page.events);
    return found;
  }
});
