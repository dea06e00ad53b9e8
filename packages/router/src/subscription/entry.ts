import type { EventPriority, RecordedEvent, StoredEvent } from '@backstory/core';

/** An event on its way through a subscription. */
export class Entry {
  /** Once it has been read, until it is dealt with. */
  recorded: RecordedEvent<object> | undefined;

  constructor(
    readonly stored: StoredEvent,
    /** Where its handlers stand among those of its subscription. */
    readonly handlers: number,
    readonly priority: EventPriority,
    /** Handled, or waiting behind a parked key: the checkpoint may pass it. */
    public finished = false,
  ) {}

  get position(): number {
    return this.stored.position;
  }
}
