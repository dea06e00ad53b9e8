import type { EventHeader } from '@backstory/proof';
import type { EventFinding, EventPart, FieldChange } from './finding.js';
import { headerOfLine, positionOfLine, type SealLine } from './seal-format.js';

/**
 * What is wrong with events: gathered while the log is compared, and put together at the end, when it is known where what is
 * missing in one place stands in another. Details are kept of so many, however many there are; the rest is counted.
 */
export class EventFindings {
  /** How many events are wrong. */
  count = 0;
  private readonly done: EventFinding[] = [];
  private missing: SealLine[] = [];
  private inserted: SealLine[] = [];

  constructor(private readonly most: number) {}

  /** At one position the log has another text than the seal. */
  differ(sealed: SealLine, found: SealLine): void {
    const [was, is] = [headerOfLine(sealed), headerOfLine(found)];
    if (!was || !is) this.unreadable(positionOfLine(sealed)!, was ?? null, is ? UNKNOWN : UNREAD);
    else if (was.id === is.id)
      this.keep({ kind: 'altered', position: was.position, ...changes(sealed, found) });
    else {
      this.lacks(sealed);
      this.has(found);
    }
  }

  /** The log lacks a sealed event. */
  lacks(sealed: SealLine): void {
    if (!headerOfLine(sealed)) return this.unreadable(positionOfLine(sealed)!, null, UNKNOWN);
    this.count++;
    if (this.hasRoom) this.missing.push(sealed);
  }

  /** The log has an event that was not sealed there. */
  has(found: SealLine): void {
    if (!headerOfLine(found)) return this.unreadable(positionOfLine(found)!, null, UNREAD);
    this.count++;
    if (this.hasRoom) this.inserted.push(found);
  }

  unreadable(position: number, event: EventHeader | null, message: string): void {
    this.keep({ kind: 'unreadable', position, event, message });
  }

  /** How much is known, to go back to. */
  mark(): FindingsMark {
    const { count, done, missing, inserted } = this;
    return { count, done: done.length, missing: missing.length, inserted: inserted.length };
  }

  /** Forgets what was found since. */
  backTo({ count, done, missing, inserted }: FindingsMark): void {
    this.count = count;
    this.done.length = done;
    this.missing.length = missing;
    this.inserted.length = inserted;
  }

  /** All of which details are kept, by position. */
  result(): readonly EventFinding[] {
    const [sealed, found] = [this.missing, this.inserted];
    [this.missing, this.inserted] = [[], []];
    const moved = pairs(sealed, found, ({ id }) => id);
    const replaced = pairs(rest(sealed, moved, 0), rest(found, moved, 1), ({ position }) => String(position));
    const paired = [...moved, ...replaced];
    this.count -= paired.length;
    const findings: EventFinding[] = [
      ...this.done,
      ...moved.map(([was, is]) => movedFinding(was, is)),
      ...replaced.map(([was, is]): EventFinding => {
        return { kind: 'altered', position: headerOfLine(was)!.position, ...changes(was, is) };
      }),
      ...rest(sealed, paired, 0).map((line) => single('missing', line)),
      ...rest(found, paired, 1).map((line) => single('inserted', line)),
    ];
    return findings.sort((a, b) => a.position - b.position);
  }

  private keep(finding: EventFinding): void {
    this.count++;
    if (this.hasRoom) this.done.push(finding);
  }

  private get hasRoom(): boolean {
    return this.done.length + this.missing.length + this.inserted.length < this.most;
  }
}

const UNREAD = 'what it is called is no text.';
const UNKNOWN = 'it was sealed under a name that is no text, and is not there as it was.';

interface FindingsMark {
  readonly count: number;
  readonly done: number;
  readonly missing: number;
  readonly inserted: number;
}

type Pair = readonly [sealed: SealLine, found: SealLine];

/** What is missing and what is inserted and have the same name are one and the same. */
function pairs(
  sealed: readonly SealLine[],
  found: readonly SealLine[],
  nameOf: (header: EventHeader) => string,
): readonly Pair[] {
  const byName = new Map(sealed.map((line) => [nameOf(headerOfLine(line)!), line]));
  return found.flatMap((line): readonly Pair[] => {
    const name = nameOf(headerOfLine(line)!);
    const was = byName.get(name);
    if (!was) return [];
    byName.delete(name);
    return [[was, line]];
  });
}

function rest(lines: readonly SealLine[], paired: readonly Pair[], side: 0 | 1): readonly SealLine[] {
  const taken = new Set(paired.map((pair) => pair[side]));
  return lines.filter((line) => !taken.has(line));
}

function movedFinding(was: SealLine, is: SealLine): EventFinding {
  const { event, parts, fields } = changes(was, is);
  const from = event.position;
  const others = fields.filter(({ field }) => field !== 'position');
  const other = parts.filter((part) => part !== 'header' || others.length > 0);
  return { kind: 'moved', position: headerOfLine(is)!.position, from, event, parts: other, fields: others };
}

function single(kind: 'missing' | 'inserted', line: SealLine): EventFinding {
  const event = headerOfLine(line)!;
  return { kind, position: event.position, event };
}

function changes(
  was: SealLine,
  is: SealLine,
): {
  readonly event: EventHeader;
  readonly parts: readonly EventPart[];
  readonly fields: readonly FieldChange[];
} {
  const [event, found] = [headerOfLine(was)!, headerOfLine(is)!];
  const parts = (['header', 'data', 'metadata'] as const).filter((part) => was[part] !== is[part]);
  const names = Object.keys(event) as (keyof EventHeader)[];
  const fields = names
    .filter((field) => event[field] !== found[field])
    .map((field) => ({ field, sealed: event[field], found: foundIn(found, field) }));
  return { event, parts, fields };
}

/** What is no date, or none that there can be, has no milliseconds. */
function foundIn(header: EventHeader, field: keyof EventHeader): FieldChange['found'] {
  const value = header[field];
  return field === 'recordedAt' && Number.isNaN(new Date(value).getTime()) ? null : value;
}
