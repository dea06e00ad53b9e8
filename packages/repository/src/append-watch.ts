import type { StoredEvent } from '@backstory/core';
import { appendIds } from '@backstory/core/store';

/** An append that is in the log already. */
export interface RecordedAppend {
  readonly ids: readonly string[];
  /** Of its last event. */
  readonly version: number;
  readonly position: number;
  /** The name of the command that recorded it, where one did. */
  readonly command: string | undefined;
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
    if (!this.last) return undefined;
    const { version, position, metadata } = this.last;
    const { command } = JSON.parse(metadata) as { readonly command?: string };
    return { ids: this.ids, version, position, command };
  }

  private nextId(): string {
    return this.last ? appendIds(this.last.id, 2)[1]! : this.appendId;
  }
}
