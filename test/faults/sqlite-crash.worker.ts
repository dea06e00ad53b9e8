import { readFileSync } from 'node:fs';
import { VersionConflict, newId, type EventStore } from '@backstory/core';
import { sqlite, type DriverName } from '@backstory/sqlite';

/**
 * Appends to shared streams in single events, each at the version it has read, as many at a time as `lanes` says.
 * What was acknowledged is said on standard output, after the acknowledgement, one line each.
 */
async function main([file, driver, name, appends, lanes]: readonly string[]): Promise<void> {
  const storage = await sqlite(file!, { driver: driver as DriverName, lockTimeoutMs: 60_000 }).open();
  process.stdout.write('ready\n');
  let left = Number(appends);
  const lane = async (lane: number): Promise<void> => {
    while (left-- > 0) await appendOne(storage.events, `shared-${(left + lane) % 5}`, `${name}-${left}`);
  };
  const probe = probeFreezes();
  await Promise.all(Array.from({ length: Number(lanes) }, (_, i) => lane(i)));
  process.stdout.write(`frozen ${probe.longest()}\n`);
  await storage.close();
}

async function appendOne(events: EventStore, stream: string, note: string): Promise<void> {
  const id = newId();
  const metadata = { correlationId: id, source: 'crash', occurredAt: new Date().toISOString() };
  const event = {
    id,
    type: 'noted',
    schemaVersion: 1,
    data: JSON.stringify(note),
    metadata: JSON.stringify(metadata),
  };
  for (;;) {
    const expected = await versionOf(events, stream);
    try {
      const { writes, position } = await events.append([{ stream, expected, events: [event] }]);
      const { version } = writes[0]!;
      process.stdout.write(`acknowledged ${JSON.stringify({ id, stream, version, position })}\n`);
      return;
    } catch (error) {
      if (!(error instanceof VersionConflict)) throw error;
    }
  }
}

async function versionOf(events: EventStore, stream: string): Promise<number> {
  for await (const page of events.readStream(stream, { backwards: true, limit: 1 })) {
    return page.events[0]?.version ?? 0;
  }
  return 0;
}

/**
 * The longest time in which this thread let nothing else run although it could have run: the time between two ticks less
 * the time for which the thread was ready and the machine had no processor for it (Linux tells in schedstat).
 */
function probeFreezes() {
  let longest = 0;
  let last = { at: performance.now(), waited: waitedForProcessor() };
  const timer = setInterval(() => {
    const now = { at: performance.now(), waited: waitedForProcessor() };
    longest = Math.max(longest, now.at - last.at - (now.waited - last.waited) - 2);
    last = now;
  }, 2).unref();
  return {
    longest(): number {
      clearInterval(timer);
      return Math.round(longest);
    },
  };
}

function waitedForProcessor(): number {
  if (process.platform !== 'linux') return 0;
  return Number(readFileSync(`/proc/self/task/${process.pid}/schedstat`, 'utf8').split(' ')[1]) / 1e6;
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
