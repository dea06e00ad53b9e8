import { Recorder, type EventStore, type OpenOptions, type OpenStorage, type Storage } from '@backstory/core';
import type { Watched } from '@backstory/core/observability';
import type { ScheduleAdmin } from '@backstory/process/schedules';
import type { Projections } from '@backstory/projection';
import type { ReplaySource } from '@backstory/replay';
import { SubscriptionAdmin } from '@backstory/router';
import type { Definition } from './definition.js';
import { InvalidConfiguration } from './errors.js';
import { namedStorage } from './named-storage.js';
import type { VerbCall } from './verb.js';

/** Which log is meant, and from where. */
export interface StoreCall {
  readonly options: Pick<VerbCall['options'], 'config' | 'store'>;
  readonly io: Pick<VerbCall['io'], 'cwd' | 'definition' | 'enterFolder'>;
}

/** Opens the log for reading, works, and closes it. Needs `--store` or a configuration. */
export async function withLog<T>(call: StoreCall, work: (log: EventStore) => Promise<T>): Promise<T> {
  return withStorage(await storageFor(call), work);
}

/** Opens the log and the application's aggregates, works, and closes. Needs a configuration. */
export async function withSource<T>(call: StoreCall, work: (source: ReplaySource) => Promise<T>): Promise<T> {
  const definition = await definitionFor(call);
  const storage = await storageFor({ ...call, io: { ...call.io, definition } });
  return withStorage(storage, (events) => work({ events, aggregates: definition.aggregates }));
}

/** The store that `--store` names, else the configuration's. */
export async function storageFor(call: StoreCall): Promise<Storage> {
  const { store } = call.options;
  return store === undefined ? (await definitionFor(call)).store : namedStorage(store, call.io.cwd);
}

/** Opens log and state, to look at subscriptions or also to ask for something, works, and closes. */
export async function withSubscriptions<T>(
  call: StoreCall,
  options: Required<Pick<OpenOptions, 'readOnly'>>,
  work: (admin: SubscriptionAdmin) => Promise<T>,
): Promise<T> {
  return withStores(call, options, ({ events, state, definition }) =>
    work(subscriptionsOf({ events, state, name: definition?.name ?? 'backstory' })),
  );
}

/** The subscriptions of a log. */
export function subscriptionsOf({
  events,
  state,
  name,
}: Pick<OpenStorage, 'events' | 'state'> & { readonly name: string }): SubscriptionAdmin {
  return new SubscriptionAdmin({ events, state, recorder: new Recorder(events, { source: name }) });
}

/** Opens log and state, to look at schedules or also to change them, works, and closes. */
export async function withSchedules<T>(
  call: StoreCall,
  options: Required<Pick<OpenOptions, 'readOnly'>>,
  work: (admin: ScheduleAdmin) => Promise<T>,
): Promise<T> {
  const { ScheduleAdmin } = await import('@backstory/process/schedules');
  return withStores(call, options, ({ events, state, definition }) =>
    work(new ScheduleAdmin({ state, recorder: recorderOf(events, definition) })),
  );
}

/** Opens log and state, to look at projections or also to ask for something. Their code is known where the configuration is. */
export async function withProjections<T>(
  call: StoreCall,
  options: Required<Pick<OpenOptions, 'readOnly'>>,
  work: (projections: Projections, events: EventStore) => Promise<T>,
): Promise<T> {
  return withStores(call, options, (stores) =>
    withProjectionsOf(stores, (projections) => work(projections, stores.events)),
  );
}

/** The projections of stores that are open: those of the application, and those that were ever started. */
export async function withProjectionsOf<T>(
  { events, state, definition }: OpenStores,
  work: (projections: Projections) => Promise<T>,
): Promise<T> {
  const { Projections } = await import('@backstory/projection');
  const leaseMs = definition?.projectionLeaseMs;
  const projections = new Projections({
    ...{ events, state, recorder: recorderOf(events, definition) },
    ...(leaseMs !== undefined && { leaseMs }),
  });
  for (const source of definition?.projections ?? []) projections.declare(source);
  try {
    return await work(projections);
  } finally {
    await projections.close();
  }
}

/** Opens log and state, to look how everything is doing, works, and closes. */
export async function withWatched<T>(call: StoreCall, work: (app: Watched) => Promise<T>): Promise<T> {
  return withStores(call, { readOnly: true }, (stores) =>
    withProjectionsOf(stores, (projections) => {
      const { events, state, definition } = stores;
      const name = definition?.name ?? 'backstory';
      const declared = {
        list: async () => [...(await projections.list()), ...(await projections.neverStarted())],
      };
      const subscriptions = subscriptionsOf({ events, state, name });
      return work({ name, events, projections: declared, subscriptions });
    }),
  );
}

function recorderOf(events: EventStore, definition: Definition | undefined): Recorder {
  return new Recorder(events, { source: definition?.name ?? 'backstory' });
}

/** A log, what is kept beside it, and the application, where it is not only the store that is known. */
export interface OpenStores extends Pick<OpenStorage, 'events' | 'state'> {
  readonly definition: Definition | undefined;
}

/**
 * Opens log and state, works, and closes both. What `--store` names is opened without an application, unless `--config` says
 * which one is at home there.
 */
export async function withStores<T>(
  call: StoreCall,
  { readOnly }: Required<Pick<OpenOptions, 'readOnly'>>,
  work: (stores: OpenStores) => Promise<T>,
): Promise<T> {
  const { store, config } = call.options;
  const known = store === undefined || config !== undefined ? await definitionFor(call) : undefined;
  const own = store === undefined ? known : undefined;
  const log = await (own?.store ?? (await storageFor(call))).open({ readOnly });
  try {
    const elsewhere = await own?.state?.open({ readOnly });
    try {
      return await work({ events: log.events, state: (elsewhere ?? log).state, definition: known });
    } finally {
      await elsewhere?.close();
    }
  } finally {
    await log.close();
  }
}

/** Opens the log to record in it, works, and closes it. A log that is not there is made only where that is wanted. */
export async function withWritableLog<T>(
  call: StoreCall,
  { isMade }: { readonly isMade: boolean },
  work: (log: EventStore) => Promise<T>,
): Promise<T> {
  const storage = await storageFor(call);
  if (!isMade) await (await storage.open({ readOnly: true })).close();
  return withStorage(storage, work, { readOnly: false });
}

async function withStorage<T>(
  storage: Storage,
  work: (log: EventStore) => Promise<T>,
  options: OpenOptions = { readOnly: true },
): Promise<T> {
  const opened = await storage.open(options);
  try {
    return await work(opened.events);
  } finally {
    await opened.close();
  }
}

/** The application of the configuration; none where there is no configuration, and --store says which log is meant. */
export async function applicationFor(call: StoreCall): Promise<Definition | undefined> {
  try {
    return await definitionFor(call);
  } catch (error) {
    const isMissing = error instanceof InvalidConfiguration && error.problem === 'missing';
    if (isMissing && call.options.store !== undefined) return undefined;
    throw error;
  }
}

/** The application of the configuration. */
export async function definitionFor({ io, options }: StoreCall): Promise<Definition> {
  if (io.definition) return io.definition;
  const { loadConfig } = await import('./config.js');
  return loadConfig(io, options.config);
}
