import {
  healthOf,
  inTime,
  logGrowth,
  type Health,
  type LogGrowth,
  type Watched,
} from '@backstory/core/observability';

/** How everything is doing at one moment, by what is stored. What could not be read is absent. */
export interface Snapshot {
  readonly application: string;
  readonly collectedAt: string;
  readonly health: Health;
  /** With how many came a second since the moment before. */
  readonly log: (LogGrowth & { readonly rate?: number }) | undefined;
  readonly consumers: readonly ConsumerSnapshot[];
}

/** A subscription or projection at one moment. */
export interface ConsumerSnapshot {
  readonly kind: 'subscription' | 'projection';
  readonly name: string;
  readonly state: string;
  readonly position: number;
  /** Positions a second since the moment before. */
  readonly rate?: number;
  readonly lag: { readonly events: number; readonly seconds: number };
  /** Of a subscription. */
  readonly retrying?: number;
  readonly dead?: number;
  readonly buffered?: number;
  readonly isFull?: boolean;
  readonly processes?: number;
}

/** Reads it, once for all who want to know. `before` is what was read the last time. */
export async function snapshotOf(app: Watched, before?: Snapshot): Promise<Snapshot> {
  const collectedAt = new Date();
  const seconds = before ? (collectedAt.getTime() - Date.parse(before.collectedAt)) / 1_000 : 0;
  const rate = (now: number, then: number | undefined) =>
    then === undefined || seconds <= 0 ? {} : { rate: Math.max(0, now - then) / seconds };
  const [subscriptions, projections] = [app.subscriptions.list(), app.projections.list()];
  const [health, log, ...lists] = await Promise.all([
    healthOf({
      events: app.events,
      subscriptions: { ...app.subscriptions, list: () => subscriptions },
      projections: { list: () => projections },
    }),
    read(logGrowth(app.events), undefined),
    read(
      subscriptions.then((all) => all.map(subscriptionOf)),
      [],
    ),
    read(
      projections.then((all) => all.map(projectionOf)),
      [],
    ),
  ]);
  return {
    application: app.name,
    collectedAt: collectedAt.toISOString(),
    health,
    log: log && { ...log, ...rate(log.head, before?.log?.head) },
    consumers: lists.flat().map((it) => {
      const then = before?.consumers.find(({ kind, name }) => kind === it.kind && name === it.name);
      return { ...it, ...rate(it.position, then?.position) };
    }),
  };
}

/** What is read, or else what there is instead: health says why. */
async function read<T>(work: Promise<T>, instead: T): Promise<T> {
  return inTime(
    TIMEOUT_MS,
    work.catch(() => instead),
    { instead },
  );
}

const TIMEOUT_MS = 5_000;

type Of<Kind extends 'subscriptions' | 'projections'> = Awaited<ReturnType<Watched[Kind]['list']>>[number];

function subscriptionOf({ parked, members, ...it }: Of<'subscriptions'>): ConsumerSnapshot {
  return {
    ...consumerOf('subscription', it),
    ...{ retrying: parked.retrying, dead: parked.dead, processes: members.length },
    buffered: members.reduce((sum, { buffered }) => sum + buffered, 0),
    isFull: members.some(({ isFull }) => isFull),
  };
}

function projectionOf(it: Of<'projections'>): ConsumerSnapshot {
  return consumerOf('projection', it);
}

function consumerOf(
  kind: ConsumerSnapshot['kind'],
  { name, state, position, lag }: Pick<ConsumerSnapshot, 'name' | 'state' | 'position' | 'lag'>,
): ConsumerSnapshot {
  return { kind, name, state, position, lag };
}
