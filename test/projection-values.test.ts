import { Recorder, type OpenStorage } from '@backstory/core';
import { DomainEvent, EventHandler, EventTypes } from '@backstory/events';
import { Projection, projection, type Comparable, type Projections } from '@backstory/projection';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { IN_TIME } from './support/eventually.js';
import { projectionsOn } from './support/projecting.js';

@DomainEvent('basket.tagged')
class Tagged {
  constructor(readonly tags: string[]) {}
}

@DomainEvent('basket.put')
class Put {
  constructor(readonly value: Comparable) {}
}

const types = new EventTypes([Tagged, Put]);

/** Keeps the list that it was given, and adds to it later. */
@Projection('tags', { version: 1, key: ({ stream }) => (stream === 'both' ? ['a', 'b'] : [stream]) })
class Tags {
  tags: Comparable[] = [];

  @EventHandler(Tagged) tagged({ tags }: Tagged): void {
    this.tags = tags;
  }

  @EventHandler(Put) put({ value }: Put): void {
    this.tags.push(value);
  }
}

const values = projection('values', {
  version: 1,
  indexes: ['value'],
  initial: { value: null as Comparable },
  events: { Put },
  fold: { Put: (_, { value }) => ({ value }) },
});

describeEachStorage(valuesAre);

function valuesAre(stores: TestStorage): void {
  let opened: OpenStorage;
  const running: Projections[] = [];
  beforeEach(async () => {
    opened = await stores.opened(await stores.storage());
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });

  async function record(stream: string, ...happened: readonly object[]): Promise<void> {
    const events = happened.map((it) => types.encode(it));
    await new Recorder(opened.events, { source: 'test' }).record([{ stream, expected: 'any', events }]);
  }

  async function started(): Promise<Projections> {
    const projections = projectionsOn(opened, [Tags, values]);
    running.push(projections);
    await projections.start();
    const { head } = await opened.events.identity();
    for (const it of [Tags, values]) await projections.caughtUp(it, head, IN_TIME);
    return projections;
  }

  it.each([1, 2, 3])(
    'documents share nothing that an event brought, with a restart after event %d',
    async (nth) => {
      const happened: readonly [string, object][] = [
        ['both', new Tagged(['x'])],
        ['a', new Put('only a')],
        ['b', new Put('only b')],
      ];
      for (const [stream, event] of happened.slice(0, nth)) await record(stream, event);
      await (await started()).close();
      for (const [stream, event] of happened.slice(nth)) await record(stream, event);
      const projections = await started();
      const tags = projections.of(Tags);
      const expected = { a: { tags: ['x', 'only a'] }, b: { tags: ['x', 'only b'] } };
      const { head } = await opened.events.identity();
      for (const key of ['a', 'b'] as const) {
        expect(await tags.get(key)).toEqual(expected[key]);
        expect(await tags.asOf(head).get(key)).toEqual(expected[key]);
      }
      expect(await projections.verifyWithLog('tags')).toMatchObject({ isEqual: true, documents: 2 });
    },
  );

  it('an index finds what a look at every document finds, also at texts that it cuts and at numbers below nothing', async () => {
    const long = 'a'.repeat(120);
    const stored: readonly Comparable[] = [
      ...[long.slice(1), long, `${long}a`, `${long}z`, `${long.slice(1)}😀`, `${long.slice(1)}😀😀`],
      ...['', 'b', '\u0000', '\u0001', -1, 0, 1, true, false, null],
    ];
    for (const [i, value] of stored.entries()) await record(`v-${i}`, new Put(value));
    const documents = (await started()).of(values);
    const all = await documents.find({ limit: 1_000 });
    const before = (own: Comparable, wanted: Comparable): number | undefined => {
      if (typeof own !== typeof wanted || own === null || wanted === null) return undefined;
      if (typeof own === 'string') return Buffer.compare(Buffer.from(own), Buffer.from(wanted as string));
      return Number(own) - Number(wanted);
    };
    const fits: Readonly<Record<string, (order: number | undefined) => boolean>> = {
      '=': (order) => order === 0,
      '<': (order) => order! < 0,
      '<=': (order) => order! <= 0,
      '>': (order) => order! > 0,
      '>=': (order) => order! >= 0,
    };
    for (const wanted of [...stored.filter((it) => it !== null), -0, `${long.slice(2)}\ud83d`])
      for (const [operator, isFit] of Object.entries(fits)) {
        const found = await documents.find({ where: { value: { [operator]: wanted } }, limit: 1_000 });
        const expected = all.documents.filter(({ document }) => isFit(before(document.value, wanted)));
        const keys = (found: typeof all.documents) => found.map(({ key }) => key).sort();
        expect([operator, wanted, keys(found.documents)]).toEqual([operator, wanted, keys(expected)]);
      }
  });

  it('what cannot be a key, an order or a cursor is refused, naming it', async () => {
    const documents = (await started()).of(values);
    const { head } = await opened.events.identity();
    for (const key of ['', 'a\0', '\ud800', 'x'.repeat(513), 7 as never]) {
      for (const asked of [
        () => documents.get(key),
        () => documents.getMany([key]),
        () => documents.results(key),
        () => documents.asOf(head).get(key),
      ])
        await expect(asked()).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_OPTION', option: 'key' });
    }
    await expect(documents.find({ orderBy: { path: 'value', desc: true } as never })).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_OPTION',
    });
    const cursor = (fields: object) =>
      Buffer.from(JSON.stringify({ format: 'backstory.cursor/1', generation: 1, last: 'x', ...fields }));
    for (const after of [
      5 as never,
      'no cursor',
      ...[{ last: 5 }, { last: 'x\0' }, { generation: 'constructor' }].map((it) =>
        cursor(it).toString('base64url'),
      ),
    ])
      await expect(documents.find({ after })).rejects.toMatchObject({
        code: 'BACKSTORY_INVALID_FIND',
        option: 'after',
      });
  });
}
