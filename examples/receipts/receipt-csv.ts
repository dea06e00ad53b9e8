import { readFile } from 'node:fs/promises';

/** The same log as a table of text, from which the tests count for themselves. */
export const RECEIPTS_CSV = require.resolve('pm4js/examples/input_data/receipt.csv');

export type Row = Readonly<Record<string, string>>;

/** The rows of each case. No field of this file is quoted. */
export async function readRows(file = RECEIPTS_CSV): Promise<ReadonlyMap<string, readonly Row[]>> {
  const [head = '', ...lines] = (await readFile(file, 'utf8')).trim().split(/\r?\n/);
  const columns = head.split(',');
  const cases = new Map<string, Row[]>();
  for (const line of lines) {
    const fields = line.split(',');
    if (fields.length !== columns.length || line.includes('"')) throw new Error(`No plain row: ${line}`);
    const row = Object.fromEntries(columns.map((column, i) => [column, fields[i]!]));
    const name = row['case:concept:name']!;
    cases.set(name, [...(cases.get(name) ?? []), row]);
  }
  return cases;
}

/** The table gives the time that a clock in the Netherlands showed. */
export function instantOf(wall: string): Date {
  const utc = Date.parse(`${wall.replace(' ', 'T')}Z`);
  const offsets = [1, 2].map((hours) => hours * 3_600_000);
  const [found] = offsets.map((offset) => new Date(utc - offset)).filter((it) => wallOf(it) === utc);
  if (!found) throw new Error(`No clock showed ${wall}.`);
  return found;
}

function wallOf(at: Date): number {
  const part = Object.fromEntries(CLOCK.formatToParts(at).map(({ type, value }) => [type, Number(value)]));
  const { year, month, day, hour, minute, second } = part as Record<string, number>;
  return Date.UTC(year!, month! - 1, day, hour, minute, second, at.getUTCMilliseconds());
}

const CLOCK = new Intl.DateTimeFormat('en', {
  timeZone: 'Europe/Amsterdam',
  hourCycle: 'h23',
  year: 'numeric',
  month: 'numeric',
  day: 'numeric',
  hour: 'numeric',
  minute: 'numeric',
  second: 'numeric',
});
