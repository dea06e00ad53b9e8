import { follow, type EventStore } from '@backstory/core';
import type { Observer } from '@backstory/core/observe';
import type { Dispatcher } from './dispatcher.js';
import type { Ownership } from './ownership.js';
import { aborted } from './pause.js';
import type { SubscriptionDefinition } from './subscription-definition.js';

/** What reading works with. */
export interface ReadingParts {
  readonly events: EventStore;
  readonly definition: SubscriptionDefinition;
  readonly dispatcher: Dispatcher;
  readonly owned: Ownership;
  readonly observer: Observer;
  /** Nothing is to be read: it failed, and somebody is to decide. */
  readonly isHalted: () => boolean;
  readonly failed: (error: unknown) => Promise<void>;
}

/** Reads the log from where a process's partitions are, and hands it to its dispatcher page by page. */
export class Reading {
  /** Ends what is being read, because partitions have come. */
  private turn = new AbortController();

  constructor(private readonly parts: ReadingParts) {}

  /** Until it is stopped. */
  async run(stopping: AbortSignal): Promise<void> {
    const { owned, dispatcher, isHalted, failed } = this.parts;
    while (!stopping.aborted) {
      this.turn = new AbortController();
      try {
        owned.open();
        if (isHalted() || dispatcher.partitions.size === 0) await aborted(this.turn.signal);
        else await this.read(this.turn.signal);
      } catch (error) {
        await failed(error);
      }
    }
  }

  /** Begins again from where the partitions are now. */
  restart(): void {
    this.turn.abort();
  }

  private async read(signal: AbortSignal): Promise<void> {
    const { events, definition, dispatcher, observer } = this.parts;
    const { name } = definition;
    const pageSize = Math.min(MOST, definition.options.buffer);
    const query = { ...definition.query, pageSize };
    const pages = follow(events, { after: this.startingPoint(), query, signal, name, observer });
    // The next page is fetched while this one is handled.
    let next = pages.next();
    for (;;) {
      const read = await next;
      if (read.done === true) return;
      const page = read.value;
      next = pages.next();
      next.catch(() => undefined);
      // Handlers may give nobody else a turn: the request for the next page would be sent after them.
      if (page.events.length === pageSize) await new Promise((sent) => setImmediate(sent));
      dispatcher.take(page);
      await dispatcher.room(signal);
      if (signal.aborted || dispatcher.partitions.size === 0) return void (await pages.return?.());
    }
  }

  /** Where the partition is that is least far. Those that are farther pass over what they know. */
  private startingPoint() {
    const { owned, dispatcher } = this.parts;
    const trackers = [...dispatcher.partitions.values()].map(({ tracker }) => tracker);
    const least = trackers.reduce((a, b) => (b.read < a.read ? b : a));
    const { logId, epoch } = owned.log!;
    return { logId, epoch, through: least.read, ...(least.last && { last: least.last }) };
  }
}

/** Events read at once. */
const MOST = 1_000;
