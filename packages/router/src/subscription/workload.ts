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

  constructor(private readonly buffer: number) {}

  /**
   * Whether half of the buffer is free, with so many `more` in hand. By this one rule what waits is kept in memory, and reading goes on: what
   * waits alone never keeps it from that.
   */
  isHalfFree(more = 0): boolean {
    return (this.held + more) * 2 <= this.buffer;
  }

  /** No key has anything to do: those that are there wait for somebody to decide. */
  get isIdle(): boolean {
    const isIdle = ({ replaying, lanes }: Partition) =>
      !replaying && [...lanes.values()].every(({ state }) => state === 'dead');
    return [...this.partitions.values()].every(isIdle);
  }

  makeReady(lane: Lane, first: Entry): void {
    lane.state = 'ready';
    this.ready.add(lane, first.priority);
  }

  /** Where it still is ready: meanwhile it may be gone, or what it waits with may be read anew. */
  readyAgain(lane: Lane): void {
    const [first] = lane.queue;
    if (first && lane.state === 'ready' && lane.partition.isOpen) this.makeReady(lane, first);
  }

  /** It was tried in an outage: the next probe is another key. */
  putOff(lane: Lane): void {
    lane.state = 'ready';
    this.ready.add(lane, 'tried');
  }

  /** The outage is over. */
  resume(): void {
    for (const lane of this.ready.tried()) this.readyAgain(lane);
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
