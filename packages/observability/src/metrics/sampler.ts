import { numberOption, outside } from '@backstory/core/store';
import { inTime, type Watched } from '@backstory/core/observability';
import { sampleConsumers, type Sample } from './consumer-samples.js';
import type { Measurements } from './measurements.js';
import { ProcessSamples } from './process-samples.js';

export interface SamplerOptions {
  /** How often to look, in milliseconds. Default 5,000. */
  readonly everyMs?: number;
  /** It has looked. */
  readonly looked?: () => void;
}

/**
 * Looks at the log and at what is stored of subscriptions and projections, every few seconds, and never asks those who handle events:
 * of one that hangs or died the lag goes on growing. What cannot be read is not there, rather than zero.
 */
export class Sampler {
  private readonly everyMs: number;
  private readonly looked: () => void;
  private process: ProcessSamples | undefined;
  private readonly apps = new Set<Watched>();
  private timer: NodeJS.Timeout | undefined;
  private looking: Promise<void> | undefined;
  /** What is being read, also where nobody waits for it any more. */
  private readonly readings = new Map<Watched, Promise<readonly Sample[]>>();

  /** @throws InvalidOption */
  constructor(
    private readonly measurements: Measurements,
    { everyMs = 5_000, looked = () => undefined }: SamplerOptions = {},
  ) {
    this.looked = looked;
    this.everyMs = numberOption('everyMs', everyMs, 10, 2 ** 31 - 1);
  }

  /** Begins to look at an application. Gives a function that ends it. */
  watch(app: Watched): () => Promise<void> {
    this.apps.add(app);
    this.process ??= new ProcessSamples(this.measurements);
    this.timer ??= outside(() => setInterval(() => void this.look(), this.everyMs)).unref();
    void this.look();
    return async () => {
      this.apps.delete(app);
      if (this.apps.size === 0) await this.close();
    };
  }

  /** Looks now, or waits for the look that is under way. */
  look(): Promise<void> {
    this.looking ??= outside(() => this.lookOnce()).finally(() => (this.looking = undefined));
    return this.looking;
  }

  /** Ends it, once what is being read has been; a store that does not answer is not waited for. */
  async close(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    this.apps.clear();
    if (this.looking) await inTime(CLOSE_MS, this.looking, { instead: undefined });
    // Another application may have begun to be watched in the meantime.
    if (this.apps.size > 0) return;
    this.process?.close();
    this.process = undefined;
  }

  private async lookOnce(): Promise<void> {
    this.process?.sample();
    const late = { instead: [], background: true };
    const found = await Promise.all([...this.apps].map((app) => inTime(PATIENCE_MS, this.read(app), late)));
    // All at once, so that nobody sees what is gone, or half of what is there.
    const all = found.flat();
    for (const name of new Set([...this.given, ...all.map((it) => it.name)]))
      this.measurements.gauge(name).clear();
    this.given = all.map((it) => it.name);
    for (const { name, of, value } of all)
      this.measurements
        .gauge(name)
        .at(...of)
        .set(value);
    this.looked();
  }

  /** One that hangs is not read a second time beside it. */
  private read(app: Watched): Promise<readonly Sample[]> {
    const underWay = this.readings.get(app);
    if (underWay) return underWay;
    const reading = sampleConsumers(app)
      .catch(() => [])
      .finally(() => this.readings.delete(app));
    this.readings.set(app, reading);
    return reading;
  }

  private given: readonly `backstory.${string}`[] = [];
}

/** A store that has not answered by then is one that cannot be read. */
const PATIENCE_MS = 5_000;
const CLOSE_MS = 1_000;
