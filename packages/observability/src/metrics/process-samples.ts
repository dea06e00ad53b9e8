import { totalmem } from 'node:os';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { getHeapStatistics } from 'node:v8';
import type { Measurements } from './measurements.js';

/** What this process takes: memory, processors, and how late its event loop is. */
export class ProcessSamples {
  private readonly delay = monitorEventLoopDelay({ resolution: 20 });
  private used = process.cpuUsage();
  private at = performance.now();

  constructor(private readonly measurements: Measurements) {
    this.delay.enable();
  }

  sample(): void {
    const gauge = (name: string) => this.measurements.gauge(`backstory.process.${name}`).at();
    const { user, system } = process.cpuUsage(this.used);
    const now = performance.now();
    const resident = process.memoryUsage.rss();
    gauge('memory').set(resident);
    this.shares(resident);
    if (now > this.at) gauge('cpu').set((user + system) / 1_000 / (now - this.at));
    const late = this.delay.percentile(99) / 1e9;
    if (Number.isFinite(late)) gauge('event_loop.delay').set(Math.max(0, late - RESOLUTION_SECONDS));
    this.used = process.cpuUsage();
    this.at = now;
    this.delay.reset();
  }

  private shares(resident: number): void {
    const share = this.measurements.gauge('backstory.process.memory.share');
    share.at('resident').set(resident / memoryLimit());
    const { used_heap_size, heap_size_limit } = getHeapStatistics();
    share.at('heap').set(used_heap_size / heap_size_limit);
  }

  close(): void {
    this.delay.disable();
  }
}

/** Of the container, where it has one: without, Node gives 0 or more than the machine has. */
function memoryLimit(): number {
  const constrained = process.constrainedMemory();
  return constrained > 0 ? Math.min(constrained, totalmem()) : totalmem();
}

const RESOLUTION_SECONDS = 0.02;
