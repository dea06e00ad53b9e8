import type { BreakerOptions } from './subscription-options.js';

/** What failures are taken for. */
export type Outage = 'infrastructure' | 'many-keys';

/**
 * Takes failures for an outage: at once where an error says so, and where many different keys fail at the first attempt,
 * at least every second one. While it is open nothing is handled but a probe now and then, until one succeeds.
 */
export class Breaker {
  /** Which outage it is open for. */
  outage: Outage | undefined;
  private reason = '';
  private probes = 0;
  /** The last first attempts, twice as many as keys that make an outage: the keys of those that failed, `undefined` for the others. */
  private recent: (string | undefined)[] = [];
  private next = 0;
  /** How many of these each key has: looking through them at every failure would take as long as there may be keys. */
  private readonly failing = new Map<string, number>();

  constructor(
    private readonly options: Required<BreakerOptions>,
    private readonly tell: (change: 'open' | 'closed', reason: string) => void,
  ) {}

  /** Time until the next probe. */
  get probeMs(): number {
    const { probeMs, maxProbeMs } = this.options;
    return Math.min(maxProbeMs, probeMs * 2 ** Math.min(this.probes, 30));
  }

  open(outage: Outage, reason: string): void {
    if (this.outage) return;
    this.outage = outage;
    this.reason = reason;
    this.probes = 0;
    this.tell('open', reason);
  }

  /** An event was handled. Only a probe says that an outage is over: others may have begun before it. */
  succeeded(isProbe: boolean): void {
    if (this.outage) {
      if (isProbe) this.close();
    } else if (this.failing.size > 0) this.remember(undefined);
  }

  /** The first attempt at an event failed. Opens when it was one too many. */
  failed(key: string, message: string): void {
    this.remember(key);
    const different = this.failing.size;
    if (different < this.options.keys) return;
    this.open('many-keys', `${different} different keys failed one after another, the last with: ${message}`);
  }

  probeFailed(): void {
    this.probes++;
  }

  close(): void {
    if (!this.outage) return;
    this.outage = undefined;
    this.recent = [];
    this.next = 0;
    this.failing.clear();
    this.tell('closed', this.reason);
  }

  private remember(key: string | undefined): void {
    const forgotten = this.recent[this.next];
    if (forgotten !== undefined) this.count(forgotten, -1);
    if (key !== undefined) this.count(key, 1);
    this.recent[this.next] = key;
    this.next = (this.next + 1) % (this.options.keys * 2);
  }

  private count(key: string, more: number): void {
    const count = (this.failing.get(key) ?? 0) + more;
    if (count > 0) this.failing.set(key, count);
    else this.failing.delete(key);
  }
}
