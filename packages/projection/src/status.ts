import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import type { StateView } from '@backstory/core/state';
import { isFed, listControls, type Control, type Generation } from './generation/control.js';
import { divergence } from './generation/divergence.js';
import { clockOf, feedersOf } from './generation/feeders.js';
import { pausedBy } from './generation/halted.js';
import { placesOf, type Places } from './generation/places.js';
import type { Model } from './definition/projection-source.js';
import { tableName } from './tables/table-shape.js';
import { readProgress, readTrouble, type Progress, type Trouble } from './generation/progress.js';

/**
 * How a projection is doing. Everything is read from what is stored and from the log, never from who feeds it: of a process
 * that hangs or died the lag goes on growing.
 *
 * | state | |
 * |---|---|
 * | `live` | every event is in the documents; the reason says where a process with code of another version sees to that |
 * | `catching-up` | there are events to fold |
 * | `paused` | nothing is folded: somebody said so |
 * | `retrying` | something cannot be reached, for the reason given; it is tried again |
 * | `faulted` | it stopped before an event, for the reason given; nothing was skipped, unless that says so |
 * | `frozen` | the code here is of another version and no process feeds it |
 * | `stopped` | no process feeds it; the reason, where there is one, is what kept it from going on before |
 */
export interface ProjectionStatus {
  readonly name: string;
  readonly state: FeedState;
  readonly reason?: string;
  /** The generation that is read, and its version. */
  readonly generation: number;
  readonly version: number;
  /** The version of the code that asks, where it knows the projection. */
  readonly code?: number;
  readonly position: number;
  readonly head: number;
  readonly lag: Lag;
  readonly generations: readonly GenerationStatus[];
}

/** What is done to a generation. */
export type FeedState = 'live' | 'catching-up' | 'paused' | 'retrying' | 'faulted' | 'frozen' | 'stopped';

/** How far something is behind the log. */
export interface Lag {
  /** Positions between its own and the head. */
  readonly events: number;
  /** Age of the first event that is not folded, by the clock of the state store's database; 0 when there is none. */
  readonly seconds: number;
}

/** One generation of a projection: its part in it, and how far it is. */
export interface GenerationStatus {
  readonly generation: number;
  readonly version: number;
  readonly role: Generation['role'];
  /** `undefined` for one that is not to be fed. */
  readonly state?: FeedState;
  readonly reason?: string;
  readonly position: number;
  readonly lag: Lag;
  /** Where it holds documents. */
  readonly documents?: number;
  /** The tables of one that writes its own, as the database knows them. */
  readonly tables?: readonly string[];
  /** Events folded so far. */
  readonly events: number;
  /** Events a second, lately. */
  readonly rate: number;
  /** How much of the log it has every event of its own of, from 0 to 1: 1 where none is left, whatever others have recorded since. */
  readonly progress: number;
  /** Seconds until it has caught up at that rate, as its own events were among all so far; `undefined` where no process feeds it. */
  readonly remaining?: number;
  readonly createdAt: string;
  readonly savedAt?: string;
  /** Who feeds it: one start of one process. */
  readonly owner?: string;
}

/** Where status is read, and the versions of the code that asks. */
export interface StatusParts {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly versions: ReadonlyMap<string, number>;
}

/** A projection of which nothing is kept yet. */
export interface NeverStarted extends Pick<
  ProjectionStatus,
  'name' | 'generation' | 'position' | 'lag' | 'generations'
> {
  readonly state: 'stopped';
}

/** How one is doing that nobody ever started. */
export async function neverStarted(
  { events, state }: Pick<StatusParts, 'events' | 'state'>,
  { name, typeNames: types }: Pick<Model, 'name' | 'typeNames'>,
): Promise<NeverStarted> {
  const { head } = await events.identity();
  const next = await firstAfter(events, types, 0);
  const seconds = ageOf(next, await state.read(clockOf));
  const lag = { events: head, seconds };
  return { ...{ name, state: 'stopped', generation: 0, position: 0, lag }, generations: [] };
}

/** Every projection that was ever started, by name, or only those named. */
export async function projectionStatuses(
  { events, state, versions }: StatusParts,
  names?: readonly string[],
): Promise<readonly ProjectionStatus[]> {
  // Before what is stored: it would otherwise say that events came that were there.
  const { head } = await events.identity();
  const { stored, now } = await state.read(async (view) => {
    const wanted = [...(await listControls(view))].filter(([name]) => !names || names.includes(name));
    const all: Stored[] = [];
    for (const [name, control] of wanted) all.push(await storedOf(view, name, control));
    return { stored: all, now: await clockOf(view) };
  });
  const statuses: ProjectionStatus[] = [];
  for (const it of stored) {
    const feeders = await feedersOf(state, it.name);
    statuses.push(await statusOf(it, { events, head, now, feeders, code: versions.get(it.name) }));
  }
  return statuses;
}

interface Stored {
  readonly name: string;
  readonly control: Control;
  readonly generations: readonly StoredGeneration[];
}

interface StoredGeneration {
  readonly generation: Generation;
  readonly progress: Progress | undefined;
  readonly trouble: Trouble | undefined;
}

interface Seen {
  readonly events: EventStore;
  readonly head: number;
  /** Milliseconds. */
  readonly now: number;
  readonly feeders: ReadonlyMap<number, string>;
  readonly code: number | undefined;
}

async function storedOf(view: StateView, name: string, control: Control): Promise<Stored> {
  const places = placesOf(name);
  const generations: StoredGeneration[] = [];
  for (const generation of control.generations)
    generations.push(await generationOf(view, places, generation));
  return { name, control, generations };
}

async function generationOf(
  view: StateView,
  places: Places,
  generation: Generation,
): Promise<StoredGeneration> {
  const { number } = generation;
  return {
    generation,
    progress: await readProgress(view, places, number),
    trouble: await readTrouble(view, places, number),
  };
}

async function statusOf({ name, control, generations }: Stored, seen: Seen): Promise<ProjectionStatus> {
  const all: GenerationStatus[] = [];
  for (const it of generations) all.push(await generationStatus(name, control, it, seen));
  const live = all.find(({ generation }) => generation === control.live)!;
  return {
    name,
    state: live.state!,
    ...(live.reason !== undefined && { reason: live.reason }),
    generation: live.generation,
    version: live.version,
    ...(seen.code !== undefined && { code: seen.code }),
    position: live.position,
    head: seen.head,
    lag: live.lag,
    generations: all,
  };
}

async function generationStatus(
  name: string,
  control: Control,
  stored: StoredGeneration,
  seen: Seen,
): Promise<GenerationStatus> {
  const { generation, progress } = stored;
  const { number, version, role, createdAt, types, tables } = generation;
  const { events: log, head, now } = seen;
  const position = progress?.checkpoint.through ?? 0;
  const next = await firstAfter(log, types, position);
  const seconds = ageOf(next, now);
  const owner = seen.feeders.get(number);
  const rate = progress?.rate ?? 0;
  const lag = { events: Math.max(0, head - position), seconds };
  const diverged = isFed(generation) ? await divergence(log, progress?.checkpoint) : undefined;
  const condition = { isBehind: seconds > 0, owner, code: seen.code, diverged };
  return {
    ...{ generation: number, version, role },
    ...(isFed(generation) && conditionOf(control, stored, condition)),
    ...{ position, lag, events: progress?.events ?? 0, rate },
    ...(tables
      ? { tables: Object.keys(tables).map((it) => tableName(name, number, it)) }
      : { documents: progress?.documents ?? 0 }),
    progress: next === undefined || next.position > head ? 1 : (next.position - 1) / head,
    ...(owner !== undefined && rate > 0 && seconds > 0 && { remaining: remainingOf(progress!, lag) }),
    createdAt,
    ...(progress && { savedAt: progress.savedAt }),
    ...(owner !== undefined && { owner }),
  };
}

interface Condition {
  readonly isBehind: boolean;
  readonly owner: string | undefined;
  readonly code: number | undefined;
  readonly diverged: Error | undefined;
}

function conditionOf(
  { paused }: Control,
  { generation, trouble }: StoredGeneration,
  { isBehind, owner, code, diverged }: Condition,
): { readonly state: FeedState; readonly reason?: string } {
  if (paused) return { state: 'paused', reason: pausedBy(paused) };
  // Also where nobody has noticed yet: what it would say of its place in this log means nothing.
  if (diverged) return { state: 'faulted', reason: diverged.message };
  if (trouble && (trouble.state === 'faulted' || owner !== undefined))
    return { state: trouble.state, reason: trouble.reason };
  const { version } = generation;
  const isOther = code !== undefined && code !== version;
  if (owner === undefined && !isOther)
    return { state: 'stopped', ...(trouble && { reason: trouble.reason }) };
  const made = `it was made by version ${version}, the code is of version ${code}, and`;
  if (owner === undefined) return { state: 'frozen', reason: `${made} no process feeds it` };
  const state = isBehind ? 'catching-up' : 'live';
  return isOther ? { state, reason: `${made} a process of version ${version} feeds it` } : { state };
}

/** Others' events among those so far are taken to be as many among those to come. */
function remainingOf({ events, checkpoint, rate }: Progress, lag: Lag): number {
  return Math.ceil((lag.events * events) / checkpoint.through / rate);
}

/** The first event of these types that is not folded. */
async function firstAfter(
  events: EventStore,
  types: readonly string[],
  after: number,
): Promise<StoredEvent | undefined> {
  for await (const page of events.readAll({ types, after, limit: 1 }))
    if (page.events[0]) return page.events[0];
  return undefined;
}

/** In seconds; 0 where there is none. */
function ageOf(event: StoredEvent | undefined, now: number): number {
  return event ? Math.max(0.001, (now - event.recordedAt.getTime()) / 1_000) : 0;
}
