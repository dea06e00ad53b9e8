import type { EventPriority } from '@backstory/core';
import type { Lane } from './partition.js';

/** Keys with an event to handle, the most urgent first, and in the order in which they became ready. */
export class ReadyKeys {
  private readonly queues = ORDER.map(() => new Fifo());

  add(lane: Lane, priority: EventPriority): void {
    this.queues[ORDER.indexOf(priority)]!.add(lane);
  }

  take(): Lane | undefined {
    for (const queue of this.queues) if (!queue.isEmpty) return queue.take();
    return undefined;
  }
}

const ORDER: readonly EventPriority[] = ['critical', 'high', 'normal', 'low'];

class Fifo {
  private items: Lane[] = [];
  private first = 0;

  get isEmpty(): boolean {
    return this.first === this.items.length;
  }

  add(lane: Lane): void {
    this.items.push(lane);
  }

  take(): Lane | undefined {
    const lane = this.items[this.first];
    if (lane === undefined) return undefined;
    this.first++;
    if (this.first > 64 && this.first * 2 > this.items.length) {
      this.items = this.items.slice(this.first);
      this.first = 0;
    }
    return lane;
  }
}
