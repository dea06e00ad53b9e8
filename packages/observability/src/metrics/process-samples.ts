import { monitorEventLoopDelay } from 'node:perf_hooks';
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
    gauge('memory').set(process.memoryUsage.rss());
    if (now > this.at) gauge('cpu').set((user + system) / 1_000 / (now - this.at));
    const late = this.delay.percentile(99) / 1e9;
    if (Number.isFinite(late)) gauge('event_loop.delay').set(Math.max(0, late - RESOLUTION_SECONDS));
    this.used = process.cpuUsage();
    this.at = now;
    this.delay.reset();
  }

  close(): void {
    this.delay.disable();
  }
}

const RESOLUTION_SECONDS = 0.02;
