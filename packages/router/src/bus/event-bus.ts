import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventStore, ExpectedVersion, RecordResult, RecordedEvent, StoredEvent } from '@backstory/core';
import { guarded, observedEvent, type ObservedEvent, type Observer } from '@backstory/core/observe';
import { LONGEST_TIMER, knownOptions, numberOption, type Unsubscribe } from '@backstory/core/store';
import { InvalidDefinition, type Class, type EventTypes } from '@backstory/events';
import { checkMetadata, type GivenMetadata } from '@backstory/events/codec';
import type { Filter } from '../filter/filter.js';
import type { Router } from '../rule/router.js';
import type { Topic } from '../rule/topic.js';
import { Backlog } from './backlog.js';
import { deliver, type Errand, type HandlerOutcome } from './deliver.js';
import { BusClosed } from './errors.js';
import {
  listenerOf,
  listenersOf,
  type BusHandler,
  type ListenOptions,
  type Listener,
  type ListensTo,
} from './listener.js';
import { throughMiddleware, type Middleware } from './middleware.js';
import { checkPublishing, type HandedOut, type PublishOptions, type Published } from './published.js';
import { transientEvent } from './transient.js';

/** What a bus works with. */
export interface EventBusOptions {
  /** The application's name, which events that are not recorded keep as their `source`. */
  readonly source: string;
  readonly types: EventTypes;
  readonly store: EventStore;
  /** Records events, with the ids that follow from the ambient context. */
  readonly record: (
    stream: string,
    events: readonly object[],
    options: {
      readonly expected?: ExpectedVersion;
      readonly metadata?: GivenMetadata;
      readonly appendId?: string;
    },
  ) => Promise<RecordResult>;
  /** Leads events to topics. */
  readonly router: Router;
  readonly observer?: Observer;
  /** How long a middleware may take, and a handler that does not say so itself. Default 30,000. */
  readonly timeoutMs?: number;
  /** Publishings under way at which `publish`, where it does not wait for handlers, waits for room. Default 1,000. */
  readonly maxPending?: number;
}

/**
 * Hands events to the handlers of this process.
 *
 * Each handler gets an event at most once: it is not tried again when it fails or when the process ends meanwhile, and it sees only
 * what this bus publishes. What must not be missed is for a subscription, which follows the log. A handler's failure is
 * its own: the record stands, other handlers go on, and the publisher is told.
 */
export class EventBus {
  private readonly observer: Observer;
  private readonly timeoutMs: number;
  private readonly backlog: Backlog;
  private listeners: readonly Listener[] = [];
  private middleware: readonly Middleware[] = [];
  private closing: Promise<void> | undefined;

  /** @throws InvalidOption */
  constructor(private readonly parts: EventBusOptions) {
    const { observer, timeoutMs = 30_000, maxPending = 1_000 } = parts;
    this.observer = guarded(observer);
    this.timeoutMs = numberOption('timeoutMs', timeoutMs, 1, LONGEST_TIMER);
    this.backlog = new Backlog(numberOption('maxPending', maxPending, 1, Infinity));
  }

  /**
   * Calls `handler` for what it listens to: an event class, a type such as `order.*`, a topic, or whatever a filter lets
   * through. Gives a function that ends it.
   *
   * @throws InvalidDefinition, InvalidOption
   */
  subscribe<E extends object>(to: Class<E>, handler: BusHandler<E>, options?: ListenOptions): Unsubscribe;
  subscribe(to: string | Topic | Filter, handler: BusHandler<object>, options?: ListenOptions): Unsubscribe;
  subscribe(to: ListensTo, handler: BusHandler<never>, options: ListenOptions = {}): Unsubscribe {
    return this.listen([listenerOf(to, handler as BusHandler<object>, options)]);
  }

  /**
   * Calls the methods with `@EventHandler` of an object, with their time-outs, priorities and conditions; with a topic only for
   * what goes there. `retry` is not for the bus. Gives a function that ends it.
   *
   * @throws InvalidDefinition
   */
  attach(subscriber: object, options: { readonly topic?: Topic } = {}): Unsubscribe {
    const { topic } = knownOptions(options, { topic: true });
    return this.listen(listenersOf(subscriber, topic));
  }

  /**
   * Lets a function observe, replace or drop every event before it is recorded; in the order in which they are added.
   *
   * @throws InvalidDefinition
   */
  use(middleware: Middleware): Unsubscribe {
    if (typeof middleware !== 'function')
      throw new InvalidDefinition('use', 'needs a function that is given each event: (event, about) => ….');
    const own: Middleware = (event, about) => middleware(event, about);
    this.middleware = [...this.middleware, own];
    return () => {
      this.middleware = this.middleware.filter((it) => it !== own);
    };
  }

  /**
   * Records events in a stream, then hands them to the handlers of this process: all handlers of an event at once, one event
   * after the other. What had been recorded before — by the same command, or with the same `appendId` — is not handed out again.
   *
   * @throws what recording and middleware throw, and then nothing was recorded; MiddlewareTimedOut; BusClosed
   */
  async publish(stream: string, events: readonly object[], options: PublishOptions = {}): Promise<Published> {
    if (this.closing) throw new BusClosed();
    const { transient = false, wait = 'handlers', ...how } = checkPublishing(stream, events, options);
    // Counted from here: closing the bus waits for what is being recorded, too.
    let settle = (_: HandedOut) => {};
    const settled = new Promise<HandedOut>((resolve) => (settle = resolve));
    this.backlog.add(settled);
    const { middleware, timeoutMs } = this;
    try {
      const { kept, dropped } = await throughMiddleware({ middleware, timeoutMs }, events, {
        stream,
        transient,
      });
      const record = transient || kept.length === 0 ? undefined : await this.parts.record(stream, kept, how);
      const found = transient ? this.transients(stream, kept, how.metadata) : this.recorded(record);
      void this.handOut(found).then(settle);
      const { outcomes, undelivered } = wait === 'handlers' ? await settled : NOT_WAITED;
      // A handler that publishes is one of those that would have to end first.
      if (wait === 'record' && !inside.getStore()) await this.backlog.room();
      return { record, dropped, outcomes, undelivered, settled };
    } catch (error) {
      settle(NOT_WAITED);
      throw error;
    }
  }

  /** Takes no more, and waits for what is under way; a handler or middleware that hangs only until its time is over. */
  close(): Promise<void> {
    return (this.closing ??= this.backlog.drain());
  }

  private listen(added: readonly Listener[]): Unsubscribe {
    // Sorting is stable: among equals the one that came first begins first.
    this.listeners = [...this.listeners, ...added].sort((a, b) => b.rank - a.rank);
    return () => {
      this.listeners = this.listeners.filter((it) => !added.includes(it));
    };
  }

  private transients(stream: string, events: readonly object[], metadata: GivenMetadata = {}): StoredEvent[] {
    const { source, types } = this.parts;
    const given = checkMetadata(metadata, stream);
    const about = { source, trace: this.observer.trace() };
    return events.map((event) => transientEvent(stream, { ...types.encode(event), metadata: given }, about));
  }

  /** Read from the log: handlers see what everybody will. */
  private async recorded(result: RecordResult | undefined): Promise<readonly StoredEvent[]> {
    if (!result || result.repeated || this.listeners.length === 0) return [];
    const { stream, version } = result.writes[0]!;
    const found: StoredEvent[] = [];
    const slice = { after: version - result.ids.length, upTo: version };
    for await (const page of this.parts.store.readStream(stream, slice)) found.push(...page.events);
    return found;
  }

  /** Never fails: what is recorded is recorded, whether or not anybody can be told. */
  private async handOut(
    events: readonly StoredEvent[] | Promise<readonly StoredEvent[]>,
  ): Promise<HandedOut> {
    const outcomes: HandlerOutcome[] = [];
    try {
      for (const event of await events) outcomes.push(...(await this.handOutOne(event)));
      return { outcomes, undelivered: undefined };
    } catch (undelivered) {
      return { outcomes, undelivered };
    }
  }

  private handOutOne(stored: StoredEvent): Promise<readonly HandlerOutcome[]> {
    const recorded = this.parts.types.decode(stored);
    const event = observedEvent(recorded);
    return this.observer.publish(
      () => ({ event }),
      async (end) => {
        const errands = this.errandsFor(recorded, event, stored);
        const outcomes = await inside.run(true, () => Promise.all(errands.map((errand) => this.run(errand))));
        const failed = outcomes.filter(({ outcome }) => outcome !== 'handled').length;
        end(() => ({ targets: errands.length, failed }));
        return outcomes;
      },
    );
  }

  private errandsFor(
    recorded: RecordedEvent<object>,
    observed: ObservedEvent,
    stored: StoredEvent,
  ): Errand[] {
    const routes = new Map(this.parts.router.route(recorded).map((route) => [route.topic, route]));
    const errands: Errand[] = [];
    for (const listener of this.listeners) {
      const { topic, timeoutMs = this.timeoutMs } = listener;
      const route = topic === undefined ? undefined : routes.get(topic);
      if (!listener.takes(recorded.type) || (topic !== undefined && !route)) continue;
      const wanted = isWanted(listener, recorded);
      if (wanted === false) continue;
      // Each handler has a copy of its own: what one changes, no other sees.
      const copy = errands.length === 0 ? recorded : this.parts.types.decode(stored);
      const refusal = wanted === true ? undefined : wanted;
      errands.push({ listener, recorded: copy, observed, timeoutMs, route, refusal });
    }
    return errands;
  }

  private async run(errand: Errand): Promise<HandlerOutcome> {
    const outcome = await deliver(errand, this.observer);
    const { route, timeoutMs, recorded } = errand;
    if (outcome.outcome === 'timed-out' && route && route.timeoutMs <= timeoutMs) {
      const { rule, topic: target } = route;
      this.observer.route(() => ({ rule, target, eventType: recorded.type, result: 'timed-out' }));
    }
    return outcome;
  }
}

const inside = new AsyncLocalStorage<true>();
const NOT_WAITED: HandedOut = { outcomes: [], undelivered: undefined };

/** `{ error }`: its condition threw, which is a failure of the handler. */
function isWanted({ when }: Listener, event: RecordedEvent<object>): boolean | { readonly error: unknown } {
  try {
    return when?.(event) ?? true;
  } catch (error) {
    return { error };
  }
}
