import type { StoredEvent } from '@backstory/core';
import { appendIds } from '@backstory/core/store';

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

  private nextId(): string {
    return this.last ? appendIds(this.last.id, 2)[1]! : this.appendId;
  }
}
