import type { EventPriority } from '@backstory/core';
import type { Lane } from './partition.js';

/** Keys with an event to handle, the most urgent first, and in the order in which they became ready. */
export class ReadyKeys {
  private readonly critical = new Fifo();
  private readonly high = new Fifo();
  private readonly normal = new Fifo();
  private readonly low = new Fifo();

  add(lane: Lane, priority: EventPriority): void {
    this[priority].add(lane);
  }

  take(): Lane | undefined {
    return this.critical.take() ?? this.high.take() ?? this.normal.take() ?? this.low.take();
  }
}

class Fifo {
  private items: Lane[] = [];
  private first = 0;

  add(lane: Lane): void {
    this.items.push(lane);
  }

  take(): Lane | undefined {
    if (this.first === this.items.length) return undefined;
    const lane = this.items[this.first++];
    if (this.first > 64 && this.first * 2 > this.items.length) {
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
    return lane;
  }
}
