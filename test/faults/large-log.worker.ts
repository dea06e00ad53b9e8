import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Recorder, follow, type OpenStorage } from '@backstory/core';
import { Repository } from '@backstory/repository';
import { sqlite } from '@backstory/sqlite';
import { Account } from '../bench/payload.js';

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
    setFlagsFromString('--expose-gc');
    const collect = runInNewContext('gc') as () => void;
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
};

function load({ events: store }: OpenStorage, id: string): Promise<Account> {
  const recorder = new Recorder(store, { source: 'test' });
  return new Repository(Account, { store, recorder }).load(id);
}

/** Calls that read from files, by the kernel's count: SQLite makes one for each page that it has not in memory. */
function reads(): number {
  return Number(/^syscr: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))![1]);
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
