import { newId, type EventStore, type Recorder, type StateStore } from '@backstory/core';
import { ActionNotRecorded, wishOf, type AskedBy, type Wish } from '@backstory/core/administration';
import { shown } from '@backstory/core/state';
import { InvalidOption, knownOptions } from '@backstory/core/store';
import { accountFor, type Accounting, type AccountingOptions } from './accounting.js';
import { collectionsOf } from './collections.js';
import { listControls, readControl, writeControl, type Control } from './control.js';
import { findEvent } from './find-event.js';
import { HandledWaits, type HandledOptions } from './handled-waits.js';
import { KeyNotParked, SubscriptionNotFound } from './errors.js';
import { lifecycle, type Lifecycle } from './lifecycle.js';
import { PARTITIONS, partitionOf } from './key-partition.js';
import { parkedAt, readParked, type ParkedKey } from './parked-key.js';
import { requireKey } from './list-query.js';
import type { Outcome } from './outcome.js';
import { checkedParkedQuery, listParked, type ParkedQuery } from './parked-list.js';
import {
  checkedOutcomeQuery,
  listOutcomes,
  outcomesOfEvents,
  type OutcomeQuery,
  type SubscriptionOutcome,
} from './outcome-list.js';
import { checkedReplay, type ReplayQuery } from './replay-query.js';
import { leaveReplays } from './replay-request.js';
import { leaveRequests, type ParkedRequest } from './request.js';
import { requireJson } from './require-json.js';
import type { RunsHere } from './runs-here.js';
import { subscriptionStatuses, type SubscriptionStatus } from './subscription-status.js';
import { SystemEvents, type SystemEvent } from './system-events.js';

/** What an admin works on. */
export interface AdminParts {
  readonly events: EventStore;
  readonly state: StateStore;
  /** Records what was asked for. Without it nothing can be asked for. */
  readonly recorder: Recorder;
  /** The subscriptions that run in this process. */
  readonly here?: RunsHere;
}

/**
 * Looks at subscriptions and asks for something: from any process, also where none of them runs. What is asked for is
 * recorded with its actor and carried out by the processes that own the partitions, as soon as there are any. Whoever asks while the log
 * cannot be reached is told so with `ActionNotRecorded`: what was asked for is in force all the same, and nobody records it later.
 */
export class SubscriptionAdmin {
  private readonly waits: HandledWaits;

  constructor(private readonly parts: AdminParts) {
    this.waits = new HandledWaits({ ...parts, here: parts.here });
  }

  /** Every subscription that was ever started, by name. */
  list(): Promise<readonly SubscriptionStatus[]> {
    return subscriptionStatuses(this.parts);
  }

  /** @throws SubscriptionNotFound */
  async status(name: string): Promise<SubscriptionStatus> {
    const [status] = await subscriptionStatuses(this.parts, [name]);
    return status ?? this.notFound(name);
  }

  /** Handles nothing more, until it is resumed; handlers at work end. */
  async pause(name: string, by?: AskedBy): Promise<void> {
    await this.want(name, by, 'subscription.paused', (control, paused) => ({ ...control, paused }));
  }

  /** Goes on, also where it paused by itself or is faulted. */
  async resume(name: string, by?: AskedBy): Promise<void> {
    await this.want(name, by, 'subscription.resumed', ({ paused: _paused, ...control }, wish) => ({
      ...control,
      resumed: { ...wish, id: newId() },
    }));
  }

  /** Goes to another position: later events are handled, again or for the first time; what is parked is let go. */
  async reset(name: string, to: number | 'beginning' | 'now', by?: AskedBy): Promise<void> {
    const { head } = await this.parts.events.identity();
    const position = to === 'beginning' ? 0 : to === 'now' ? head : to;
    if (!Number.isSafeInteger(position) || position < 0 || position > head)
      throw new InvalidOption(
        'to',
        `must be a position from 0 to ${head}, the head of the log, "beginning" or "now", not ${shown(to)}.`,
      );
    await this.want(name, by, 'subscription.reset', (control, wish) => ({
      ...control,
      reset: { ...wish, id: newId(), to: position },
    }));
  }

  /** Parked keys, by partition and then by key. @throws SubscriptionNotFound, InvalidOption */
  async parked(name: string, query: ParkedQuery = {}): Promise<readonly ParkedKey[]> {
    const checked = checkedParkedQuery(query);
    await this.require(name);
    return listParked(this.parts.state, name, checked);
  }

  /** @throws SubscriptionNotFound, KeyNotParked, InvalidOption */
  async parkedKey(name: string, key: string): Promise<ParkedKey> {
    requireKey('key', key);
    await this.require(name);
    const at = parkedAt(partitionOf(key), key);
    const text = await this.parts.state.read((view) => view.get(collectionsOf(name).parked, at));
    if (text === undefined) throw new KeyNotParked(name, key);
    return readParked(text);
  }

  /**
   * What became of events at the handlers of a subscription that keeps it (its option `outcomes`), in the order of the log backwards: the
   * latest event first.
   *
   * @throws SubscriptionNotFound, EventNotFound, InvalidOption
   */
  async outcomes(name: string, query: OutcomeQuery = {}): Promise<readonly Outcome[]> {
    const checked = checkedOutcomeQuery(query);
    await this.require(name);
    return listOutcomes(this.parts, name, checked);
  }

  /** What is kept of these events, of every subscription: by event, then by the names of subscription and handler. */
  outcomesOfEvents(
    events: readonly { readonly position: number; readonly type: string }[],
  ): Promise<readonly SubscriptionOutcome[]> {
    return outcomesOfEvents(this.parts.state, events);
  }

  /**
   * Whether something is known of every event that a subscription has dealt with since it keeps all outcomes (its option `outcomes: 'all'`).
   *
   * @throws SubscriptionNotFound, InvalidOption
   */
  async accountFor(name: string, options: AccountingOptions = {}): Promise<Accounting> {
    await this.require(name);
    return accountFor(this.parts, name, options);
  }

  /** What became of an event: stored, handled by whom, retried, parked. @throws EventNotFound */
  lifecycle(event: string): Promise<Lifecycle> {
    return lifecycle(this.parts, event);
  }

  /**
   * Resolves when an event, or every event up to a position, has been handled by a subscription, in whichever process, and that is stored. So
   * it does for what the subscription does not handle. What is tried again, or waits for an outage to end, is waited for.
   *
   * @throws NotHandled saying why: parked, skipped, discarded, paused, faulted, time-out; SubscriptionNotFound, EventNotFound
   */
  async handled(name: string, what: string | number, options?: HandledOptions): Promise<void> {
    await this.require(name);
    await this.waits.wait(name, what, options);
  }

  /** Tries a parked key again, with all its attempts; `'all'`: every dead one. */
  retry(name: string, which: { readonly key: string } | 'all', by?: AskedBy): Promise<void> {
    return this.ask(name, which, { action: 'retry' }, by);
  }

  /** Leaves out the event that failed and goes on with what waits behind it. */
  skip(name: string, which: { readonly key: string } | 'all', by?: AskedBy): Promise<void> {
    return this.ask(name, which, { action: 'skip' }, by);
  }

  /** Leaves out the event that failed and everything that waits behind it so far. */
  discard(name: string, which: { readonly key: string } | 'all', by?: AskedBy): Promise<void> {
    return this.ask(name, which, { action: 'discard' }, by);
  }

  /** Handles the event that failed with other data: JSON in the form in which events are recorded. The log stays as it is. */
  async edit(
    name: string,
    what: { readonly key: string; readonly data: string },
    by?: AskedBy,
  ): Promise<void> {
    const { key, data } = knownOptions(what, { key: true, data: true });
    requireJson(data);
    await this.ask(name, { key }, { action: 'edit', data }, by);
  }

  /**
   * Has events handled again that were dealt with before: one, those of a key, a part of the log, or what is in all that is given. The checkpoint
   * does not move. What is done `once` is not done again, unless `again` says so or the event had been left out. Gives the id of
   * the request.
   *
   * @throws SubscriptionNotFound, EventNotFound, InvalidOption
   */
  async replay(name: string, which: ReplayQuery, by?: AskedBy): Promise<string> {
    const control = await this.control(name);
    const { head } = await this.parts.events.identity();
    const { event, key, from = 1, to = head, again = false } = checkedReplay(which, head);
    const stored = event === undefined ? undefined : await findEvent(this.parts.events, event);
    if (stored && !control.types.includes(stored.type))
      throw new InvalidOption('event', `is a ${stored.type}, which ${name} does not handle.`);
    const own = control.keyed === 'stream' ? stored?.stream : stored && this.parts.here?.keyOf(name, stored);
    const wanted = key ?? own;
    const partitions = wanted === undefined ? ALL : [partitionOf(wanted)];
    const wish = wishOf(by);
    const what = {
      id: newId(),
      from,
      to,
      again,
      ...(event !== undefined && { event }),
      ...(key !== undefined && { key }),
    };
    const requests = partitions.map((partition) => ({ ...what, ...wish, partition, handled: 0, failed: 0 }));
    await leaveReplays(this.parts.state, collectionsOf(name), requests);
    await this.record(name, 'subscription.request', { action: 'replay', ...what }, wish);
    return what.id;
  }

  private async ask(
    name: string,
    which: { readonly key: string } | 'all',
    what: Pick<ParkedRequest, 'action' | 'data'>,
    by: AskedBy | undefined,
  ): Promise<void> {
    requireWhich(which);
    if (which === 'all') await this.require(name);
    const parked = which === 'all' ? undefined : await this.parkedKey(name, which.key);
    const wish = wishOf(by);
    const meant = parked && { key: parked.key, position: parked.cursor };
    const request: ParkedRequest = { ...what, ...meant, ...wish };
    const partitions = which === 'all' ? ALL : [partitionOf(which.key)];
    await leaveRequests(this.parts.state, collectionsOf(name), { partitions, request });
    const { data: _data, ...noted } = request;
    await this.record(
      name,
      'subscription.request',
      { ...noted, key: which === 'all' ? 'all' : which.key },
      wish,
    );
  }

  private async want(
    name: string,
    by: AskedBy | undefined,
    type: SystemEvent,
    change: (control: Control, wish: Wish) => Control,
  ): Promise<void> {
    const wish = wishOf(by);
    const wanted = await this.parts.state.transaction([], async (tx) => {
      const control = await readControl(tx, name);
      if (!control) return undefined;
      const changed = change(control, wish);
      await writeControl(tx, name, changed);
      return changed;
    });
    if (!wanted) await this.notFound(name);
    await this.record(name, type, type === 'subscription.reset' ? { to: wanted?.reset?.to } : {}, wish);
  }

  private async record(
    name: string,
    type: SystemEvent,
    data: Record<string, unknown>,
    wish: Wish,
  ): Promise<void> {
    this.parts.here?.look(name);
    const { actor, reason } = wish;
    const events = new SystemEvents(this.parts.recorder, name);
    const said = { ...data, ...(reason !== undefined && { reason }) };
    events.note(type, said, actor);
    const why = await events.close();
    if (why !== undefined) throw new ActionNotRecorded(actor, type, said, why);
  }

  private async require(name: string): Promise<void> {
    await this.control(name);
  }

  private async control(name: string): Promise<Control> {
    return (await this.parts.state.read((view) => readControl(view, name))) ?? this.notFound(name);
  }

  private async notFound(name: string): Promise<never> {
    const known = await this.parts.state.read(listControls);
    throw new SubscriptionNotFound(name, [...known.keys()]);
  }
}

/** @throws InvalidOption */
function requireWhich(which: unknown): void {
  if (which === 'all') return;
  if (typeof which !== 'object' || which === null)
    throw new InvalidOption('which', `must be { key } or "all", not ${shown(which)}.`);
  requireKey('key', knownOptions<{ key?: unknown }>(which, { key: true }).key);
}

const ALL: readonly number[] = Array.from({ length: PARTITIONS }, (_, i) => i);
