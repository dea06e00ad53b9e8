import { setTimeout as wait } from 'node:timers/promises';
import { Recorder, type OpenStorage } from '@backstory/core';
import { EventTypes } from '@backstory/events';
import { projection, type Documents, type Projections } from '@backstory/projection';
import { Deposited, Withdrawn } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { projectionsOn } from './support/projecting.js';

const ACCOUNTS = 60;

/** What a version makes says which version it was; the second one has every document twice. */
const marked = (version: number) =>
  projection('marked', {
    version,
    key: ({ stream }) => [stream, `${stream} again`].slice(0, version),
    indexes: ['sum'],
    initial: { version, sum: 0 },
    events: { Deposited, Withdrawn },
    fold: {
      Deposited: ({ sum }, { amount }) => ({ version, sum: sum + amount }),
      Withdrawn: ({ sum }, { amount }) => ({ version, sum: sum - amount }),
    },
  });

const types = new EventTypes([Deposited, Withdrawn]);

describeEachStorage(readersSee);

function readersSee(stores: TestStorage): void {
  let opened: OpenStorage;
  let reader: PacedReader | undefined;
  const running: Projections[] = [];
  const projecting = (version: number) => {
    const projections = projectionsOn(opened, [marked(version)]);
    running.push(projections);
    return projections;
  };
  beforeEach(async () => {
    opened = await stores.opened(await stores.storage());
  });
  afterEach(async () => {
    await reader?.stop();
    reader = undefined;
    for (const it of running.splice(0)) await it.close();
  });

  async function record(): Promise<void> {
    const writes = Array.from({ length: ACCOUNTS }, (_, i) => ({
      stream: `account-${100 + i}`,
      expected: 'any' as const,
      events: [types.encode(new Deposited(1)), types.encode(new Deposited(2))],
    }));
    await new Recorder(opened.events, { source: 'test' }).record(writes);
  }

  it('a reader a hundred times a second sees neither an error nor a mixture while it is rebuilt, verified, swapped and taken back', async () => {
    for (let i = 0; i < 20; i++) await record();
    const first = projecting(1);
    await first.start();
    await first.caughtUp('marked', (await opened.events.identity()).head, IN_TIME);
    reader = new PacedReader(first.named('marked'));

    const second = projecting(2);
    // Slowly at first, so that there is time to read.
    await second.rebuild('marked', { eventsPerSecond: 400 });
    await second.start();
    await reader.reads(150);
    expect((await second.status('marked')).generations[1]!.progress).toBeLessThan(1);
    await second.rebuild('marked', { eventsPerSecond: 1_000_000 });
    for (let i = 0; i < 10; i++) await record();
    await second.filled('marked', 2);

    await reader.reads(100, async () => {
      expect((await second.verify('marked')).different).toBe(2 * ACCOUNTS);
    });
    expect([...reader.seen]).toEqual([1]);

    await second.swap('marked');
    await eventually(() => reader!.seen.has(2));
    await reader.reads(150, () => second.rollback('marked'));

    const { reads, seconds } = await reader.stop();
    process.stdout.write(`${reads} reads in ${seconds.toFixed(1)} s\n`);
    expect(reads).toBeGreaterThanOrEqual(400);
    expect(reads / seconds).toBeLessThanOrEqual(101);
    expect([...reader.seen].sort()).toEqual([1, 2]);
  });
}

/** Reads a hundred times a second by the clock, as many at a time as that takes, in every way that there is. */
class PacedReader {
  /** Generations that were read. */
  readonly seen = new Set<number>();
  private done = 0;
  private readonly began = performance.now();
  private readonly stopping = new AbortController();
  private readonly reading: Promise<void>;
  private failure: unknown;
  private next: string | undefined;
  private from: number | undefined;

  constructor(private readonly documents: Documents<unknown>) {
    this.reading = this.read().catch((error: unknown) => void (this.failure = error));
  }

  /** Resolves after so many more reads, during which something is done over and over. */
  async reads(more: number, meanwhile?: () => Promise<unknown>): Promise<void> {
    const until = this.done + more;
    while (this.done < until && this.failure === undefined) {
      await meanwhile?.();
      await wait(5);
    }
    expect(this.failure).toBeUndefined();
  }

  async stop(): Promise<{ readonly reads: number; readonly seconds: number }> {
    this.stopping.abort();
    await this.reading;
    return { reads: this.done, seconds: (performance.now() - this.began) / 1_000 };
  }

  private async read(): Promise<void> {
    const ways = [() => this.get(), () => this.find(), () => this.count()];
    for (let i = 0; !this.stopping.signal.aborted; i++) {
      await ways[i % ways.length]!();
      this.done++;
      const due = this.began + (i + 1) * EVERY_MS - performance.now();
      if (due > 0) await wait(due);
    }
  }

  private async get(): Promise<void> {
    const key = `account-${100 + (this.done % ACCOUNTS)}`;
    const found = await this.documents.getMany([key, `${key} again`]);
    const versions = [...found.values()].map((it) => (it as { version: number }).version);
    expect(VERSIONS).toContainEqual(versions);
    expect(await this.documents.get(key)).toMatchObject({ version: expect.any(Number) });
  }

  private async count(): Promise<void> {
    expect([ACCOUNTS, 2 * ACCOUNTS]).toContain(await this.documents.count());
  }

  /** One page: the next one is of the same generation, whichever is read by then. */
  private async find(): Promise<void> {
    const after = this.next !== undefined && { after: this.next };
    const page = await this.documents.find({ orderBy: 'sum', limit: 20, ...after });
    const versions = page.documents.map(({ document }) => (document as { version: number }).version);
    expect(versions).toEqual(Array.from({ length: 20 }, () => page.generation));
    if (after) expect(page.generation).toBe(this.from);
    ({ next: this.next, generation: this.from } = page);
    this.seen.add(page.generation);
  }
}

const EVERY_MS = 10;
/** Of the one document of the first version, and of the two of the second. */
const VERSIONS = [[1], [2, 2]];
