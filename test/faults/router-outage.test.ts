import { setTimeout as wait } from 'node:timers/promises';
import { Recorder, type OpenStorage, type StateStore } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { postgres } from '@backstory/postgres';
import { Subscriptions, type SubscriptionOptions } from '@backstory/router';
import { sqlite } from '@backstory/sqlite';
import { Deposited, recording } from '../support/bank-events.js';
import { eventually } from '../support/eventually.js';
import { PostgresCluster } from '../support/postgres-cluster.js';
import { openLine } from '../support/stalling-line.js';
import { sqliteFiles } from '../support/sqlite-files.js';
import { place, watching } from '../support/subscribing.js';

/** A minute off-line: `BACKSTORY_TEST_OUTAGE_MS=60000`. */
const OUTAGE_MS = Number(process.env['BACKSTORY_TEST_OUTAGE_MS'] ?? 8_000);
const KEYS = 200;

let cluster: PostgresCluster;
const files = sqliteFiles();
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  cluster = await PostgresCluster.create({ durable: true });
  closing.push(() => cluster.remove());
});
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

async function opened(opening: Promise<OpenStorage>): Promise<OpenStorage> {
  const storage = await opening;
  closing.push(() => storage.close());
  return storage;
}

function subscriptionsOn(
  { events }: Pick<OpenStorage, 'events'>,
  state: StateStore,
  observer: Observer = silent,
): Subscriptions {
  const recorder = new Recorder(events, { source: 'test', appendTimeoutMs: 1_000 });
  const subscriptions = new Subscriptions({ events, state, recorder, observer });
  closing.push(() => subscriptions.close());
  return subscriptions;
}

it(
  `the database is away for ${OUTAGE_MS} ms while handlers are at work: it pauses, parks nothing, and goes on by itself; what is done once is`,
  async () => {
    await cluster.start();
    const storage = await opened(postgres(await cluster.createDatabase()).open());
    const told: string[] = [];
    const observer: Observer = {
      ...silent,
      consumer: (facts) => void told.push(facts().change),
      park: (facts) => void told.push(`park ${facts().state}`),
      retry: (facts) => void told.push(`retry ${facts().attempt}`),
    };
    const record = recording(storage.events);
    for (let i = 0; i < KEYS; i++) await record(String(i), new Deposited(i));
    const subscriptions = subscriptionsOn(storage, storage.state, observer);
    let calls = 0;
    const handle: Parameters<typeof watching>[1] = async (_event, recorded, { once }) => {
      // Those at work now find nobody there, and so does whoever tries it later.
      if (++calls === KEYS / 4) await cluster.kill();
      await once(recorded, async (tx) =>
        tx.put(
          'done',
          recorded.stream,
          `${(await tx.get('done', recorded.stream)) ?? ''}${recorded.version} `,
        ),
      );
    };
    const options: SubscriptionOptions = {
      breaker: { probeMs: 100, maxProbeMs: 500 },
      retry: { attempts: 1 },
    };
    await subscriptions.add(watching('fraud', handle, options));
    await eventually(() => told.includes('paused'));
    const before = calls;
    await wait(OUTAGE_MS);
    // It tries now and then, not with everything that waits.
    expect(calls).toBeGreaterThan(before);
    expect(calls - before).toBeLessThan(KEYS / 2);
    await cluster.start();
    const { parked } = await eventually(async () => {
      const status = await subscriptions.status('fraud');
      return status.state === 'live' && status.lag.events === 0 && status;
    });
    expect(parked).toEqual({ retrying: 0, dead: 0, draining: 0 });
    const done = await storage.state.read((view) => view.list('done', { limit: KEYS + 1 }));
    expect(done.map(({ value }) => value)).toEqual(Array(KEYS).fill('1 '));
    expect(told.filter((it) => /park|retry|faulted/.test(it))).toEqual([]);
    expect(told.lastIndexOf('resumed')).toBeGreaterThan(told.lastIndexOf('paused'));
  },
  120_000 + OUTAGE_MS,
);

it('a standby that lacks the last events is promoted: the subscription stops and says so, handles nothing of what came instead, and goes on where it is told to', async () => {
  const standby = await cluster.standby();
  await cluster.start();
  await standby.start();
  const url = await cluster.createDatabase();
  const there = standby.url(new URL(url).pathname.slice(1));
  const line = await openLine(url);
  closing.push(() => line.close());
  const before = await opened(postgres(url).open());
  const { state } = await opened(sqlite(files.newFile()).open());
  const seen: string[] = [];
  const subscriptions = subscriptionsOn(await opened(postgres(line.url).open()), state);
  await subscriptions.add(watching('fraud', (_event, recorded) => void seen.push(place(recorded))));
  const record = recording(before.events);
  await record('1', ...Array.from({ length: 5 }, (_, i) => new Deposited(i)));
  const { head } = await before.events.identity();
  await eventually(async () => {
    const copy = await postgres(there)
      .open({ readOnly: true })
      .catch(() => undefined);
    if (!copy) return false;
    const reached = (await copy.events.identity()).head >= head;
    await copy.close();
    return reached;
  });
  await standby.cutOff();
  await record('1', ...Array.from({ length: 10 }, (_, i) => new Deposited(i)));
  await subscriptions.handled('fraud', (await before.events.identity()).head);
  expect(seen).toHaveLength(15);

  await standby.promote();
  const after = await opened(postgres(there).open());
  // More than was lost: the log is longer than when it was last looked at.
  await recording(after.events)('2', ...Array.from({ length: 40 }, (_, i) => new Deposited(i)));
  line.pointTo(there);
  const { reason } = await eventually(async () => {
    // What was connected to the old server has to connect again.
    const status = await subscriptions.status('fraud').catch(() => undefined);
    return status?.state === 'faulted' && status;
  });
  expect(reason).toMatch(
    /^The log is not the one .* Nothing was skipped\. .* reset the consumer or adopt the log/,
  );
  expect(seen).toHaveLength(15);

  await after.events.adopt();
  await subscriptions.reset('fraud', head, { actor: 'ann', reason: 'the last ten are lost' });
  await recording(after.events)('2', new Deposited(1));
  await eventually(() => seen.length === 56);
  expect(seen.slice(15)).toEqual(Array.from({ length: 41 }, (_, i) => `account-2 v${i + 1}`));
}, 180_000);
