import { newId, type StateStore } from '@backstory/core';
import type { Fence, StateTransaction, StateView } from '@backstory/core/state';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { noteAsked, wasAsked } from './asked-once.js';
import { errorText } from './error-text.js';
import { FiringLost } from './errors.js';
import { requireId } from './schedule-request.js';
import {
  LOST,
  earlierDoubt,
  isInDoubt,
  readSchedule,
  wasTried,
  withDoubt,
  writeSchedule,
  type StoredSchedule,
} from './schedule.js';

/**
 * What became of the wish to cancel a schedule.
 *
 * | | |
 * |---|---|
 * | `cancelled` | it is not carried out |
 * | `in-doubt` | it is cancelled and not tried again, but an attempt of it, or of one whose place it took, has not ended, as far as is known, or nobody knows whether it was recorded |
 * | `firing` | it is too late: it is under way |
 * | `unknown` | there is none |
 */
export type Cancelled = 'cancelled' | 'in-doubt' | 'firing' | 'unknown';

/** The same, with what was cancelled. */
export interface Cancelling {
  readonly became: Cancelled;
  readonly cancelled?: StoredSchedule;
}

/** What a run of a handler or command asked for, which may run again: what follows from both, and when it was asked for. */
export interface Asking {
  readonly token: string;
  readonly now: number;
}

/** Which schedules to list: those whose ids begin with `prefix` and follow `after`, at most `limit` (1,000). */
export interface ScheduleQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: number;
}

/** Where schedules are kept: each under its id, and those that wait also under the time at which they are due. */
export class ScheduleBook {
  constructor(private readonly state: StateStore) {}

  /**
   * Enters a schedule in place of another with its id; the same one again changes nothing. What is in doubt of the other stays so. Gives it as it is in
   * the book; `undefined`: a run that was here before asked for it, and it is there no more.
   */
  enter(schedule: StoredSchedule, now: number): Promise<StoredSchedule | undefined> {
    return this.state.transaction([], async (tx) => {
      const before = await find(tx, schedule.id);
      if (before?.token === schedule.token) return before;
      const { token, isDerived } = schedule;
      if (isDerived && (await wasAsked(tx, token))) return undefined;
      const inDoubt = before?.state === 'firing' ? before.token : before?.inDoubt;
      const entered = withDoubt(schedule, inDoubt, true);
      await write(tx, before, entered);
      if (isDerived) await noteAsked(tx, token, { at: now, became: 'scheduled' });
      return entered;
    });
  }

  /** A run that asks again is told what it was told before, and cancels nothing that came after. */
  cancel(id: string, asking?: Asking): Promise<Cancelling> {
    return this.changing(id, async (tx, isLeft) => {
      if (!asking) return cancelIn(tx, id, isLeft);
      const before = await wasAsked(tx, asking.token);
      if (before) return { became: before.became as Cancelled };
      const cancelling = await cancelIn(tx, id, isLeft);
      await noteAsked(tx, asking.token, { at: asking.now, became: cancelling.became });
      return cancelling;
    });
  }

  /** @throws InvalidOption */
  async find(id: string): Promise<StoredSchedule | undefined> {
    requireId(id);
    return this.state.read((view) => find(view, id));
  }

  /** In the order of their ids. */
  async list(query: ScheduleQuery = {}) {
    const { prefix = '', after = '', limit = 1_000 } = knownOptions(query, QUERY);
    const entries = await this.state.read((view) => view.list(SCHEDULES, { prefix, after, limit }));
    return entries.map(({ value }) => readSchedule(value));
  }

  /** When the first of all is due, or was; `undefined`: nothing waits. */
  async next(): Promise<number | undefined> {
    const [first] = await this.state.read((view) => view.list(DUE, { limit: 1 }));
    return first && timeIn(first.key);
  }

  /**
   * Takes what is due, but for what is under way, and says when the next is. Nobody else can cancel what was taken. What had been taken
   * before and is not `own` was lost by another process, which is a failed attempt.
   */
  claim(
    fence: Fence,
    { now, limit, underWay, isOwn }: Claim,
  ): Promise<{ readonly claimed: readonly StoredSchedule[]; readonly next: number | undefined }> {
    return this.state.transaction([fence], async (tx) => {
      const entries = await tx.list(DUE, { limit: limit + underWay.size + 1 });
      const waiting = entries.filter(({ value }) => !underWay.has(value));
      const due = waiting.filter(({ key }) => timeIn(key) <= now).slice(0, limit);
      const claimed: StoredSchedule[] = [];
      for (const { value: id } of due) {
        const found = await find(tx, id);
        if (!found) continue;
        const firing =
          found.state === 'firing' && !isOwn(id) ? lost(found) : { ...found, state: 'firing' as const };
        await tx.put(SCHEDULES, id, writeSchedule(firing));
        claimed.push(firing);
      }
      const next = waiting[due.length];
      return { claimed, next: next && timeIn(next.key) };
    });
  }

  /** Writes that a schedule that was taken was carried out, and what is left of it. Earlier attempts are in doubt as before, as the book says now. */
  done(fence: Fence, taken: StoredSchedule, next: StoredSchedule | undefined): Promise<void> {
    return this.state.transaction([fence], async (tx) => {
      const found = await find(tx, taken.id);
      if (found?.token === taken.token)
        return write(tx, found, next && withDoubt(next, earlierDoubt(found), true));
      if (found?.inDoubt === taken.token) await write(tx, found, withDoubt(found, earlierDoubt(taken)));
    });
  }

  /** Writes what becomes of a schedule that was taken and was not carried out; of one whose place another has taken, whether it is in doubt. */
  settle(fence: Fence, taken: StoredSchedule, left: StoredSchedule): Promise<void> {
    return this.state.transaction([fence], async (tx) => {
      const found = await find(tx, taken.id);
      if (found?.token === taken.token) return write(tx, found, left);
      if (found?.inDoubt === taken.token) await write(tx, found, withDoubt(found, left.inDoubt));
    });
  }

  /** What this firer had not ended when it wrote that down has ended now; also of what had this id before. */
  ended(
    { id }: StoredSchedule,
    { firer, inDoubt }: { readonly firer: string; readonly inDoubt: string | undefined },
  ): Promise<void> {
    return this.state.transaction([], async (tx) => {
      const found = await find(tx, id);
      if (found?.inDoubt === firer) await tx.put(SCHEDULES, id, writeSchedule(withDoubt(found, inDoubt)));
    });
  }

  /** Lets a schedule that failed, or waits for another attempt, be tried at once. Gives what is in the book then, and whether that was changed. */
  retry(id: string): Promise<{ readonly schedule: StoredSchedule; readonly isRetried: boolean } | undefined> {
    return this.changing(id, async (tx, isLeft) => {
      const found = await find(tx, id);
      if (!found) return undefined;
      if (found.state === 'firing' ? !isLeft : !wasTried(found)) return { schedule: found, isRetried: false };
      // It was tried, so the time at which it was due is past.
      const inDoubt = found.state === 'firing' ? { inDoubt: found.inDoubt ?? LOST } : {};
      const again = { state: 'waiting', attempts: 0, tryAt: found.due } as const;
      const after: StoredSchedule = { ...found, ...again, ...inDoubt };
      await write(tx, found, after);
      return { schedule: after, isRetried: true };
    });
  }

  /** What is `firing` while nobody leads was left so by a process that ended: under the lease it is changed like any other. */
  private async changing<T>(
    id: string,
    work: (tx: StateTransaction, isLeft: boolean) => Promise<T>,
  ): Promise<T> {
    const found = await this.find(id);
    const lease =
      found?.state === 'firing'
        ? await this.state.acquire(SCHEDULES_LEASE, { owner: newId(), ttlMs: CHANGING_MS })
        : undefined;
    try {
      return await this.state.transaction(lease ? [lease] : [], (tx) => work(tx, lease !== undefined));
    } finally {
      if (lease) await this.state.release(lease);
    }
  }
}

/** The lease of the process that fires, and what it is called in observations. */
export const SCHEDULES_LEASE = 'schedules';

/** Which of what is due to take. */
export interface Claim {
  readonly now: number;
  readonly limit: number;
  readonly underWay: ReadonlySet<string>;
  /** Whether this process knows how it went, and could not write it down. */
  readonly isOwn: (id: string) => boolean;
}

const QUERY: OptionNames<ScheduleQuery> = { prefix: true, after: true, limit: true };
const CHANGING_MS = 10_000;

const SCHEDULES = 'schedules';
/** By time and id; the value is the id. */
const DUE = 'schedules.due';

async function find(view: StateView, id: string): Promise<StoredSchedule | undefined> {
  const text = await view.get(SCHEDULES, id);
  return text === undefined ? undefined : readSchedule(text);
}

function lost(schedule: StoredSchedule): StoredSchedule {
  const error = errorText(new FiringLost(schedule.id));
  return { ...schedule, attempts: schedule.attempts + 1, error, inDoubt: schedule.inDoubt ?? LOST };
}

async function cancelIn(tx: StateTransaction, id: string, isLeft: boolean): Promise<Cancelling> {
  const found = await find(tx, id);
  if (!found) return { became: 'unknown' };
  if (found.state === 'firing' && !isLeft) return { became: 'firing' };
  await write(tx, found, undefined);
  return { became: isInDoubt(found) ? 'in-doubt' : 'cancelled', cancelled: found };
}

async function write(
  tx: StateTransaction,
  before: StoredSchedule | undefined,
  after: StoredSchedule | undefined,
): Promise<void> {
  if (before) await tx.delete(DUE, dueKey(before));
  if (after && after.state !== 'failed') await tx.put(DUE, dueKey(after), after.id);
  if (after) await tx.put(SCHEDULES, after.id, writeSchedule(after));
  else if (before) await tx.delete(SCHEDULES, before.id);
}

function dueKey({ tryAt, id }: StoredSchedule): string {
  return `${tryAt}/${id}`;
}

function timeIn(key: string): number {
  return Date.parse(key.slice(0, key.indexOf('/')));
}
