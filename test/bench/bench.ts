// Run by `npm run bench`, with --expose-gc.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { measure, type Measuring, type Result } from './measure.js';
import { HELP, Usage, readOptions, type Options } from './options.js';
import { NoServer, durableServer } from './postgres/durable-server.js';
import { HEADING, description, machine, machineLine, resultLine, type Report } from './report.js';
import type { Row } from './row.js';
import { rows } from './rows.js';

async function main(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv, await rows());
  if (options === 'help') return say(HELP);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Stopped()));
  const postgres = durableServer();
  try {
    await run(options, { signal: stop.signal, server: postgres.server });
  } finally {
    await postgres.stop();
  }
}

/** The file is written after every row: a later one may fail or be stopped. */
async function run(options: Options, using: Pick<Measuring, 'signal' | 'server'>): Promise<void> {
  const on = machine(options.driver);
  const results: Result[] = [];
  const tables = new Set<string>();
  say(`${machineLine(on)}\n\n${HEADING}`);
  for (const row of options.rows) {
    const measured = await measuredIn(options, row, using);
    if (measured instanceof NoServer) {
      say(`${row.name} was not run. ${measured.message}`);
      process.exitCode = 1;
      continue;
    }
    const { ddl, ...result } = measured;
    results.push(result);
    tables.add(ddl);
    save(options, { machine: on, ddl: [...tables].join(''), results });
    say(resultLine(result));
  }
  const ddl = [...tables].join('');
  say(`\n${options.rows.map(description).join('\n')}`);
  if (ddl !== '') say(`\nBoth sides have these tables, indexes and settings:\n${ddl}`);
}

async function measuredIn(options: Options, row: Row, using: Pick<Measuring, 'signal' | 'server'>) {
  try {
    return await inFolder(options, (folder) => measure(row, { ...options, ...using, folder }));
  } catch (error) {
    if (error instanceof NoServer) return error;
    throw error;
  }
}

function save({ json }: Options, report: Report): void {
  if (json !== undefined) writeFileSync(json, `${JSON.stringify(report, undefined, 2)}\n`);
}

async function inFolder<T>({ dir }: Options, work: (folder: string) => Promise<T>): Promise<T> {
  const folder = mkdtempSync(path.join(dir, 'backstory-bench-'));
  try {
    return await work(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Ctrl-C. */
class Stopped extends Error {}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

main(process.argv.slice(2)).catch((error: unknown) => {
  if (error instanceof Stopped) process.exitCode = 130;
  else if (error instanceof Usage) {
    process.stderr.write(`${error.message}\nTry --help.\n`);
    process.exitCode = 2;
  } else {
    console.error(error);
    process.exitCode = 1;
  }
});
