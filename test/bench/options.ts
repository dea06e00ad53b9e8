import { accessSync, constants, existsSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import type { DriverName } from '@backstory/sqlite';
import { hasNodeSqlite } from '../support/has-node-sqlite.js';
import type { Row } from './row.js';

/** What the command line asks for. */
export interface Options {
  readonly rows: readonly Row[];
  readonly rounds: number;
  readonly scale: number;
  readonly driver: DriverName;
  readonly dir: string;
  readonly json: string | undefined;
}

/** The command line cannot be understood. The message says what would be. */
export class Usage extends Error {
  override readonly name = 'Usage';
}

export const HELP = `Measures Backstory against the bare driver.

  npm run bench                              every row
  npm run bench -- --only sqlite.follow      one row; may be given several times
  npm run bench -- --json results.json       the results as a file, too

  --only NAME      a row; a part of a name stands for all rows that have it
  --json FILE      writes { machine, ddl, results } to the file, after each row
  --rounds N       rounds of either side, after two to warm up. Default 9
  --driver NAME    of SQLite: node:sqlite or libsql. Default: what the store takes on this Node
  --dir FOLDER     where SQLite's files lie while it runs. Default: the folder for temporary files, where
                   PostgreSQL's lie always
  --scale X        the size of a round; 1 is long enough to be measured. Default 1
  --help           this text

A ratio is ours over bare, from medians. How to read it: docs/guides/benchmarks.md`;

/** @throws Usage */
export function readOptions(argv: readonly string[], all: readonly Row[]): Options | 'help' {
  const given = parsed(argv);
  if (given.help) return 'help';
  return {
    rows: chosen(given.only ?? [], all),
    rounds: number(
      'rounds',
      given.rounds ?? '9',
      (it) => Number.isInteger(it) && it >= 1,
      'a whole number from 1',
    ),
    scale: number('scale', given.scale ?? '1', (it) => it > 0 && it <= 100, 'a number above 0, at most 100'),
    driver: driverOf(given.driver),
    dir: folderOf(given.dir ?? tmpdir()),
    json: given.json === undefined ? undefined : fileOf(given.json),
  };
}

function parsed(argv: readonly string[]) {
  const text = { type: 'string' } as const;
  const options = {
    only: { type: 'string', multiple: true },
    json: text,
    rounds: text,
    scale: text,
    driver: text,
    dir: text,
    help: { type: 'boolean', short: 'h' },
  } as const;
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    throw new Usage((error as Error).message);
  }
}

function chosen(only: readonly string[], all: readonly Row[]): readonly Row[] {
  const unknown = only.find((part) => part === '' || !all.some(({ name }) => name.includes(part)));
  if (unknown !== undefined) {
    throw new Usage(
      `There is no row "${unknown}". There are:\n${all.map(({ name }) => `  ${name}`).join('\n')}`,
    );
  }
  return only.length === 0 ? all : all.filter(({ name }) => only.some((part) => name.includes(part)));
}

function number(option: string, text: string, holds: (it: number) => boolean, wanted: string): number {
  const value = Number(text);
  if (text === '' || !holds(value)) throw new Usage(`--${option} is "${text}", and must be ${wanted}.`);
  return value;
}

function folderOf(folder: string): string {
  if (!isWritableFolder(folder))
    throw new Usage(`--dir is "${folder}", and must be a folder that is there and can be written.`);
  return folder;
}

function fileOf(file: string): string {
  const taken = isWritableFolder(file) || (existsSync(file) && !isWritable(file));
  if (file === '' || taken || !isWritableFolder(path.dirname(file)))
    throw new Usage(
      `--json is "${file}", and must be a file that can be written, in a folder that is there.`,
    );
  return file;
}

function isWritableFolder(folder: string): boolean {
  return isWritable(folder) && statSync(folder).isDirectory();
}

function isWritable(place: string): boolean {
  try {
    accessSync(place, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

function driverOf(wanted: string | undefined): DriverName {
  const own = hasNodeSqlite();
  if (wanted === undefined) return own ? 'node:sqlite' : 'libsql';
  if (wanted !== 'node:sqlite' && wanted !== 'libsql')
    throw new Usage(`--driver is "${wanted}", and must be node:sqlite or libsql.`);
  if (wanted === 'node:sqlite' && !own)
    throw new Usage(
      `This Node (${process.version}) has no node:sqlite that can be used: leave --driver out.`,
    );
  return wanted;
}
