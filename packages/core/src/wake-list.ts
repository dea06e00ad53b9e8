import type { Unsubscribe } from './event-store.js';
import { outside } from './outside.js';

/** Those who want to know that something was appended. Many notices in one turn of the event loop become one call. */
export class WakeList {
  private readonly wakes = new Set<() => void>();
  private due = false;

  get size(): number {
    return this.wakes.size;
  }

  add(wake: () => void): Unsubscribe {
    const own = () => wake();
    this.wakes.add(own);
    return () => this.wakes.delete(own);
  }

  notify(): void {
    if (this.due || this.wakes.size === 0) return;
    this.due = true;
    outside(() =>
      setImmediate(() => {
        this.due = false;
        for (const wake of [...this.wakes]) if (this.wakes.has(wake)) call(wake);
      }),
    );
  }
}

/** What one of them throws is for the process to hear of, and keeps nobody else asleep. */
function call(wake: () => void): void {
  try {
    wake();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
