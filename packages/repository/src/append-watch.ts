import type { StoredEvent } from '@backstory/core';

/** An append that is in the log already. */
export interface RecordedAppend {
  readonly ids: readonly string[];
  /** Of its last event. */
  readonly version: number;
  readonly position: number;
}

/** Looks for the events of one append among the events of its stream, which are shown to it in order. */
export class AppendWatch {
  private readonly ids: string[] = [];
  private last: StoredEvent | undefined;

  constructor(private readonly appendId: string) {}

  see(events: readonly StoredEvent[]): void {
    for (const event of events) {
      if (event.id !== this.nextId()) continue;
      this.ids.push(event.id);
      this.last = event;
    }
  }

  get found(): RecordedAppend | undefined {
    return this.last && { ids: this.ids, version: this.last.version, position: this.last.position };
  }

  // The ids of an append count up in their last 48 bits, see appendIds in core.
  private nextId(): string {
    if (!this.last) return this.appendId;
    const tail = (parseInt(this.last.id.slice(-12), 16) + 1) % 2 ** 48;
    return this.last.id.slice(0, -12) + tail.toString(16).padStart(12, '0');
  }
}
