import { Recorder, type OpenStorage } from '@backstory/core';
import { EventTypes } from '@backstory/events';
import { projection, type Projections } from '@backstory/projection';
import { Deposited, Withdrawn } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { projectionsOn } from './support/projecting.js';

/** What a version makes says which version it was. */
const marked = (version: number) =>
  projection('marked', {
    version,
    indexes: ['sum'],
    initial: { version, sum: 0 },
    events: { Deposited, Withdrawn },
    fold: {
      Deposited: ({ sum }, { amount }) => ({ version, sum: sum + amount }),
      Withdrawn: ({ sum }, { amount }) => ({ version, sum: sum - amount }),
    },
  });

const types = new EventTypes([Deposited, Withdrawn]);
const ACCOUNTS = 60;

describeEachStorage(readersSee);

function readersSee(stores: TestStorage): void {
  let opened: OpenStorage;
  const running: Projections[] = [];
  const run = async (version: number) => {
    const projections = projectionsOn(opened, [marked(version)]);
    running.push(projections);
    await projections.start();
    return projections;
  };
  beforeEach(async () => {
    opened = await stores.opened(await stores.storage());
  });
  afterEach(async () => {
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
    const first = await run(1);
    await first.caughtUp('marked', (await opened.events.identity()).head, IN_TIME);
    const documents = first.named('marked');
    const seen = new Map<number, number>();
    let [isOver, reads] = [false, 0];
    const reader = (async () => {
      while (!isOver) {
        const keys = new Set<string>();
        let after: string | undefined;
        let generation: number | undefined;
        do {
          const page = await documents.find({
            orderBy: 'sum',
            limit: 20,
            ...(after !== undefined && { after }),
          });
          expect(page.documents.map(({ document }) => (document as { version: number }).version)).toEqual(
            page.documents.map(() => page.generation),
          );
          expect(page.generation).toBe((generation ??= page.generation));
          for (const { key } of page.documents) keys.add(key);
          after = page.next;
          reads++;
          await new Promise((next) => setTimeout(next, 10));
        } while (after !== undefined);
        if (generation === 1 || keys.size > 0) seen.set(generation, (seen.get(generation) ?? 0) + 1);
      }
    })();
    const second = await run(2);
    const writer = (async () => {
      for (let i = 0; i < 10; i++) await record();
    })();
    await second.filled('marked', 2);
    await writer;
    expect((await second.verify('marked')).different).toBe(ACCOUNTS);
    await eventually(() =>
      second
        .swap('marked')
        .then(() => true)
        .catch(() => false),
    );
    await eventually(() => seen.has(2));
    await second.rollback('marked');
    const before = seen.get(1)!;
    await eventually(() => seen.get(1)! > before);
    isOver = true;
    await reader;
    expect(reads).toBeGreaterThan(5);
    expect([...seen.keys()].sort()).toEqual([1, 2]);
  });
}
