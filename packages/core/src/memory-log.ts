import type { StoredEvent } from './event.js';
import { newId } from './ids.js';
import { WakeList } from './wake-list.js';

/** An event, its place in the log as it is kept here, and what is looked up by it. */
export interface Entry {
  readonly event: StoredEvent;
  readonly index: number;
  readonly correlationId: string;
  readonly causationId: string | undefined;
}

/** What event stores in memory share when they are opened on the same log. */
export class MemoryLog {
  readonly logId = newId();
  readonly entries: Entry[] = [];
  readonly streams = new Map<string, Entry[]>();
  readonly byId = new Map<string, Entry>();
  readonly wakes = new WakeList();
  epoch = { number: 1, start: 0 };

  get head(): number {
    return this.entries.at(-1)?.event.position ?? 0;
  }

  add(added: Omit<Entry, 'index'>): void {
    const entry: Entry = { ...added, index: this.entries.length };
    const { stream, id } = entry.event;
    this.entries.push(entry);
    this.byId.set(id, entry);
    const entries = this.streams.get(stream);
    if (entries) entries.push(entry);
    else this.streams.set(stream, [entry]);
  }
}
