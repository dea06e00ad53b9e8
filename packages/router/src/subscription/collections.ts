import { partitionName } from './key-partition.js';

/** Where what is known about subscriptions is kept in the state store. */
export const SUBSCRIPTIONS = 'backstory.subscriptions';

/** The collections of one subscription. */
export function collectionsOf(name: string) {
  const of = (part: string) => `${SUBSCRIPTIONS}/${name}/${part}`;
  return {
    /** How far each partition is. */
    progress: of('progress'),
    /** Parked keys, by partition. */
    parked: of('parked'),
    /** Marks of what `once` has done and no checkpoint covers yet, by partition. */
    once: of('once'),
    /** What became of events, in the order of the log. */
    outcomes: of('outcomes'),
    /** Up to where outcomes, or what was left out, may have been removed because of their age or number. */
    swept: of('swept'),
    /** What somebody decided to leave out, by partition and key. */
    leftOut: of('left-out'),
    /** What is to be handled again, by partition. */
    replays: of('replays'),
    /** Marks of what `once` has done in a replay, until its event is through. */
    replayOnce: of('replay-once'),
    /** What operators ask the owners to do. */
    requests: of('requests'),
    /** The processes that run it. */
    members: of('members'),
  } as const;
}

/** Names of the leases of one subscription. */
export function leasesOf(name: string) {
  const prefix = `subscription/${name}/`;
  return {
    prefix,
    partition: (partition: number) => `${prefix}${partitionName(partition)}`,
    member: (slot: number) => `${prefix}member/${slot}`,
    faulted: (slot: number) => `${prefix}faulted/${slot}`,
    isMember: (lease: string) => lease.startsWith(`${prefix}member/`),
    isFaulted: (lease: string) => lease.startsWith(`${prefix}faulted/`),
    /** Undefined for the lease of a member. */
    partitionIn: (lease: string) => {
      const rest = lease.slice(prefix.length);
      return /^\d\d$/.test(rest) ? Number(rest) : undefined;
    },
  };
}
