// Run by `npm run bench`, with --expose-gc.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { measure, type Result } from './measure.js';
import { HELP, Usage, readOptions, type Options } from './options.js';
import { HEADING, description, machine, machineLine, resultLine, type Report } from './report.js';
import { rows } from './rows.js';

async function main(argv: readonly string[]): Promise<void> {
  const options = readOptions(argv, await rows());
  if (options === 'help') return say(HELP);
  const stop = new AbortController();
  process.once('SIGINT', () => stop.abort(new Stopped()));
  await run(options, stop.signal);
}

/** The file is written after every row: a later one may fail or be stopped. */
async function run(options: Options, signal: AbortSignal): Promise<void> {
  const on = machine(options.driver);
  const results: Result[] = [];
  const tables = new Set<string>();
  say(`${machineLine(on)}\n\n${HEADING}`);
  for (const row of options.rows) {
    const { ddl, ...result } = await inFolder(options, (folder) =>
      measure(row, { ...options, folder, signal }),
    );
    results.push(result);
    tables.add(ddl);
    save(options, { machine: on, ddl: [...tables].join(''), results });
    say(resultLine(result));
  }
  const ddl = [...tables].join('');
  say(`\n${options.rows.map(description).join('\n')}`);
  if (ddl !== '')
    say(`\nBoth sides have these tables and indexes, a write-ahead log, and synchronous = FULL:\n${ddl}`);
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
