import { InvalidDefinition } from '@backstory/events';

/** Options of an aggregate's state: whether snapshots of it are kept, and a version to raise when old ones must not be used. */
export interface StateOptions {
  /**
   * The version of what the state means. Default 1. Raise it when events fold into another state than before and the code
   * of the aggregate does not show it, because a function changed that its handlers call: snapshots start anew.
   */
  readonly version?: number;
  /** Keep snapshots, so that a long stream need not be folded from its beginning. Default: none. */
  readonly snapshots?: SnapshotPolicy;
}

/** When to keep snapshots of an aggregate. */
export interface SnapshotPolicy {
  /** A load that had to fold this many events leaves a snapshot behind. */
  readonly every: number;
  /** How many to keep of a stream: the newest, and others spread over its past. Default 5. */
  readonly keep?: number;
}

/** The same with every default in place. */
export interface DeclaredState {
  readonly version: number;
  readonly snapshots: Required<SnapshotPolicy> | undefined;
}

/** @throws InvalidDefinition naming the aggregate */
export function checkStateOptions(aggregate: string, options: StateOptions): DeclaredState {
  const { version = 1, snapshots } = options;
  const refuse = (problem: string): never => {
    throw new InvalidDefinition(aggregate, problem);
  };
  const unknown = Object.keys(options).find((key) => key !== 'version' && key !== 'snapshots');
  if (unknown !== undefined) refuse(`has the option "${unknown}", which is none: give version or snapshots.`);
  if (!isCount(version)) refuse(`has version ${String(version)}: versions are 1, 2, 3 …`);
  if (snapshots === undefined) return { version, snapshots };
  const { every, keep = 5, ...others } = Object(snapshots) as SnapshotPolicy;
  if (!isCount(every) || !isCount(keep) || keep > MOST || Object.keys(others).length > 0)
    refuse(`has snapshots that say no policy: write { every: 100 } or { every: 100, keep: 1 to ${MOST} }.`);
  return { version, snapshots: { every, keep } };
}

/** Keeping one more means looking at all of them. */
const MOST = 100;

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1;
}
