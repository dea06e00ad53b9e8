import type { Wish } from '@backstory/core/administration';
import type { StateView } from '@backstory/core/state';
import { collectionsOf } from './collections.js';
import { readControl, type Control } from './control.js';
import { PARTITIONS, partitionName, partitionOf } from './key-partition.js';
import { leftOutOf, readLeftOut, type LeftOut } from './left-out.js';
import { rowsOf } from './pages-of.js';
import { parkedAt, readParked, type ParkedKey } from './parked-key.js';
import { readProgress, type Progress } from './progress.js';

/** Whether something is dealt with: it is, it waits for its turn or next attempt, or nobody will before somebody decides. */
export type Standing =
  | { readonly state: 'done' | 'pending' }
  /** It lies before where the subscription began, or was set to begin again. */
  | { readonly state: 'passed'; readonly began: number; readonly isReset: boolean }
  | { readonly state: 'parked'; readonly parked: ParkedKey }
  | { readonly state: 'left-out'; readonly leftOut: LeftOut };

/** What is asked about: an event of a key, or everything up to a position. */
export type Asked = { readonly position: number; readonly key: string } | { readonly upTo: number };

/** How far a subscription is, as one view of the state store shows it. */
export class Standings {
  private constructor(private readonly seen: Seen) {}

  /** `undefined`: it was never started. What was read from another log than this says nothing of its events. */
  static async read(
    view: StateView,
    { name, logId }: { readonly name: string; readonly logId: string },
  ): Promise<Standings | undefined> {
    const control = await readControl(view, name);
    if (!control) return undefined;
    const collections = collectionsOf(name);
    const rows = await view.list(collections.progress);
    const progress = new Map(rows.map(({ key, value }) => [key, readProgress(value)]));
    return new Standings({ view, collections, control, progress, logId });
  }

  /** Somebody paused it. */
  get paused(): Wish | undefined {
    return this.seen.control.paused;
  }

  of(asked: Asked): Promise<Standing> {
    return 'upTo' in asked ? this.ofAll(asked.upTo) : this.ofEvent(asked);
  }

  private async ofEvent({
    position,
    key,
  }: {
    readonly position: number;
    readonly key: string;
  }): Promise<Standing> {
    const partition = partitionOf(key);
    const progress = this.known(partition);
    const text =
      progress && (await this.seen.view.get(this.seen.collections.parked, parkedAt(partition, key)));
    const parked = text === undefined ? undefined : readParked(text);
    // What waits behind a parked key is passed by the checkpoint.
    if (parked && parked.cursor <= position) return standingOf(parked);
    const isPassed =
      position <= this.throughOf(partition) ||
      (progress?.logId === this.seen.logId && progress.ahead.includes(position));
    if (!isPassed) return { state: 'pending' };
    const leftOut = progress && (await this.leftOut(key, position));
    if (leftOut) return { state: 'left-out', leftOut };
    const { began, seen } = this;
    if (position > began) return { state: 'done' };
    return { state: 'passed', began, isReset: seen.control.reset !== undefined };
  }

  private async leftOut(key: string, position: number): Promise<LeftOut | undefined> {
    const rows = await rowsOf(this.seen.view, this.seen.collections.leftOut, leftOutOf(key));
    return rows
      .map(({ value }) => readLeftOut(value))
      .find(({ from, upTo }) => from <= position && position <= upTo);
  }

  private async ofAll(upTo: number): Promise<Standing> {
    let isPending = false;
    for (let partition = 0; partition < PARTITIONS; partition++) {
      if (this.throughOf(partition) < upTo) isPending = true;
      const progress = this.known(partition);
      const counts = progress?.parked;
      if (!counts || counts.retrying + counts.dead + counts.draining === 0) continue;
      const first = await this.parkedUpTo(partition, upTo);
      if (first?.state === 'dead') return { state: 'parked', parked: first };
      if (first) isPending = true;
    }
    return { state: isPending ? 'pending' : 'done' };
  }

  /** A parked key with something up to a position, a dead one if there is one. */
  private async parkedUpTo(partition: number, upTo: number): Promise<ParkedKey | undefined> {
    let found: ParkedKey | undefined;
    const prefix = `${partitionName(partition)}/`;
    for (let after = '', isMore = true; isMore;) {
      const rows = await this.seen.view.list(this.seen.collections.parked, { prefix, after, limit: PAGE });
      for (const { value } of rows) {
        const parked = readParked(value);
        if (parked.cursor > upTo) continue;
        if (parked.state === 'dead') return parked;
        found ??= parked;
      }
      isMore = rows.length === PAGE;
      after = rows.at(-1)?.key ?? '';
    }
    return found;
  }

  /** What a reset has set aside says nothing. */
  private known(partition: number): Progress | undefined {
    const progress = this.seen.progress.get(partitionName(partition));
    const { reset } = this.seen.control;
    return progress && (!reset || progress.reset === reset.id) ? progress : undefined;
  }

  private get began(): number {
    const { reset, start } = this.seen.control;
    return reset?.to ?? start;
  }

  /** A partition that nobody has begun is where the subscription begins. */
  private throughOf(partition: number): number {
    const known = this.known(partition);
    if (known && known.logId !== this.seen.logId) return -1;
    return known?.through ?? this.began;
  }
}

interface Seen {
  readonly view: StateView;
  readonly collections: ReturnType<typeof collectionsOf>;
  readonly control: Control;
  readonly progress: ReadonlyMap<string, Progress>;
  readonly logId: string;
}

const PAGE = 1_000;

function standingOf(parked: ParkedKey): Standing {
  return parked.state === 'dead' ? { state: 'parked', parked } : { state: 'pending' };
}
