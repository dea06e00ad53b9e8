import type { EventStore, StateStore } from '@backstory/core';
import type { StateEntry, StateView } from '@backstory/core/state';
import { UnknownFormat } from '@backstory/core/store';
import { readSnapshot, type Snapshot } from './snapshot.js';

/** A snapshot as it is kept in the state store. */
export interface StoredSnapshot {
  readonly version: number;
  readonly key: string;
  readonly text: string;
  /** `undefined`: the text is none. */
  readonly snapshot: Snapshot | undefined;
}

/** The latest snapshot that may be given: of this version or before, of an event recorded no later than this. */
export interface Bound {
  readonly upTo: number;
  readonly at: Date | undefined;
}

/** The snapshots of a log that one piece of code has made, in the state store. */
export class StoredSnapshots {
  private log: Promise<string> | undefined;

  constructor(
    private readonly state: StateStore,
    private readonly events: EventStore,
    private readonly shape: string,
  ) {}

  /** The newest one of a stream within the bound. */
  async newest(stream: string, { upTo, at }: Bound): Promise<StoredSnapshot | undefined> {
    const prefix = await this.prefixOf(stream);
    return this.state.read(async (state) => {
      for (let last = upTo; last > 0;) {
        const query = { prefix, upTo: keyAt(prefix, last), backwards: true, limit: 1 };
        const [entry] = await state.list(COLLECTION, query);
        if (!entry) return undefined;
        const found = storedSnapshot(entry);
        if (!at || !found.snapshot || new Date(found.snapshot.last.recordedAt) <= at) return found;
        last = found.version - 1;
      }
      return undefined;
    });
  }

  /**
   * Keeps a snapshot, and removes what is too many: of this code's all but `keep`, of other code's, which may run beside
   * this one or come back, all but its `keep` newest.
   */
  async write(stream: string, version: number, text: string, keep: number): Promise<void> {
    const prefix = await this.prefixOf(stream);
    await this.state.transaction([], async (state) => {
      await state.put(COLLECTION, keyAt(prefix, version), text);
      const keys = await keysOf(state, prefix.slice(0, -this.shape.length - 1));
      const own = keys.filter((key) => key.startsWith(prefix)).map(versionIn);
      const others = keys.filter((key) => !key.startsWith(prefix));
      others.sort((a, b) => versionIn(b) - versionIn(a));
      const surplus = [...surplusOf(own, keep).map((it) => keyAt(prefix, it)), ...others.slice(keep)];
      await state.deleteMany(COLLECTION, surplus);
    });
  }

  /** Removes one, unless it was replaced. */
  async discard({ key, text }: StoredSnapshot): Promise<void> {
    await this.state.transaction([], async (state) => {
      if ((await state.get(COLLECTION, key)) === text) await state.delete(COLLECTION, key);
    });
  }

  /** Removes all of a stream that this code has made. */
  async discardAll(stream: string): Promise<void> {
    const prefix = await this.prefixOf(stream);
    await this.state.transaction([], async (state) => {
      await state.deleteMany(COLLECTION, await keysOf(state, prefix));
    });
  }

  /** No part can hold what separates it from the next: names have no control characters. */
  private async prefixOf(stream: string): Promise<string> {
    this.log ??= this.open();
    const logId = await this.log.catch((error: unknown) => {
      this.log = undefined;
      throw error;
    });
    return `${logId}\n${stream}\n${this.shape}\n`;
  }

  private async open(): Promise<string> {
    await this.state.start();
    return (await this.events.identity()).logId;
  }
}

/**
 * Which versions to give up so that `keep` are left: never the newest, and always the one whose neighbours are nearest to
 * each other, so that the others stay spread over the stream.
 */
export function surplusOf(versions: readonly number[], keep: number): readonly number[] {
  const kept = [...versions].sort((a, b) => a - b);
  const surplus: number[] = [];
  while (kept.length > Math.max(keep, 1)) {
    const gaps = kept.slice(0, -1).map((_, i) => kept[i + 1]! - (kept[i - 1] ?? 0));
    surplus.push(...kept.splice(gaps.indexOf(Math.min(...gaps)), 1));
  }
  return surplus;
}

export const COLLECTION = 'backstory.snapshots';
const DIGITS = String(Number.MAX_SAFE_INTEGER).length;

function keyAt(prefix: string, version: number): string {
  return prefix + String(version).padStart(DIGITS, '0');
}

function versionIn(key: string): number {
  return Number(key.slice(-DIGITS));
}

async function keysOf(state: StateView, prefix: string): Promise<string[]> {
  return (await state.list(COLLECTION, { prefix })).map(({ key }) => key);
}

export function storedSnapshot({ key, value: text }: StateEntry): StoredSnapshot {
  const version = versionIn(key);
  try {
    return { version, key, text, snapshot: readSnapshot(text) };
  } catch (error) {
    if (!(error instanceof UnknownFormat)) throw error;
    return { version, key, text, snapshot: undefined };
  }
}
