import type { AuditEntry } from './audit-entries.js';

/** What a report says of itself, besides its entries. */
export interface ReportFacts {
  readonly title: string;
  readonly logId: string;
  /** The last position of the log when the report was made. */
  readonly head: number;
  readonly madeAt: Date;
  /** What was asked for, in words: `stream` … */
  readonly chosen: readonly (readonly [name: string, value: string])[];
  /** What verifying the log said, if that was done. */
  readonly verified: string | null;
}

/** A way to write a report: its beginning, each entry, its end. */
export interface ReportFormat {
  begin(facts: ReportFacts): string;
  entry(entry: AuditEntry, facts: ReportFacts): string;
  end(count: number): string;
}

/** Longer texts are cut where people read them: the log has all of it. */
const SHOWN = 2_000;

/** A text as it can be shown, its end left out where it is too long. Never ends in half a character. */
export function shortened(text: string, most = SHOWN): string {
  if (text.length <= most) return text;
  const cut = text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
  return `${cut} … (${(text.length - cut.length).toLocaleString('en-US')} characters more)`;
}

/** What could move a cursor, hide, or reorder what is shown, written out; line breaks as well. */
export function visible(text: string): string {
  return text.replace(UNSAFE, (it) => `\\u${it.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const UNSAFE =
  // eslint-disable-next-line no-control-regex -- control characters are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]|\p{Surrogate}/gu;

/** When, in ISO 8601; what is no time is said to be none. */
export function timeText(date: Date): string {
  return Number.isNaN(date.getTime()) ? 'no time' : date.toISOString();
}

/** Why an event is there: the command, the event that caused it, the flow. */
export function whyTexts({ command, cause, correlationId }: AuditEntry): readonly string[] {
  const caused = cause?.event
    ? `caused by ${cause.event.type} (${cause.event.stream} v${cause.event.version}, position ${cause.event.position})`
    : cause && `caused by event ${cause.id}, which is not in this log`;
  return [command && `command ${command}`, caused, correlationId && `flow ${correlationId}`].filter(
    (it): it is string => typeof it === 'string' && it !== '',
  );
}

/** Who: the actor, and the application through which. */
export function whoTexts({ actor, application, tenant }: AuditEntry): readonly string[] {
  return [
    actor ?? 'nobody named',
    application && `through ${application}`,
    tenant && `tenant ${tenant}`,
  ].filter((it): it is string => typeof it === 'string');
}

/** What an event did to the state, a line for each place; what nothing is said of is said to be so. */
export function effectTexts({ effect }: AuditEntry): readonly string[] {
  if (effect.kind === 'unknown') return [`not known: ${effect.reason}`];
  if (effect.changes.length === 0) return ['changed nothing'];
  return effect.changes.map(({ path, before, after, isOrder }) => {
    const place = path === '' ? '(all of it)' : path;
    if (isOrder) return `${place} in another order`;
    if (before === undefined) return `${place} = ${JSON.stringify(after)} (new)`;
    if (after === undefined) return `${place} gone (was ${JSON.stringify(before)})`;
    return `${place} ${JSON.stringify(before)} → ${JSON.stringify(after)}`;
  });
}
