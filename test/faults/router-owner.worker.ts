import { Recorder } from '@backstory/core';
import { Subscriptions, reaction, subscriber } from '@backstory/router';
import { DomainEvent } from '@backstory/events';
import { storageOf } from './place.js';

@DomainEvent('thing.happened')
class Happened {
  constructor(readonly n: number) {}
}

/**
 * Runs one subscription at its default settings. For each event it adds the version to what is kept of the stream, once; every
 * seventh event fails at its first attempt in each process, after the effect or before.
 */
async function main([place]: readonly string[]): Promise<void> {
  const { events, state } = await storageOf(place!).open();
  const subscriptions = new Subscriptions({
    events,
    state,
    recorder: new Recorder(events, { source: 'owner' }),
  });
  const failed = new Set<string>();
  const failsOnce = (id: string, isHere: boolean) => {
    if (!isHere || failed.has(id)) return;
    failed.add(id);
    throw new Error('at the first attempt');
  };
  const watch = subscriber({
    name: 'watch',
    retry: { attempts: 1_000, delayMs: 50, maxDelayMs: 50 },
    breaker: { keys: 1_000 },
    on: [
      reaction(Happened, async ({ n }, recorded, { once }) => {
        failsOnce(recorded.id, n % 14 === 0);
        await once(recorded, async (tx) => {
          const known = (await tx.get('seen', recorded.stream)) ?? '';
          await tx.put('seen', recorded.stream, `${known}${recorded.version} `);
        });
        failsOnce(recorded.id, n % 14 === 7);
      }),
    ],
  });
  await subscriptions.add(watch);
  process.stdout.write('ready\n');
  process.on('SIGTERM', () => void subscriptions.close().then(() => process.exit(0)));
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
