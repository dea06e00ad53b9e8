import { setTimeout as pause } from 'node:timers/promises';
import { Recorder, type EventStore, type StateStore } from '@backstory/core';
import { Subscriptions, reaction, subscriber } from '@backstory/router';
import { DomainEvent } from '@backstory/events';
import { storageOf } from './place.js';

@DomainEvent('thing.happened')
class Happened {
  constructor(
    readonly n: number,
    readonly isPoison: boolean,
  ) {}
}

/**
 * Runs one subscription, whose log is slow to read, and ends itself once its state store has committed so many transactions, before anybody here
 * hears of the last one. For each event it notes once what it was told, before and after the place where poison fails; with the key `repaired` of `world` it does not.
 */
async function main([place, commits]: readonly string[]): Promise<void> {
  const { events, state } = await storageOf(place!).open();
  const subscriptions = new Subscriptions({
    events: slow(events),
    state: mortal(state, Number(commits)),
    recorder: new Recorder(events, { source: 'owner' }),
    leaseMs: 1_000,
  });
  const watch = subscriber({
    name: 'watch',
    retry: { attempts: 2, delayMs: 10 },
    breaker: { keys: 1_000 },
    checkpointMs: 20,
    on: [
      reaction(Happened, async ({ n, isPoison }, recorded, { once }) => {
        const note = (where: string) =>
          once(recorded, async (tx) => {
            const known = (await tx.get(where, recorded.stream)) ?? '';
            await tx.put(where, recorded.stream, `${known}${recorded.version}:${n} `);
          });
        await note('before');
        const isRepaired = await state.read((view) => view.get('world', 'repaired'));
        if (isPoison && isRepaired === undefined) throw new Error('poison');
        await note('after');
      }),
    ],
  });
  await subscriptions.add(watch);
  process.stdout.write('ready\n');
}

/** Partitions that have come wait until what is being read is there. */
function slow(events: EventStore): EventStore {
  const readAll: EventStore['readAll'] = async function* (...asked) {
    await pause(100);
    yield* events.readAll(...asked);
  };
  return withMethod(events, 'readAll', readAll);
}

function mortal(state: StateStore, commits: number): StateStore {
  let left = commits;
  const transaction: StateStore['transaction'] = async (...asked) => {
    const result = await state.transaction(...asked);
    if (--left === 0) process.kill(process.pid, 'SIGKILL');
    return result;
  };
  return withMethod(state, 'transaction', transaction);
}

function withMethod<T extends object, Name extends keyof T>(of: T, replaced: Name, method: T[Name]): T {
  return new Proxy(of, {
    get(target, name) {
      if (name === replaced) return method;
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
