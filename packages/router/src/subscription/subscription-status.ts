import type { EventStore, StateStore, StoredEvent } from '@backstory/core';
import type { Lease, StateView } from '@backstory/core/state';
import { collectionsOf, leasesOf } from './collections.js';
import { listControls, type Control } from './control.js';
import { PARTITIONS } from './key-partition.js';
import { readMembers, type Member } from './member.js';
import { readProgress, type ParkedCounts, type Progress } from './progress.js';

/**
 * How a subscription is doing. Everything is read from what is stored and from the log, never from who handles it: of a
 * process that hangs or died the lag goes on growing.
 *
 * | state | |
 * |---|---|
 * | `live` | every event is handled, or waits behind a parked key |
 * | `catching-up` | there are events to handle |
 * | `paused` | nothing is handled: somebody said so, or it takes its failures for an outage |
 * | `faulted` | no process can run it, for the reason given |
 * | `stopped` | no process runs it |
 */
export interface SubscriptionStatus {
  readonly name: string;
  readonly state: 'live' | 'catching-up' | 'paused' | 'faulted' | 'stopped';
  /** Why it is paused or faulted. */
  readonly reason?: string;
  /** Every event up to here is handled, or waits behind a parked key. */
  readonly position: number;
  readonly head: number;
  readonly lag: {
    /** Positions between its own and the head. */
    readonly events: number;
    /** Age of the first event that is not dealt with; 0 when there is none. */
    readonly seconds: number;
  };
  readonly parked: ParkedCounts;
  /** When a checkpoint was kept last. */
  readonly savedAt?: string;
  /** How many of its partitions have an owner. */
  readonly owned: number;
  readonly members: readonly (Member & { readonly partitions: number })[];
}

/** Every subscription that was ever started, by name, or only those named. */
export async function subscriptionStatuses(
  stores: { readonly events: EventStore; readonly state: StateStore },
  names?: readonly string[],
): Promise<readonly SubscriptionStatus[]> {
  const { events, state } = stores;
  // By its clock leases run out. Before them: one may be renewed meanwhile.
  const now = (await state.now()).getTime();
  // Before what is stored: it would otherwise say that events came that were there.
  const { head } = await events.identity();
  const stored = await state.read(async (view) => {
    const wanted = [...(await listControls(view))].filter(([name]) => !names || names.includes(name));
    const all: Stored[] = [];
    for (const [name, control] of wanted) all.push(await storedOf(view, name, control));
    return all;
  });
  const statuses = stored.map(async (it) => {
    const leases = await state.leases(leasesOf(it.name).prefix);
    const position = positionOf(it);
    const first = await firstAfter(events, it.control, position);
    return statusOf(it, { now, leases, head, position, first });
  });
  return Promise.all(statuses);
}

interface Stored {
  readonly name: string;
  readonly control: Control;
  readonly progress: readonly Progress[];
  readonly members: ReadonlyMap<string, Member>;
}

async function storedOf(view: StateView, name: string, control: Control): Promise<Stored> {
  const collections = collectionsOf(name);
  const rows = await view.list(collections.progress);
  const members = await readMembers(view, collections);
  return { name, control, members, progress: rows.map(({ value }) => readProgress(value)) };
}

/** The least of its partitions' positions; those that nobody has begun are where it starts. */
function positionOf({ control, progress }: Stored): number {
  const positions = progress.map((it) => (isStale(it, control) ? control.reset!.to : it.through));
  if (positions.length < PARTITIONS) positions.push(control.reset?.to ?? control.start);
  return Math.min(...positions);
}

function isStale({ reset }: Progress, control: Control): boolean {
  return control.reset !== undefined && control.reset.id !== reset;
}

async function firstAfter(
  events: EventStore,
  { types, includeSystem = false }: Control,
  after: number,
): Promise<StoredEvent | undefined> {
  for await (const page of events.readAll({ types, includeSystem, after, limit: 1 })) {
    if (page.events[0]) return page.events[0];
  }
  return undefined;
}

interface Seen {
  /** Milliseconds by the state store's clock. */
  readonly now: number;
  readonly leases: readonly Lease[];
  readonly head: number;
  readonly position: number;
  /** The first event that is not dealt with. */
  readonly first: StoredEvent | undefined;
}

function statusOf({ name, control, progress, members }: Stored, seen: Seen): SubscriptionStatus {
  const { now, head, position, first } = seen;
  const seconds = first ? Math.max(0, (now - first.recordedAt.getTime()) / 1_000) : 0;
  const names = leasesOf(name);
  const held = seen.leases.filter(({ expiresAt }) => expiresAt.getTime() > now);
  const owned = held.filter((it) => names.partitionIn(it.name) !== undefined);
  const present = held.flatMap((lease) => {
    const member = members.get(lease.name.slice(names.prefix.length));
    if (!member || member.owner !== lease.owner) return [];
    return [{ ...member, partitions: owned.filter((it) => it.owner === lease.owner).length }];
  });
  const savedAt = progress.map((it) => it.savedAt ?? '').reduce((a, b) => (b > a ? b : a), '');
  return {
    name,
    ...conditionOf(control, present, first !== undefined),
    position,
    head,
    lag: { events: Math.max(0, head - position), seconds },
    parked: sum(progress.map(({ parked }) => parked)),
    ...(savedAt !== '' && { savedAt }),
    owned: owned.length,
    members: present,
  };
}

function conditionOf(
  { paused }: Control,
  members: readonly Member[],
  isBehind: boolean,
): Pick<SubscriptionStatus, 'state' | 'reason'> {
  if (paused)
    return { state: 'paused', reason: `by ${paused.actor}${paused.reason ? `: ${paused.reason}` : ''}` };
  const able = members.filter(({ state }) => state !== 'faulted');
  if (able.length === 0) {
    const [faulted] = members;
    if (!faulted) return { state: 'stopped' };
    return { state: 'faulted', reason: faulted.reason ?? '' };
  }
  const stuck = able.find(({ state }) => state === 'paused');
  if (stuck) return { state: 'paused', reason: stuck.reason ?? '' };
  return { state: isBehind ? 'catching-up' : 'live' };
}

function sum(counts: readonly ParkedCounts[]): ParkedCounts {
  const total = (state: keyof ParkedCounts) => counts.reduce((all, it) => all + it[state], 0);
  return { retrying: total('retrying'), dead: total('dead'), draining: total('draining') };
}
