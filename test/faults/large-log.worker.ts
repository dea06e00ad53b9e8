import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Recorder, follow, newId, type LogPage, type OpenStorage, type StoredEvent } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { Projections, projection } from '@backstory/projection';
import { Repository } from '@backstory/repository';
import { sqlite } from '@backstory/sqlite';
import { Account, Deposited } from '../bench/payload.js';

/** What this process is asked to do, and what it answers on its standard output, as JSON. */
const tasks: Readonly<Record<string, (storage: OpenStorage, argument: string) => Promise<unknown>>> = {
  /** How often the process read from a file while it loaded an account whose pages nobody has in memory. */
  async load(storage, file) {
    // Everything that is loaded once is loaded by the first load, from another file.
    const other = await sqlite(`${file}.small`).open();
    await load(other, 'together');
    await other.close();
    const before = reads();
    const account = await load(storage, 'together');
    const between = reads();
    const scattered = await load(storage, 'scattered');
    const versions = [account.version, scattered.version];
    return { versions, together: between - before, scattered: reads() - between };
  },

  /** What is alive on the heap after every 100,000 events that were followed. With `hoard` their ids are kept. */
  async follow(storage, how) {
    const collect = collector();
    const { head } = await storage.events.identity();
    const hoard: string[] = [];
    const alive: number[] = [];
    let events = 0;
    for await (const page of follow(storage.events)) {
      for (const { id } of page.events) if (how === 'hoard') hoard.push(id);
      if (Math.floor((events + page.events.length) / 100_000) > Math.floor(events / 100_000)) {
        collect();
        alive.push(process.memoryUsage().heapUsed);
      }
      events += page.events.length;
      if (page.through >= head) break;
    }
    return { events, alive, kept: hoard.length };
  },

  /** The same of a generation of documents that is built, after every 100,000 events that were committed. */
  async rebuild({ events, state }, how) {
    const collect = collector();
    const hoard: string[] = [];
    const alive: number[] = [];
    const checkpoint: Observer['checkpoint'] = (facts) => {
      const { consumer, through } = facts();
      if (how === 'hoard') for (let i = hoard.length; i < through; i++) hoard.push(`${consumer} ${i}`);
      if (Math.floor(through / 100_000) <= alive.length) return;
      collect();
      alive.push(process.memoryUsage().heapUsed);
    };
    const recorder = new Recorder(events, { source: 'test' });
    const projections = new Projections({ events, state, recorder, observer: { ...silent, checkpoint } });
    projections.declare(sums);
    await projections.start();
    await projections.caughtUp('sums', (await events.identity()).head, { timeoutMs: 600_000 });
    const documents = await projections.of(sums).count();
    await projections.close();
    return { documents, alive };
  },

  /** What is alive on the heap after every 100,000 of 400,000 events that were restored. */
  async restore({ events }) {
    const collect = collector();
    const alive: number[] = [];
    const pages = function* (): Generator<LogPage> {
      for (let page = 0; page < 800; page++) {
        yield restoredPage(page);
        if (page % 200 !== 199) continue;
        collect();
        alive.push(process.memoryUsage().heapUsed);
      }
    };
    const { head } = await events.restore(pages());
    return { events: head, alive, kept: 0 };
  },
};

function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** What each of the streams adds up to. */
const sums = projection('sums', {
  version: 1,
  initial: { sum: 0, last: '' },
  events: { Deposited },
  fold: { Deposited: ({ sum }, { amount, reference }) => ({ sum: sum + amount, last: reference }) },
});

function load({ events: store }: OpenStorage, id: string): Promise<Account> {
  const recorder = new Recorder(store, { source: 'test' });
  return new Repository(Account, { store, recorder }).load(id);
}

/** Calls that read from files, by the kernel's count: SQLite makes one for each page that it has not in memory. */
function reads(): number {
  return Number(/^syscr: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
}

/** 500 events of one stream. */
function restoredPage(page: number): LogPage {
  const events = Array.from({ length: 500 }, (_, i): StoredEvent => {
    const version = page * 500 + i + 1;
    const id = newId();
    const metadata = JSON.stringify({
      correlationId: id,
      source: 'test',
      occurredAt: '2026-11-20T12:00:00.000Z',
    });
    const place = {
      stream: 'account-1',
      version,
      position: version,
      appendIndex: 0,
      recordedAt: new Date(version),
    };
    return { ...place, id, type: 'account.deposited', schemaVersion: 1, data: '{"amount":1}', metadata };
  });
  return { events, through: events.at(-1)!.position };
}

async function main([task, file, argument]: readonly string[]): Promise<void> {
  const storage = await sqlite(file!).open();
  const answer = await tasks[task!]!(storage, argument ?? file!);
  await storage.close();
  process.stdout.write(JSON.stringify(answer));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
