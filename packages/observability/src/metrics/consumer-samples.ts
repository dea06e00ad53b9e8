import {
  inTime,
  type Watched,
  type WatchedConsumer,
  type WatchedKey,
  type WatchedSubscription,
} from '@backstory/core/observability';
import { handlerName } from '../handler-name.js';

/** A gauge, the values of its attributes, and what it shows. */
export interface Sample {
  readonly name: `backstory.${string}`;
  readonly of: readonly [a?: string, b?: string | undefined, c?: string];
  readonly value: number;
}

/** What is stored of the consumers of an application, and how far the log is. */
export async function sampleConsumers(app: Watched): Promise<readonly Sample[]> {
  const [{ head }, subscriptions, projections] = await Promise.all([
    app.events.identity(),
    app.subscriptions.list(),
    app.projections.list(),
  ]);
  const found: Sample[] = [sample('store.head_position', [app.name], head), ...(await extentSamples(app))];
  if (app.events.capabilities.densePositions) found.push(sample('store.events', [app.name], head));
  for (const it of subscriptions) {
    found.push(
      ...consumer([it.name, app.name], it, it.savedAt),
      ...buffer(app, it),
      ...(await parked(app, it)),
    );
  }
  for (const it of projections) {
    const live = it.generations.find(({ generation }) => generation === it.generation);
    for (const { generation, progress } of it.generations)
      if (progress !== undefined)
        found.push(sample('projection.progress', [it.name, String(generation), app.name], progress));
    // As checkpoints and consumers are called elsewhere.
    found.push(...consumer([`projection ${it.name}`, app.name], it, live?.savedAt));
  }
  return found;
}

/** As it was last found out. A log that is counted for the first time may take longer, and keeps nothing else waiting. */
async function extentSamples(app: Watched): Promise<readonly Sample[]> {
  const known = extents.get(app) ?? { samples: [], looking: lookAtExtent(app) };
  extents.set(app, known);
  const found = await inTime(SOON_MS, known.looking, { instead: undefined, background: true });
  if (!found) return known.samples;
  known.samples = found.samples;
  if (performance.now() - found.lookedAt >= EXTENT_MS) known.looking = lookAtExtent(app);
  return known.samples;
}

async function lookAtExtent({ name, events }: Watched): Promise<LookedAtExtent> {
  const { bytes, streams } = (await events.extent?.().catch(() => undefined)) ?? {};
  const samples = [
    ...(bytes === undefined ? [] : [sample('store.size', [name], bytes)]),
    ...(streams === undefined ? [] : [sample('store.streams', [name], streams)]),
  ];
  return { samples, lookedAt: performance.now() };
}

interface LookedAtExtent {
  readonly samples: readonly Sample[];
  readonly lookedAt: number;
}

interface KnownExtent {
  samples: readonly Sample[];
  looking: Promise<LookedAtExtent>;
}

const extents = new WeakMap<Watched, KnownExtent>();
const SOON_MS = 500;
/** Finding it out costs a store more than the rest, and it changes slowly. */
const EXTENT_MS = 30_000;

function sample(name: string, of: Sample['of'], value: number): Sample {
  return { name: `backstory.${name}`, of, value };
}

const STATES = ['live', 'catching-up', 'paused', 'retrying', 'faulted', 'frozen', 'stopped'];

function consumer(
  of: readonly [name: string, application: string],
  { state, position, lag }: WatchedConsumer,
  savedAt: string | undefined,
): Sample[] {
  const [name, application] = of;
  return [
    sample('subscription.position', of, position),
    sample('subscription.lag.events', of, lag.events),
    sample('subscription.lag.time', of, lag.seconds),
    ...STATES.map((it) => sample('subscription.state', [name, it, application], it === state ? 1 : 0)),
    ...(savedAt === undefined ? [] : [sample('subscription.checkpoint.age', of, ageOf(savedAt))]),
  ];
}

function buffer(app: Watched, { name, members }: WatchedSubscription): Sample[] {
  const sum = (of: (member: (typeof members)[number]) => number) =>
    members.reduce((total, it) => total + of(it), 0);
  return [
    sample(
      'subscription.buffer.size',
      [name, app.name],
      sum(({ buffered }) => buffered),
    ),
    sample(
      'subscription.buffer.capacity',
      [name, app.name],
      sum(({ capacity = 0 }) => capacity),
    ),
    sample('subscription.back_pressure', [name, app.name], members.some((it) => it.isFull) ? 1 : 0),
  ];
}

/** Parked keys are read only where there are any. */
async function parked(app: Watched, { name, parked: counts }: WatchedSubscription): Promise<Sample[]> {
  const keys = counts.retrying + counts.dead > 0 ? await app.subscriptions.parked(name, { limit: MOST }) : [];
  const dead = keys.filter(({ state }) => state === 'dead');
  const handlers = [...new Set(dead.map(({ handler }) => handler))];
  return [
    sample('retry.queue.size', [name, app.name], counts.retrying),
    sample(
      'retry.queue.oldest_age',
      [name, app.name],
      oldest(keys.filter(({ state }) => state === 'retrying')),
    ),
    ...(handlers.length === 0 ? deadLetters([name, undefined, app.name], []) : []),
    ...handlers.flatMap((handler) =>
      deadLetters(
        [name, handlerName(name, handler), app.name],
        dead.filter((it) => it.handler === handler),
      ),
    ),
  ];
}

function deadLetters(of: Sample['of'], keys: readonly WatchedKey[]): Sample[] {
  return [
    sample('dead_letter.queue.size', of, keys.length),
    sample('dead_letter.oldest_age', of, oldest(keys)),
  ];
}

function oldest(keys: readonly WatchedKey[]): number {
  return Math.max(0, ...keys.map(({ parkedAt }) => ageOf(parkedAt)));
}

/** More parked keys than that are counted as that many. */
const MOST = 10_000;

function ageOf(at: string): number {
  return Math.max(0, (Date.now() - Date.parse(at)) / 1_000);
}
