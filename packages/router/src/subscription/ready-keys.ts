import type { EventPriority } from '@backstory/core';
import type { Lane } from './partition.js';

/** Keys with an event to handle, the most urgent first, and in the order in which they became ready. */
export class ReadyKeys {
  private readonly critical = new Fifo();
  private readonly high = new Fifo();
  private readonly normal = new Fifo();
  private readonly low = new Fifo();
  private readonly triedOnes = new Fifo();

  /** `tried`: after all others, however urgent it is. */
  add(lane: Lane, priority: EventPriority | 'tried'): void {
    if (priority === 'tried') this.triedOnes.add(lane);
    else this[priority].add(lane);
  }

  take(): Lane | undefined {
    return (
      this.critical.take() ??
      this.high.take() ??
      this.normal.take() ??
      this.low.take() ??
      this.triedOnes.take()
    );
  }

  /** Takes those out that were tried. */
  tried(): readonly Lane[] {
    const lanes: Lane[] = [];
    for (let lane = this.triedOnes.take(); lane; lane = this.triedOnes.take()) lanes.push(lane);
    return lanes;
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
