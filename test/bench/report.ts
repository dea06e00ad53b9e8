import os from 'node:os';
import type { DriverName } from '@backstory/sqlite';
import type { Result } from './measure.js';
import type { Promised, Row } from './row.js';

/** What a run leaves in a file. */
export interface Report {
  readonly machine: Machine;
  /** The tables and indexes that both sides had. */
  readonly ddl: string;
  readonly results: readonly Result[];
}

export interface Machine {
  readonly date: string;
  readonly node: string;
  readonly driver: DriverName;
  readonly platform: string;
  readonly cpu: string;
  readonly cpus: number;
  readonly memoryGiB: number;
  /** Of the last minute, before the first row: on a busy machine, figures say little and ratios still something. */
  readonly load: number;
}

export function machine(driver: DriverName): Machine {
  const cpus = os.cpus();
  return {
    date: new Date().toISOString(),
    node: process.version,
    driver,
    platform: `${os.platform()} ${os.arch()}`,
    cpu: cpus[0]?.model ?? 'unknown',
    cpus: cpus.length,
    memoryGiB: Math.round(os.totalmem() / 2 ** 30),
    load: Math.round(os.loadavg()[0]! * 100) / 100,
  };
}

export function machineLine({ date, node, driver, cpu, cpus, memoryGiB, load }: Machine): string {
  return `${date}  Node ${node}, ${driver}, ${cpus} × ${cpu}, ${memoryGiB} GiB, load ${load}`;
}

const WIDTHS = [28, -10, -10, 9, -6, 11, -7, 7];

export const HEADING = line(['', 'ours', 'bare', '', 'ratio', 'rounds', 'target', '']);

/** One line of the table, and others for what else was promised or is to be told. */
export function resultLine({
  name,
  unit,
  ours,
  bare,
  ratio,
  target,
  also,
  promised,
  rounds,
}: Result): string {
  const ratios = rounds.map((round) => round.ours / round.bare);
  const spread = `${Math.min(...ratios).toFixed(2)}–${Math.max(...ratios).toFixed(2)}`;
  const verdict = target === null ? '' : ratio >= target ? 'met' : 'missed';
  const cells = [name, count(ours), count(bare), unit, ratio.toFixed(2), spread, target?.toFixed(2) ?? '–'];
  const figures = promised?.[unit] ? { [unit]: ours, ...also } : also;
  const others = Object.entries(figures).map(
    ([what, value]) => `  ${what} ${figure(value)}${kept(value, promised?.[what])}`,
  );
  return [line([...cells, verdict]), ...others].join('\n');
}

function kept(value: number, promise: Promised[string] | undefined): string {
  if (!promise) return '';
  const [isKept, said] =
    'atLeast' in promise
      ? [value >= promise.atLeast, `at least ${figure(promise.atLeast)}`]
      : [value <= promise.atMost, `at most ${figure(promise.atMost)}`];
  return `, ${said}: ${isKept ? 'met' : 'missed'}`;
}

/** Those below ten are ratios or times, of which the second place counts. */
function figure(value: number): string {
  return value < 10 ? value.toFixed(2) : value < 1_000 ? value.toFixed(1) : count(value);
}

/** What each side of a row does. */
export function description({ name, ours, bare }: Row): string {
  return `${name}\n  ours: ${ours}\n  bare: ${bare}`;
}

function line(cells: readonly string[]): string {
  return cells
    .map((cell, i) => (WIDTHS[i]! < 0 ? cell.padStart(-WIDTHS[i]!) : cell.padEnd(WIDTHS[i]!)))
    .join(' ')
    .trimEnd();
}

function count(speed: number): string {
  return Math.round(speed).toLocaleString('en-US');
}
