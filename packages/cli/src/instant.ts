import { InvalidArgumentError } from 'commander';

/** Reads the beginning of what is named: `2026-11-20` is its first millisecond. Without a zone it is UTC. */
export function from(text: string): Date {
  return spanOf(text).start;
}

/** Reads the end of what is named: `2026-11-20` is its last millisecond, `10:15` that of the minute. Without a zone it is UTC. */
export function upTo(text: string): Date {
  return spanOf(text).end;
}

const DAY_MS = 86_400_000;
const FORM = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2})?)?$/i;

function spanOf(text: string): { start: Date; end: Date } {
  const match = FORM.exec(text);
  const [, day = '', minute, second, fraction, zone = 'Z'] = match ?? [];
  const digits = fraction ? fraction.length - 1 : 0;
  const start = Date.parse(
    `${day}T${minute ?? '00:00'}:${second ?? '00'}${fraction ?? ''}${zone.toUpperCase()}`,
  );
  // Date.parse turns 30 February into 2 March.
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const exists = !Number.isNaN(midnight) && new Date(midnight).toISOString().startsWith(day);
  if (!exists || Number.isNaN(start)) {
    throw new InvalidArgumentError(
      'Give a date or time in ISO 8601, e.g. 2026-11-20 or 2026-11-20T17:30:00Z.',
    );
  }
  const length = minute === undefined ? DAY_MS : second === undefined ? 60_000 : 1_000 / 10 ** digits;
  return { start: new Date(start), end: new Date(start + length - 1) };
}
