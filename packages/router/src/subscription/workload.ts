import type { Entry } from './entry.js';
import type { Lane, Partition } from './partition.js';
import { ReadyKeys } from './ready-keys.js';

/** What a subscription has in hand in this process. */
export class Workload {
  readonly partitions = new Map<number, Partition>();
  readonly ready = new ReadyKeys();
  /** Handlers at work. */
  running = 0;
  /** Events in memory that are not handled. */
  held = 0;

  makeReady(lane: Lane, first: Entry): void {
    lane.state = 'ready';
    this.ready.add(lane, first.priority);
  }

  begin(lane: Lane): void {
    lane.state = 'running';
    lane.partition.running++;
    this.running++;
  }

  end(lane: Lane): void {
    lane.partition.running--;
    this.running--;
  }

  /** Takes the lane's events out of memory, all but the first few. */
  keepFirst(lane: Lane, count: number): void {
    if (lane.queue.length <= count) return;
    this.held -= lane.queue.length - count;
    lane.queue.length = count;
  }
}
