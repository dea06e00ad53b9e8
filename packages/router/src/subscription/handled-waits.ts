import type { EventStore, StateStore } from '@backstory/core';
import type { Wish } from '@backstory/core/administration';
import { isInfrastructure, messageOf } from '@backstory/core/state';
import {
  InvalidOption,
  LONGEST_TIMER,
  StoreClosed,
  knownOptions,
  numberOption,
  outside,
} from '@backstory/core/store';
import { readControl } from './control.js';
import { NotHandled, type NotHandledReason } from './errors.js';
import { findEvent } from './find-event.js';
import type { RunsHere } from './runs-here.js';
import { Standings, type Asked, type Standing } from './standing.js';
import { subscriptionStatuses } from './subscription-status.js';

/** How long to wait until something is handled. */
export interface HandledOptions {
  /** Default 30,000. */
  readonly timeoutMs?: number;
  /** Ends the waiting with its reason. */
  readonly signal?: AbortSignal;
}

/** What waiting works with. */
export interface HandledParts {
  readonly events: EventStore;
  readonly state: StateStore;
  readonly here: RunsHere | undefined;
}

/** Waits until events are handled. All who wait for one subscription look together, at what is stored: anybody may handle them. */
export class HandledWaits {
  private readonly waiting = new Map<string, Set<Waiter>>();

  constructor(private readonly parts: HandledParts) {}

  /** @throws NotHandled, EventNotFound, InvalidOption; the signal's reason */
  async wait(subscription: string, what: string | number, options: HandledOptions = {}): Promise<void> {
    const { timeoutMs = 30_000, signal } = knownOptions(options, { timeoutMs: true, signal: true });
    numberOption('timeoutMs', timeoutMs, 1, LONGEST_TIMER);
    signal?.throwIfAborted();
    const asked =
      typeof what === 'number' ? { upTo: positionIn(what) } : await this.asked(subscription, what);
    if (!asked) return;
    await new Promise<void>((resolve, reject) => {
      const waiter: Waiter = { what, asked, why: 'it was not handled yet', end: () => undefined };
      const timeOut = () => waiter.end(new NotHandled(subscription, what, 'time-out', waiter.why));
      const timer = setTimeout(timeOut, timeoutMs);
      const aborted = () => waiter.end(signal!.reason);
      signal?.addEventListener('abort', aborted);
      waiter.end = (error) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', aborted);
        this.waiting.get(subscription)?.delete(waiter);
        if (error === undefined) resolve();
        // eslint-disable-next-line @typescript-eslint/prefer-promise-reject-errors -- a signal's reason may be anything
        else reject(error);
      };
      this.join(subscription, waiter);
    });
  }

  /** `undefined`: the subscription does not handle such events. */
  private async asked(subscription: string, id: string): Promise<Asked | undefined> {
    const { events, state, here } = this.parts;
    const control = (await state.read((view) => readControl(view, subscription)))!;
    const stored = await findEvent(events, id);
    const { position, stream, type } = stored;
    if (!control.types.includes(type)) return undefined;
    const key = control.keyed === 'stream' ? stream : here?.keyOf(subscription, stored);
    if (key !== undefined) return { position, key };
    throw new NotHandled(subscription, id, 'key-unknown', `its position is ${position}`);
  }

  private join(subscription: string, waiter: Waiter): void {
    const others = this.waiting.get(subscription);
    if (others) return void others.add(waiter);
    this.waiting.set(subscription, new Set([waiter]));
    outside(() => void this.watch(subscription));
  }

  private async watch(subscription: string): Promise<void> {
    const waiters = this.waiting.get(subscription)!;
    for (let look = 0; waiters.size > 0; look++) {
      try {
        await this.parts.here?.keep(subscription);
        const pending = await this.settle(subscription, [...waiters]);
        if (pending.length > 0 && look % LOOKS_PER_STATUS === 0) await this.explain(subscription, pending);
      } catch (error) {
        const isPassing = isInfrastructure(error) && !(error instanceof StoreClosed);
        for (const waiter of [...waiters]) {
          if (isPassing) waiter.why = messageOf(error);
          else waiter.end(error);
        }
      }
      if (waiters.size > 0) await new Promise((wait) => setTimeout(wait, LOOK_MS));
    }
    this.waiting.delete(subscription);
  }

  /** Ends the waits that are decided, and gives the others. */
  private async settle(subscription: string, waiters: readonly Waiter[]): Promise<readonly Waiter[]> {
    const { logId } = await this.parts.events.identity();
    const { found, paused } = await this.parts.state.read(async (view) => {
      const all = (await Standings.read(view, { name: subscription, logId }))!;
      const standings: Standing[] = [];
      for (const { asked } of waiters) standings.push(await all.of(asked));
      return { found: standings, paused: all.paused };
    });
    return waiters.filter((waiter, i) => {
      const standing = found[i]!;
      if (standing.state === 'pending' && !paused) return true;
      waiter.end(refusal({ subscription, what: waiter.what }, standing, paused));
      return false;
    });
  }

  /** Why they wait. Where it is faulted nobody will handle them; an outage ends by itself, and a process may be started. */
  private async explain(subscription: string, waiters: readonly Waiter[]): Promise<void> {
    const [status] = await subscriptionStatuses(this.parts, [subscription]);
    const { state, reason = '' } = status!;
    for (const waiter of waiters) {
      waiter.why = reason === '' ? `it is ${state}` : `it is ${state}: ${reason}`;
      if (state === 'faulted') waiter.end(new NotHandled(subscription, waiter.what, 'faulted', reason));
    }
  }
}

interface Waiter {
  readonly what: string | number;
  readonly asked: Asked;
  /** Why it is not handled, as far as is known. */
  why: string;
  /** Ends it well, or with an error. */
  end: (error?: unknown) => void;
}

const LOOK_MS = 50;
const LOOKS_PER_STATUS = 10;

function positionIn(what: number): number {
  if (Number.isSafeInteger(what) && what >= 0) return what;
  throw new InvalidOption('position', `must be a position of the log, or the id of an event, not ${what}.`);
}

/** Why it is not handled; `undefined` when it is. */
function refusal(
  { subscription, what }: Pick<NotHandled, 'subscription' | 'what'>,
  standing: Standing,
  paused: Wish | undefined,
): NotHandled | undefined {
  const not = (reason: NotHandledReason, detail: string) =>
    new NotHandled(subscription, what, reason, detail);
  switch (standing.state) {
    case 'done':
    case 'passed':
      return undefined;
    case 'pending':
      return not('paused', byWhom(paused!));
    case 'parked': {
      const { key, eventId, cursor, error } = standing.parked;
      return not('parked', `${key} is parked at event ${eventId} (position ${cursor}): ${error.message}`);
    }
    case 'left-out': {
      const { leftOut } = standing;
      return not(leftOut.action === 'skip' ? 'skipped' : 'discarded', byWhom(leftOut));
    }
  }
}

function byWhom({ actor, at, reason }: Wish): string {
  return `by ${actor} at ${at}${reason === undefined ? '' : `: ${reason}`}`;
}
