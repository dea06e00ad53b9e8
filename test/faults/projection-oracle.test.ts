import type { OpenStorage, StoredEvent } from '@backstory/core';
import { deleted, projection, type FunctionalProjection, type Projections } from '@backstory/projection';
import { Deposited, Withdrawn, recording } from '../support/bank-events.js';
import { projectionsOn } from '../support/projecting.js';
import { seededRandom } from '../support/seeded-random.js';
import { describeEachStorage } from '../support/each-storage.js';
import { eventsOf } from '../support/sqlite-files.js';
import { IN_TIME } from '../support/eventually.js';

interface Sum {
  readonly sum: number;
  readonly last: string;
  readonly count: number;
}

/** Projections that differ in how their keys come about; each forgets a document that comes to nothing. */
const KEYS: Readonly<
  Record<string, ((event: Pick<StoredEvent, 'stream' | 'version'>) => readonly string[]) | undefined>
> = {
  streams: undefined,
  groups: ({ stream }) => [`group-${stream.slice(8, 9)}`],
  several: ({ stream, version }) => (version % 3 === 0 ? [] : ['all', `parity-${version % 2}`, stream]),
};

const keysOf = (name: string, event: Pick<StoredEvent, 'stream' | 'version'>) =>
  KEYS[name]?.(event) ?? [event.stream];

const next = ({ sum, count }: Sum, amount: number, last: string): Sum => ({
  sum: sum + amount,
  last,
  count: count + 1,
});

function source(name: string): FunctionalProjection<Sum> {
  const key = KEYS[name];
  return projection(name, {
    version: 1,
    ...(key && { key }),
    initial: { sum: 0, last: '', count: 0 },
    events: { Deposited, Withdrawn },
    fold: {
      Deposited: (document, { amount }, { id }) => next(document, amount, id),
      Withdrawn: (document, { amount }, { id }) => {
        const left = next(document, -amount, id);
        return left.sum === 0 ? deleted : left;
      },
    },
  });
}

/** What the events up to a position make of a document, worked out from their text with none of the projection's code. */
function naive(
  events: readonly StoredEvent[],
  name: string,
  { key, position }: { key: string; position: number },
): Sum | undefined {
  let document: Sum | undefined;
  for (const event of events) {
    if (event.position > position) break;
    if (!keysOf(name, event).includes(key)) continue;
    const { amount } = JSON.parse(event.data) as { amount: number };
    const signed = event.type === 'account.deposited' ? amount : -amount;
    const { sum, count } = document ?? { sum: 0, count: 0 };
    document = { sum: sum + signed, last: event.id, count: count + 1 };
    if (signed < 0 && document.sum === 0) document = undefined;
  }
  return document;
}

const seed = Number(process.env['BACKSTORY_TEST_SEED'] ?? Date.now() % 1_000_000);
describeEachStorage((stores) => {
  let opened: OpenStorage;
  let projections: Projections;
  const names = Object.keys(KEYS);
  beforeEach(async () => {
    opened = await stores.opened(await stores.storage());
    projections = projectionsOn(opened, names.map(source));
  });
  afterEach(() => projections.close());

  interface Checkpointed {
    readonly name: string;
    readonly position: number;
    readonly documents: ReadonlyMap<string, unknown>;
  }

  /** All live documents of a projection, as of one checkpoint. */
  async function allOf(name: string): Promise<Checkpointed> {
    const { documents, position } = await projections.named(name).find({ limit: 1_000 });
    return { name, position, documents: new Map(documents.map(({ key, document }) => [key, document])) };
  }

  test(`live documents are at every checkpoint what a naive fold makes of the events up to there (seed ${seed})`, async () => {
    const random = seededRandom(seed + 1);
    const among = (n: number) => Math.floor(random() * n);
    const record = recording(opened.events);
    await projections.start();
    const seen: Checkpointed[] = [];
    for (let i = 1; i <= 300; i++) {
      const amount = 1 + among(3);
      await record(String(1 + among(25)), random() < 0.5 ? new Deposited(amount) : new Withdrawn(amount));
      const { head } = await opened.events.identity();
      // Some of them wherever it is just then.
      if (i % 25 === 0) for (const name of names) await projections.caughtUp(name, head, IN_TIME);
      if (i % 5 === 0) for (const name of names) seen.push(await allOf(name));
    }
    const events = await eventsOf(opened.events);
    const keys = [...new Set(events.flatMap((it) => names.flatMap((name) => keysOf(name, it))))];
    for (const { name, position, documents } of seen) {
      const wanted = keys.map((key) => [key, naive(events, name, { key, position })] as const);
      const there = new Map(wanted.filter(([, document]) => document !== undefined));
      expect({ name, position, documents }).toEqual({ name, position, documents: there });
    }
    for (const name of names) {
      const own = seen.filter((it) => it.name === name);
      expect(new Set(own.map(({ position }) => position)).size).toBeGreaterThanOrEqual(12);
    }
  });

  test(`1,000 documents as of 1,000 positions are what a naive fold makes of the events, and so are the live ones (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const among = (n: number) => Math.floor(random() * n);
    const record = recording(opened.events);
    await projections.start();
    for (let i = 0; i < 400; i++) {
      const amount = 1 + among(3);
      await record(String(1 + among(25)), random() < 0.5 ? new Deposited(amount) : new Withdrawn(amount));
    }
    const events = await eventsOf(opened.events);
    const { head } = await opened.events.identity();
    const streams = [...new Set(events.map(({ stream }) => stream))];
    const keys = [...streams, 'group-1', 'group-2', 'all', 'parity-0', 'parity-1', 'nothing'];
    let found = 0;
    for (let i = 0; i < 1_000; i++) {
      const name = names[among(names.length)]!;
      const asked = { key: keys[among(keys.length)]!, position: among(head + 1) };
      const document = await projections.named(name).asOf(asked.position).get(asked.key);
      expect({ name, ...asked, document }).toEqual({ name, ...asked, document: naive(events, name, asked) });
      if (document !== undefined) found++;
    }
    expect(found).toBeGreaterThan(200);
    for (const name of names) {
      await projections.caughtUp(name, head, IN_TIME);
      const position = await projections.named(name).position();
      for (const key of keys) {
        const document = await projections.named(name).get(key);
        expect({ name, key, document }).toEqual({
          name,
          key,
          document: naive(events, name, { key, position }),
        });
      }
    }
  });
});
