import type { StateStore } from '@backstory/core';
import type { Fence, StateTransaction, StateView } from '@backstory/core/state';
import { readSchedule, writeSchedule, type StoredSchedule } from './schedule.js';

/** What became of the wish to cancel a schedule. `firing`: it is too late, it is under way. */
export type Cancelled = 'cancelled' | 'firing' | 'unknown';

/** Which schedules to list: those whose ids begin with `prefix` and follow `after`, at most `limit` (1,000). */
export interface ScheduleQuery {
  readonly prefix?: string;
  readonly after?: string;
  readonly limit?: number;
}

/** Where schedules are kept: each under its id, and those that wait also under the time at which they are due. */
export class ScheduleBook {
  constructor(private readonly state: StateStore) {}

  /** Enters a schedule in place of another with its id; the same one again changes nothing. Gives what is in the book then. */
  enter(schedule: StoredSchedule): Promise<StoredSchedule> {
    return this.state.transaction([], async (tx) => {
      const before = await find(tx, schedule.id);
      if (before?.token === schedule.token) return before;
      await write(tx, before, schedule);
      return schedule;
    });
  }

  cancel(id: string): Promise<Cancelled> {
    return this.state.transaction([], async (tx) => {
      const found = await find(tx, id);
      if (!found) return 'unknown';
      if (found.state === 'firing') return 'firing';
      await write(tx, found, undefined);
      return 'cancelled';
    });
  }

  find(id: string): Promise<StoredSchedule | undefined> {
    return this.state.read((view) => find(view, id));
  }

  /** In the order of their ids. */
  async list({ prefix = '', after = '', limit = 1_000 }: ScheduleQuery = {}) {
    const entries = await this.state.read((view) => view.list(SCHEDULES, { prefix, after, limit }));
    return entries.map(({ value }) => readSchedule(value));
  }

  /** When the first of all is due, or was; `undefined`: nothing waits. */
  async next(): Promise<number | undefined> {
    const [first] = await this.state.read((view) => view.list(DUE, { limit: 1 }));
    return first && timeIn(first.key);
  }

  /** Takes what is due, but for what is under way, and says when the next is. Nobody else can cancel what was taken. */
  claim(
    fence: Fence,
    {
      now,
      limit,
      underWay,
    }: { readonly now: number; readonly limit: number; readonly underWay: ReadonlySet<string> },
  ): Promise<{ readonly claimed: readonly StoredSchedule[]; readonly next: number | undefined }> {
    return this.state.transaction([fence], async (tx) => {
      const entries = await tx.list(DUE, { limit: limit + underWay.size + 1 });
      const waiting = entries.filter(({ value }) => !underWay.has(value));
      const due = waiting.filter(({ key }) => timeIn(key) <= now).slice(0, limit);
      const claimed: StoredSchedule[] = [];
      for (const { value: id } of due) {
        const found = await find(tx, id);
        if (!found) continue;
        const firing: StoredSchedule = { ...found, state: 'firing' };
        await tx.put(SCHEDULES, id, writeSchedule(firing));
        claimed.push(firing);
      }
      const next = waiting[due.length];
      return { claimed, next: next && timeIn(next.key) };
    });
  }

  /** Writes what becomes of a schedule that was taken, unless another has taken its place. `undefined`: nothing more. */
  settle(fence: Fence, taken: StoredSchedule, left: StoredSchedule | undefined): Promise<void> {
    return this.state.transaction([fence], async (tx) => {
      const found = await find(tx, taken.id);
      if (found?.token === taken.token) await write(tx, found, left);
    });
  }

  /** Lets a schedule that failed, or waits for another attempt, be tried at once. Gives what is in the book then. */
  retry(id: string): Promise<StoredSchedule | undefined> {
    return this.state.transaction([], async (tx) => {
      const found = await find(tx, id);
      if (!found || found.state === 'firing' || found.attempts === 0) return found;
      // It was tried, so the time at which it was due is past.
      const after: StoredSchedule = { ...found, state: 'waiting', attempts: 0, tryAt: found.due };
      await write(tx, found, after);
      return after;
    });
  }
}

const SCHEDULES = 'schedules';
/** By time and id; the value is the id. */
const DUE = 'schedules.due';

async function find(view: StateView, id: string): Promise<StoredSchedule | undefined> {
  const text = await view.get(SCHEDULES, id);
  return text === undefined ? undefined : readSchedule(text);
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
