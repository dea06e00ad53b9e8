import { Recorder, type OpenStorage } from '@backstory/core';
import { Subscriptions, reaction, subscriber } from '@backstory/router';
import { Deposited, stamped } from './payload.js';
import type { Contest, Side } from './row.js';

/** What both sides of a row of poisoned keys do. */
export const SENTENCES = {
  ours: 'live at half of what it can follow, one key in a hundred of 2,000 poisoned: 1 ÷ how long the events of healthy keys took from their append to their handler, 99 in 100 of them',
  bare: 'the same subscription in a clean run, at the same rate',
} as const;

/** Counts what a subscription does with the events of its keys, poisoned ones among them or none. */
export async function poisonedKeys(
  { storage, ...contest }: Pick<Contest, 'ddl' | 'close'> & { readonly storage: OpenStorage },
  scale: number,
): Promise<Contest> {
  const keys = Math.max(100, Math.ceil(2_000 * scale));
  const rate = (await capacity(storage, keys)) / 2;
  const rounds = Math.max(1, Math.round((rate * SECONDS * scale) / keys));
  const p99s = { ours: NaN, bare: NaN };
  const side = (who: 'ours' | 'bare', isPoisoned: (key: number) => boolean): Side => {
    let live = new LiveRun(storage, keys, isPoisoned);
    return {
      before: () => (live = new LiveRun(storage, keys, isPoisoned)).start(),
      run: () => live.run(rounds, rate),
      took: () => (p99s[who] = live.p99),
      proof: () => live.end(),
    };
  };
  const also = () => ({
    'p99 of healthy keys, ms': p99s.ours * 1_000,
    'p99 of a clean run, ms': p99s.bare * 1_000,
    'events a second': rate,
  });
  return {
    ...contest,
    amount: 1,
    expected: `${rounds * healthyOf(keys)} events of healthy keys`,
    ours: { ...side('ours', isUnlucky), also },
    bare: side('bare', () => false),
  };
}

/** Of one run of either side. */
const SECONDS = 3;
/** One key in a hundred. What becomes of it is left out of either side's figures. */
const isUnlucky = (key: number) => key % 100 === 13;
const healthyOf = (keys: number) =>
  Array.from({ length: keys }, (_, key) => key).filter((key) => !isUnlucky(key)).length;

/** Events a second that are appended and handled when nobody waits between appends. */
async function capacity(storage: OpenStorage, keys: number): Promise<number> {
  let rate = 0;
  // The second time counts: code is compiled, caches are full.
  for (let i = 0; i < 2; i++) {
    const live = new LiveRun(storage, keys, () => false);
    await live.start();
    const began = performance.now();
    await live.run(5, Infinity);
    rate = (5 * keys * 1_000) / (performance.now() - began);
    await live.end();
  }
  return rate;
}

/** A subscription that follows while events are appended to one key after another. */
class LiveRun {
  private readonly subscriptions: Subscriptions;
  private readonly took: number[] = [];
  private sent: number[] = [];
  private wanted = 0;
  private done: () => void = () => undefined;

  constructor(
    private readonly storage: OpenStorage,
    private readonly keys: number,
    private readonly isPoisoned: (key: number) => boolean,
  ) {
    const recorder = new Recorder(storage.events, { source: 'bench' });
    this.subscriptions = new Subscriptions({ ...storage, recorder });
  }

  /** Of the healthy keys, in seconds. */
  get p99(): number {
    const sorted = this.took.sort((a, b) => a - b);
    return sorted[Math.ceil(sorted.length * 0.99) - 1]! / 1_000;
  }

  async start(): Promise<void> {
    const on = [reaction(Deposited, (event) => this.handle(event), { name: 'handle' })];
    const options = { from: 'now', retry: { attempts: 3, delayMs: 100 } } as const;
    await this.subscriptions.add(subscriber({ name: `live-${number++}`, on, ...options }));
  }

  /** Every key gets so many events, so many of all keys a second, whatever the store takes for it. */
  async run(rounds: number, rate: number): Promise<void> {
    const total = rounds * this.keys;
    this.wanted = rounds * healthyOf(this.keys);
    const handled = new Promise<void>((resolve) => (this.done = resolve));
    const appends: Promise<unknown>[] = [];
    const began = performance.now();
    while (this.sent.length < total) {
      const due = Math.min(
        total,
        this.sent.length + MOST,
        Math.ceil(((performance.now() - began) / 1_000) * rate),
      );
      if (due > this.sent.length) appends.push(this.append(due));
      if (rate === Infinity) await appends.at(-1);
      else await new Promise((wait) => setTimeout(wait, 2));
    }
    await Promise.all(appends);
    await handled;
  }

  /** What was done with the healthy keys. */
  async end(): Promise<string> {
    await this.subscriptions.close();
    return `${this.took.length} events of healthy keys`;
  }

  private append(upTo: number): Promise<unknown> {
    const writes = [];
    for (let i = this.sent.length; i < upTo; i++) {
      const data = JSON.stringify(new Deposited(i, 'live'));
      const events = stamped(1, 1).map((event) => ({ ...event, data }));
      writes.push({ stream: `account-${i % this.keys}`, expected: 'any' as const, events });
      this.sent.push(performance.now());
    }
    return this.storage.events.append(writes);
  }

  private async handle({ amount: i }: Deposited): Promise<void> {
    const key = i % this.keys;
    if (this.isPoisoned(key)) throw new Error('poisoned');
    if (isUnlucky(key)) return;
    this.took.push(performance.now() - this.sent[i]!);
    if (this.took.length === this.wanted) this.done();
  }
}

/** Events of one append: there are as many keys. */
const MOST = 100;
let number = 0;
