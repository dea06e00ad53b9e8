import type { EventStore, Recorder, StateStore } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import { LeaseHolder } from '@backstory/core/state';
import { SubscriptionExists, SubscriptionsClosed } from './errors.js';
import { keyOf } from './key-of.js';
import { Subscription } from './subscription.js';
import { SubscriptionAdmin } from './subscription-admin.js';
import { SubscriptionDefinition } from './subscription-definition.js';

/** What the subscriptions of a process run on. */
export interface SubscriptionsParts {
  readonly events: EventStore;
  readonly state: StateStore;
  /** Records what happens to them. */
  readonly recorder: Recorder;
  readonly observer?: Observer;
  /** After so long without a sign of life others take over. Default 2,500. */
  readonly leaseMs?: number;
}

/** The subscriptions that a process runs, and a look at all there are. */
export class Subscriptions extends SubscriptionAdmin {
  private readonly running = new Map<string, Subscription>();
  /** Those that run, and those that did. */
  private readonly definitions = new Map<string, SubscriptionDefinition>();
  private readonly leases: LeaseHolder;
  private closing: Promise<void> | undefined;

  constructor(private readonly own: SubscriptionsParts) {
    super({
      ...own,
      here: {
        look: (name) => this.running.get(name)?.look(),
        keep: (name) => this.running.get(name)?.keep(),
        keyOf: (name, stored) => {
          const definition = this.definitions.get(name);
          return definition && keyOf(definition, stored)[0];
        },
      },
    });
    const { state, observer, leaseMs = 2_500 } = own;
    this.leases = new LeaseHolder(state, {
      ...(observer && { observer }),
      ttlMs: leaseMs,
    });
  }

  /**
   * Begins to run a subscription in this process: an instance of a class with `@Subscriber`, or what `subscriber` made.
   * Resolves when it has its share of the events; how it is doing says its status.
   *
   * @throws InvalidDefinition, InvalidOption, SubscriptionExists, SubscriptionsClosed, StoreUnavailable …
   */
  async add(subscriber: object): Promise<void> {
    const definition = new SubscriptionDefinition(subscriber);
    const { name } = definition;
    if (this.closing) throw new SubscriptionsClosed(name);
    if (this.running.has(name)) throw new SubscriptionExists(name);
    const subscription = new Subscription(definition, { ...this.own, leases: this.leases });
    this.running.set(name, subscription);
    this.definitions.set(name, definition);
    try {
      await subscription.start();
    } catch (error) {
      this.running.delete(name);
      throw error;
    }
  }

  /** Ends to run a subscription in this process, once its handlers have ended. Its checkpoint and parked keys stay. `false`: it does not run here. */
  async remove(name: string): Promise<boolean> {
    const subscription = this.running.get(name);
    if (!subscription) return false;
    await this.stopped(name, subscription);
    return true;
  }

  /**
   * Stops all that this process runs: handlers end, checkpoints are kept, other processes take over at once. A log or a state store that gives no
   * answer holds it up for 10 seconds, and the record of what happened to subscriptions for 5 more; observers are told what was given up.
   */
  close(): Promise<void> {
    return (this.closing ??= this.finish());
  }

  private async finish(): Promise<void> {
    const given = await Promise.all([...this.running].map((it) => this.stopped(...it)));
    const closed = this.leases.close();
    // A state store that could not take them back is not waited for twice: they run out.
    if (given.every((it) => it)) await closed;
  }

  private async stopped(name: string, subscription: Subscription): Promise<boolean> {
    const isGiven = await subscription.stop();
    this.running.delete(name);
    return isGiven;
  }
}
