// Run by `npm run bench:observability`: what it costs to observe an application on PostgreSQL, in processes that take turns.
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import type { ObservabilityOptions } from '@backstory/observability';
import { guarded } from '@backstory/core/observe';
import { receiver } from '../../support/receiver.js';
import { spawnWorker } from '../../support/spawn-worker.js';
import { median } from '../measure.js';
import { durableServer } from '../postgres/durable-server.js';
import type { Done, Ordered, Ready } from './observability.worker.js';

const ROUNDS = Number(process.argv[2] ?? 9);
const COMMANDS = Number(process.argv[3] ?? 1_000);
/** Spans are sent every five seconds, and Prometheus asks as often while a process works: both have happened twice when it counts. */
const WARM_UP_MS = 31_000;
const SCRAPE_MS = 5_000;

const OFF = { enabled: false };

/** What is observed, by its name. */
function variants(url: string, folder: string): Readonly<Record<string, ObservabilityOptions | undefined>> {
  const metrics = { port: 0, host: '127.0.0.1' };
  const tracing = (sampleRate: number) => ({ url: `${url}/v1/traces`, sampleRate });
  const logs = (name: string) => ({ encoding: 'json' as const, outputs: [path.join(folder, `${name}.log`)] });
  const common = { serviceName: 'shop', environment: 'production' };
  return {
    off: undefined,
    metrics: { ...common, metrics, tracing: OFF, logs: OFF },
    'traces, 10 %': { ...common, metrics: OFF, tracing: tracing(0.1), logs: OFF },
    logs: { ...common, metrics: OFF, tracing: OFF, logs: logs('logs') },
    'production default': { ...common, metrics, tracing: tracing(0.1), logs: logs('default') },
    'all, 100 %': { ...common, metrics, tracing: tracing(1), logs: logs('all') },
  };
}

/** A process with one of them. */
async function started(url: string, observed: ObservabilityOptions | undefined) {
  const options = JSON.stringify({ url, ...(observed && { observed }) });
  const child = spawnWorker(path.join(__dirname, 'observability.worker.ts'), [options]);
  child.stderr!.pipe(process.stderr);
  const over = once(child, 'exit').then(() => undefined);
  const answer = async <T>(): Promise<T> => {
    const answered = await Promise.race([once(child, 'message') as Promise<[T]>, over]);
    if (!answered) throw new Error('A process has ended.');
    return answered[0];
  };
  const scrape = scraping((await answer<Ready>()).metricsPort);
  return {
    async run(ordered: Ordered): Promise<Done> {
      const stop = scrape();
      child.send(ordered);
      const done = await answer<Done>();
      await stop();
      return done;
    },
    async end(): Promise<void> {
      if (child.connected) child.disconnect();
      await over;
    },
  };
}

/** Asks a process for its metrics every five seconds in which it works. Gives what begins that, which gives what ends it. */
function scraping(port: number | undefined): () => () => Promise<void> {
  let worked = 0;
  return () => {
    const began = performance.now();
    let asking: Promise<unknown> = Promise.resolve();
    const ask = () => {
      worked -= SCRAPE_MS;
      asking = fetch(`http://127.0.0.1:${port}/metrics`).then((it) => it.text());
    };
    const timer = port && setTimeout(ask, Math.max(0, SCRAPE_MS - worked));
    return async () => {
      clearTimeout(timer);
      await asking;
      worked += performance.now() - began;
    };
  };
}

async function main(): Promise<void> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'backstory-bench-'));
  const collector = await receiver();
  const postgres = durableServer();
  const running = new Map<string, Awaited<ReturnType<typeof started>>>();
  try {
    const server = await postgres.server();
    for (const [name, observed] of Object.entries(variants(collector.url, folder)))
      running.set(name, await started(await server.createDatabase(), observed));
    const results = await measured(running);
    report(results);
    console.log(`\nsilent seam: ${(await silentSeam()).toFixed(0)} ns a call`);
  } finally {
    for (const it of running.values()) await it.end();
    await postgres.stop();
    await collector.close();
    rmSync(folder, { recursive: true });
  }
}

type Results = ReadonlyMap<string, readonly Done[]>;

async function measured(running: ReadonlyMap<string, Awaited<ReturnType<typeof started>>>): Promise<Results> {
  const results = new Map<string, Done[]>([...running.keys()].map((name) => [name, []]));
  const warm = performance.now() + WARM_UP_MS;
  while (performance.now() < warm)
    for (const it of running.values()) await it.run({ commands: COMMANDS >> 1 });
  for (let round = 0; round < ROUNDS; round++) {
    const order = [...running];
    // Whoever comes first has the caches as the last one left them.
    if (round % 2 === 1) order.reverse();
    for (const [name, it] of order) results.get(name)!.push(await it.run({ commands: COMMANDS }));
  }
  return results;
}

function report(results: Results): void {
  const off = figures(results.get('off')!);
  console.log(
    `Node ${process.version}, ${ROUNDS} rounds of ${COMMANDS} commands: mean CPU, medians of the rest\n`,
  );
  console.log('| observed | CPU, µs a command | more | | p50, ms | p99, ms | more | memory, MB | more |');
  console.log('|---|---|---|---|---|---|---|---|---|');
  for (const [name, rounds] of results) {
    const it = figures(rounds);
    const more = it.cpu - off.cpu;
    const cells = [
      ...[name, it.cpu.toFixed(1), more.toFixed(1), `${((100 * more) / off.cpu).toFixed(1)} %`],
      ...[it.p50.toFixed(2), it.p99.toFixed(2), (it.p99 - off.p99).toFixed(2)],
      ...[it.memory.toFixed(0), (it.memory - off.memory).toFixed(0)],
    ];
    console.log(`| ${cells.join(' | ')} |`);
  }
}

function figures(rounds: readonly Done[]): Done {
  const of = (which: (it: Done) => number) => median(rounds.map(which));
  return {
    // What happens now and then, such as an export, is in the mean and in no median.
    cpu: rounds.reduce((sum, it) => sum + it.cpu, 0) / rounds.length,
    p50: of((it) => it.p50),
    p99: of((it) => it.p99),
    memory: of((it) => it.memory) / 1_000_000,
  };
}

/** What a seam takes to which nobody listens, beside the work that it runs: nanoseconds. */
async function silentSeam(): Promise<number> {
  const observer = guarded(undefined);
  const calls = 1_000_000;
  const work = async () => undefined;
  const start = () => ({}) as never;
  const timed = async (call: () => Promise<unknown>): Promise<number> => {
    const began = performance.now();
    for (let i = 0; i < calls; i++) await call();
    return ((performance.now() - began) * 1e6) / calls;
  };
  const [bare, seam]: [number[], number[]] = [[], []];
  for (let round = 0; round < 7; round++) {
    bare.push(await timed(() => work()));
    seam.push(await timed(() => observer.record(start, () => work())));
  }
  return median(seam) - median(bare);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
