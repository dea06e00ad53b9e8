import {
  LogDiverged,
  StoreUnavailable,
  follow,
  newId,
  type EventStore,
  type FollowedPage,
  type StateStore,
} from '@backstory/core';
import { FenceLost, type Lease } from '@backstory/core/state';
import { readCheckpoint, writeCheckpoint } from '@backstory/core/store';
import { postgres } from '@backstory/postgres';
import { sqlite } from '@backstory/sqlite';
import type { FollowerPlan } from './postgres-evidence.js';

const TTL_MS = 1_000;
const owner = newId();
let stopped = false;

/**
 * Follows under a lease. What it is given and its checkpoint are kept in one transaction. After anything that goes
 * wrong it begins again from what was kept.
 */
async function main(): Promise<void> {
  const plan = JSON.parse(process.argv[2]!) as FollowerPlan;
  process.on('message', (message) => (message === 'stop' ? (stopped = true) : undefined));
  while (!stopped) {
    try {
      await lead(plan);
    } catch (error) {
      if (error instanceof LogDiverged) await diverged(plan, error);
      else if (!(error instanceof StoreUnavailable || error instanceof FenceLost)) throw error;
      await sleep(50);
    }
  }
  process.disconnect();
}

async function lead(plan: FollowerPlan): Promise<void> {
  await withStores(plan, async (events, state) => {
    let lease: Lease | undefined;
    while (!stopped && lease === undefined) {
      lease = await state.acquire(`follow ${plan.name}`, { owner, ttlMs: TTL_MS });
      if (lease === undefined) await sleep(100);
    }
    if (lease === undefined) return;
    const end = new AbortController();
    const heartbeat = setInterval(() => {
      if (stopped) end.abort();
      void state.renew([lease]).catch(() => []);
    }, TTL_MS / 4);
    try {
      await followUnder(lease, { plan, events, state, signal: end.signal });
    } finally {
      clearInterval(heartbeat);
      await state.release(lease).catch(() => undefined);
    }
  });
}

interface Following {
  readonly plan: FollowerPlan;
  readonly events: EventStore;
  readonly state: StateStore;
  readonly signal: AbortSignal;
}

async function followUnder(lease: Lease, { plan, events, state, signal }: Following): Promise<void> {
  const begun = await state.read((view) => view.get('checkpoints', plan.name));
  const { logId, epoch } = await events.identity();
  const after = begun === undefined ? { logId, epoch, through: 0 } : readCheckpoint(begun);
  const query = plan.types ? { types: plan.types } : {};
  for await (const page of follow(events, { after, pollMs: 200, signal, query })) {
    await keep(page, { plan, state, lease });
    process.stdout.write(`${JSON.stringify({ through: page.through })}\n`);
  }
}

/** One entry for each event in the order it was given: what is given twice is there twice. */
async function keep(
  page: FollowedPage,
  { plan, state, lease }: Pick<Following, 'plan' | 'state'> & { readonly lease: Lease },
): Promise<void> {
  await state.transaction([lease], async (draft) => {
    const count = Number((await draft.get('counts', plan.name)) ?? 0);
    await draft.putMany(
      `seen ${plan.name}`,
      page.events.map(({ position, id }, i) => ({
        key: String(count + i).padStart(9, '0'),
        value: JSON.stringify({ position, id }),
      })),
    );
    await draft.put('counts', plan.name, String(count + page.events.length));
    await draft.put('checkpoints', plan.name, writeCheckpoint(page.checkpoint));
  });
}

/** Says so, and waits until it is told to go on: by then the operator has adopted the log. */
async function diverged(plan: FollowerPlan, error: LogDiverged): Promise<void> {
  process.stdout.write(`${JSON.stringify({ diverged: error.reason })}\n`);
  await new Promise<void>((told) =>
    process.on('message', (message) => {
      if (message === 'go on' || message === 'stop') told();
    }),
  );
  if (!stopped) await withStores(plan, (events, state) => reset(plan, events, state));
}

/** Goes back to where what was kept and the log part. */
async function reset(plan: FollowerPlan, events: EventStore, state: StateStore): Promise<void> {
  const { logId, epoch } = await events.identity();
  const seen = await state.read((view) => view.list(`seen ${plan.name}`, { limit: 1_000_000 }));
  let [same, through] = [0, 0];
  for await (const page of events.readAll(plan.types ? { types: plan.types } : {})) {
    for (const { position, id } of page.events) {
      if (seen[same]?.value !== JSON.stringify({ position, id })) break;
      same++;
      through = position;
    }
  }
  await state.transaction([], async (draft) => {
    await draft.deleteMany(
      `seen ${plan.name}`,
      seen.slice(same).map(({ key }) => key),
    );
    await draft.put('counts', plan.name, String(same));
    await draft.put('checkpoints', plan.name, writeCheckpoint({ logId, epoch, through }));
  });
}

async function withStores(
  { url, notify, file }: FollowerPlan,
  work: (events: EventStore, state: StateStore) => Promise<void>,
): Promise<void> {
  const storage = await postgres(url, {
    notify,
    pollMs: 200,
    responseTimeoutMs: 2_000,
    connectTimeoutMs: 2_000,
  }).open();
  try {
    const own = file === undefined ? undefined : await sqlite(file).open();
    try {
      await work(storage.events, own?.state ?? storage.state);
    } finally {
      await own?.close();
    }
  } finally {
    await storage.close();
  }
}

function sleep(ms: number): Promise<void> {
  return new Promise((done) => setTimeout(done, ms));
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
