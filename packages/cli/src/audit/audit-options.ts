import { InvalidArgumentError } from 'commander';
import { from, upTo } from '../instant.js';
import type { VerbOption } from '../verb.js';

/** The values of the options of `audit`, as commander gives them. */
export interface AuditOptions {
  readonly dir?: string;
  readonly key?: string;
  readonly newKey?: string;
  readonly keys?: string;
  readonly anchor?: readonly string[];
  readonly every?: number;
  readonly restored?: boolean;
  readonly payload?: boolean;
  readonly actor?: string;
  readonly reason?: string;
  readonly retire?: string;
  readonly from?: Date;
  readonly to?: Date;
  readonly stream?: readonly string[];
  readonly type?: readonly string[];
  readonly format?: string;
  readonly out?: string;
}

/** Options of `audit`; which action each belongs to is in its description. */
export const AUDIT_OPTIONS: readonly VerbOption[] = [
  { flags: '--dir <folder>', description: 'the audit folder (default: audit)', names: 'folder' },
  {
    flags: '--key <file>',
    description: 'seal, keys: your private key (default: $BACKSTORY_AUDIT_KEY); check-proof: a public key',
    names: 'file',
  },
  {
    flags: '--new-key <file>',
    description: 'keys add, rotate: where to write the new private key',
    names: 'file',
  },
  {
    flags: '--keys <file>',
    description: 'verify, check-proof: believe this key ring (default: that of the folder)',
    names: 'file',
  },
  {
    flags: '--anchor <file>',
    description: 'verify: a head that was kept elsewhere; may be repeated',
    repeatable: true,
    names: 'file',
  },
  { flags: '--every <time>', description: 'seal: again and again, e.g. 30s, 10m, 1h, 1d', parse: duration },
  { flags: '--restored', description: 'verify: the log was restored, and so is another one' },
  { flags: '--payload', description: 'prove: show data and metadata in the proof' },
  { flags: '--actor <name>', description: 'report, export: only what this one did; seal: who seals' },
  { flags: '--retire <key>', description: 'keys rotate: this key, not the one that signs' },
  { flags: '--reason <text>', description: 'keys rotate, revoke: why' },
  { flags: '--from <time>', description: 'report, export: recorded at or after this time', parse: from },
  {
    flags: '--to <time>',
    description: 'report, export: recorded up to this time; a day or minute means its end',
    parse: upTo,
  },
  {
    flags: '--stream <name>',
    description: 'report, export: only this stream; may be repeated',
    repeatable: true,
    names: 'stream',
  },
  {
    flags: '--type <name>',
    description: 'report, export: only this event type; may be repeated',
    repeatable: true,
    names: 'type',
  },
  {
    flags: '--format <name>',
    description: 'report: markdown, html or csv (default: markdown)',
    parse: format,
  },
  {
    flags: '--out <file>',
    description: 'prove, report, keys public: write there, into a new file',
    names: 'file',
  },
];

const FORMATS = ['markdown', 'html', 'csv'];
const UNITS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
/** What timers can wait. */
const LONGEST_MS = 24 * 86_400_000;

function duration(text: string): number {
  const [, count, unit] = /^(\d+)([smhd])$/.exec(text) ?? [];
  const ms = Number(count) * (UNITS[unit ?? ''] ?? NaN);
  if (!(ms >= 1_000 && ms <= LONGEST_MS))
    throw new InvalidArgumentError('Give a time from 1s to 24d, e.g. 10m.');
  return ms;
}

function format(text: string): string {
  if (!FORMATS.includes(text)) throw new InvalidArgumentError(`Give one of ${FORMATS.join(', ')}.`);
  return text;
}
