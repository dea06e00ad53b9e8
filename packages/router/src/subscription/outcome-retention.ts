import type { StateStore } from '@backstory/core';
import type { HeldLease, StateEntry, StateView } from '@backstory/core/state';
import type { collectionsOf } from './collections.js';
import { readLeftOut } from './left-out.js';
import { readOutcome } from './outcome.js';
import type { OutcomeRetentionOptions } from './subscription-options.js';

/** What retention works on. */
export interface RetentionParts {
  readonly state: StateStore;
  readonly collection: string;
  readonly keep: Required<OutcomeRetentionOptions>;
  /** What the stored form of one says of it. */
  readonly read: (text: string) => Kept;
  /** Where it is noted how far something may have been removed. */
  readonly swept: string;
  /** Default: the clock of this process. */
  readonly now?: () => number;
}

interface Kept {
  readonly endedAt: string;
  /** The last event that it is about. */
  readonly upTo: number;
}

/**
 * Removes outcomes, or what was left out, where it is too old or too much of it: a bounded piece of work at a time: one look at a thousand of them, going round
 * and round, and at most ten thousand removed before anything else is done. The owner of the first partition does it.
 */
export class OutcomeRetention {
  private readonly now: () => number;
  /** Where the next look begins. */
  private after = '';
  private dueAt = 0;

  constructor(private readonly parts: RetentionParts) {
    this.now = parts.now ?? Date.now;
  }

  /** Removes what is to go, if it is time to look. Gives how many were removed. */
  async sweep(lease: HeldLease): Promise<number> {
    if (this.now() < this.dueAt) return 0;
    let removed = 0;
    let isMore = true;
    for (let step = 0; isMore && step < STEPS; step++) {
      const surplus = await this.parts.state.read((view) => this.surplus(view));
      const { gone, isEnd } = surplus.length > 0 ? { gone: surplus, isEnd: false } : await this.expired();
      if (gone.length > 0) removed += await this.remove(lease, gone);
      isMore = !isEnd;
    }
    this.dueAt = isMore ? 0 : this.now() + EVERY_MS;
    return removed;
  }

  /** The first ones in the order of the log, where there are too many. */
  private async surplus(view: StateView): Promise<readonly StateEntry[]> {
    const { collection, keep } = this.parts;
    const many = (await view.count(collection)) - keep.maxCount;
    return many > 0 ? view.list(collection, { limit: Math.min(many, PAGE) }) : [];
  }

  /** Those of the next page that are too old. What was delivered again later may stand anywhere among them. */
  private async expired(): Promise<{ readonly gone: readonly StateEntry[]; readonly isEnd: boolean }> {
    const { state, collection, keep, read } = this.parts;
    const page = await state.read((view) => view.list(collection, { after: this.after, limit: PAGE }));
    const isEnd = page.length < PAGE;
    this.after = isEnd ? '' : page.at(-1)!.key;
    const until = this.now() - keep.maxAgeMs;
    return { gone: page.filter(({ value }) => Date.parse(read(value).endedAt) < until), isEnd };
  }

  /** Only what is still as it was seen: another owner may have noted something newer. */
  private remove(lease: HeldLease, gone: readonly StateEntry[]): Promise<number> {
    const { state, collection, swept, read } = this.parts;
    return state.transaction([lease], async (tx) => {
      const keys = gone.map(({ key }) => key);
      const there = await tx.getMany(collection, keys);
      const same = gone.filter(({ key, value }) => there.get(key) === value);
      await tx.deleteMany(
        collection,
        same.map(({ key }) => key),
      );
      const upTo = Math.max(await sweptUpTo(tx, swept), ...same.map(({ value }) => read(value).upTo));
      await tx.put(swept, SWEPT, String(upTo));
      return same.length;
    });
  }
}

/** Up to this position something may have been removed. */
export async function sweptUpTo(view: Pick<StateView, 'get'>, swept: string): Promise<number> {
  return Number((await view.get(swept, SWEPT)) ?? 0);
}

const SWEPT = 'up to';

/** Removes what a subscription keeps for a while. What was left out is rare, and goes by age alone. */
export function sweeperOf(
  state: StateStore,
  { outcomes, leftOut, swept }: Pick<ReturnType<typeof collectionsOf>, 'outcomes' | 'leftOut' | 'swept'>,
  keep: Required<OutcomeRetentionOptions>,
): (lease: HeldLease) => Promise<void> {
  const always = { ...keep, maxCount: Infinity };
  const retentions = [
    new OutcomeRetention({ state, swept, keep, collection: outcomes, read: keptOutcome }),
    new OutcomeRetention({ state, swept, keep: always, collection: leftOut, read: keptLeftOut }),
  ];
  return async (lease) => {
    for (const retention of retentions) await retention.sweep(lease);
  };
}

function keptOutcome(text: string): Kept {
  const { endedAt, position: upTo } = readOutcome(text);
  return { endedAt, upTo };
}

function keptLeftOut(text: string): Kept {
  const { at: endedAt, upTo } = readLeftOut(text);
  return { endedAt, upTo };
}

/** Outcomes looked at, and removed, in one transaction. */
const PAGE = 1_000;
/** Transactions one after another, before something else is done. */
const STEPS = 10;
/** Between two rounds that have found everything. */
const EVERY_MS = 60_000;
