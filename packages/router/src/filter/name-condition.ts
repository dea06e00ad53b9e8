import { categoryOf, type RecordedEvent } from '@backstory/core';
import type { Condition, KnownNames } from './condition.js';
import { InvalidFilter } from './errors.js';
import { everything, type Named, type Narrowing } from './narrowing.js';
import { isPattern, nameTest } from './pattern.js';

/** What an event is called, where it stands or what it belongs to: its type, its category, its flow … */
export class NameCondition implements Condition {
  readonly text: string;
  private readonly wanted: string;
  private readonly test: (name: string) => boolean;

  /** @throws InvalidFilter */
  constructor(
    private readonly kind: Named,
    private readonly given: readonly string[],
  ) {
    checkNames(kind, given);
    this.wanted = given.length === 0 ? 'anything' : given.map(quoted).join(' or ');
    this.text = given.length === 0 ? `no ${SUBJECT[kind]}` : `${SUBJECT[kind]} is ${this.wanted}`;
    const names = new Set(given);
    // Only types have wildcards: an id may well contain a star.
    this.test = kind === 'types' ? nameTest(given) : (name) => names.has(name);
  }

  holds(event: RecordedEvent): boolean {
    const name = nameIn(event, this.kind);
    return name !== undefined && this.test(name);
  }

  why(event: RecordedEvent): string {
    const name = nameIn(event, this.kind);
    const is = `${SUBJECT[this.kind]} is ${name === undefined ? 'absent' : quoted(name)}`;
    return this.holds(event) ? is : `${is}, not ${this.wanted}`;
  }

  narrowing({ types }: KnownNames): Narrowing {
    const hasPatterns = this.kind === 'types' && this.given.some(isPattern);
    if (!hasPatterns) return { ...everything, names: { [this.kind]: new Set(this.given) } };
    if (!types) return everything;
    const exact = this.given.filter((it) => !isPattern(it));
    return { ...everything, names: { types: new Set([...exact, ...types.filter(this.test)]) } };
  }

  toJSON(): object {
    return { [this.kind]: this.given };
  }
}

const SUBJECT: Readonly<Record<Named, string>> = {
  types: 'type',
  categories: 'category',
  streams: 'stream',
  ids: 'id',
  correlationIds: 'correlation',
  causationIds: 'cause',
};

function nameIn({ id, type, stream, metadata }: RecordedEvent, kind: Named): string | undefined {
  if (kind === 'types') return type;
  if (kind === 'categories') return categoryOf(stream);
  if (kind === 'streams') return stream;
  if (kind === 'ids') return id;
  return kind === 'correlationIds' ? metadata.correlationId : metadata.causationId;
}

function checkNames(kind: Named, given: unknown): void {
  if (!Array.isArray(given)) throw new InvalidFilter(kind, 'must be a list of names.');
  for (const name of given as unknown[]) {
    if (typeof name !== 'string' || name === '')
      throw new InvalidFilter(
        kind,
        `must be names, not ${typeof name === 'string' ? 'empty text' : String(name)}.`,
      );
  }
}

/** Only where a name could be taken for something else. */
function quoted(name: string): string {
  return /^[\w.*/:-]+$/.test(name) ? name : JSON.stringify(name);
}
