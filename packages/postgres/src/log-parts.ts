import type { StoredEvent } from '@backstory/core';
import type { ResolvedQuery } from '@backstory/core/store';
import { eventsIn } from '@backstory/core/administration';
import type { Database } from './database.js';
import { logStatements, type LogStatements, type Part, type PartRow } from './log-statement.js';

/** What one statement found. */
export interface FoundPart {
  readonly head: number;
  /** The id of the event after which it looked, if there is one. */
  readonly before: string | null;
  /** How many events it looked at. */
  readonly looked: number;
  /** How many of these the page holds, wanted or not. */
  readonly taken: number;
  /** The last one taken, if any. */
  readonly last: { readonly position: number; readonly id: string } | undefined;
  /** How many of those taken the filters let through. */
  readonly wanted: number;
  /** Of the text that holds them. */
  readonly length: number;
  /** These, made of it. */
  readonly events: () => StoredEvent[];
}

/** Reads parts of the log, one after another, each the way that is quicker by what the one before has found. */
export class LogParts {
  private readonly statements: LogStatements;
  /** Part of what the last statement looked at that was wanted. */
  private share = 1;
  /** Whether the filters let most of the log through: it is then read quicker than from one index a value. */
  private walks = false;

  constructor(
    private readonly database: Database,
    private readonly query: ResolvedQuery,
  ) {
    this.statements = logStatements(database.schema, query);
  }

  async read(part: Part): Promise<FoundPart> {
    const statements = (this.walks && this.statements.walking) || this.statements;
    const found = foundIn(await readPart(this.database, statements, part));
    const { head, taken, last, wanted } = found;
    if (last) {
      const from = this.query.backwards ? Math.min(part.upTo, head) + 1 : part.after;
      this.walks = wanted >= MOST_OF_IT * Math.abs(last.position - from);
      this.share = wanted / taken;
    }
    return found;
  }

  /** How many events to look at next to find so many wanted ones, after `looked` were not enough. */
  enough(wanted: number, looked: number): number {
    return Math.min(looked * 4, Math.ceil((2 * wanted) / this.share), MOST_LOOKED_AT);
  }
}

const MOST_OF_IT = 0.75;
/** Events that one statement looks at, however few of them are wanted. */
const MOST_LOOKED_AT = 5_000;

/** A part of the log, or as much of it as a page may hold. */
export async function readPart(database: Database, statements: LogStatements, part: Part): Promise<PartRow> {
  const [whole] = await database.read<PartRow>(statements.whole(part));
  const [, , looked, taken] = whole!;
  if (looked === taken) return whole!;
  const [cut] = await database.read<PartRow>(statements.cut(part));
  return cut!;
}

function foundIn([head, before, looked, taken, matching, position, id, text]: PartRow): FoundPart {
  const wanted = Number(matching);
  return {
    head: Number(head),
    before,
    looked: Number(looked),
    taken: Number(taken),
    last: id === null ? undefined : { position: Number(position), id },
    wanted,
    length: text?.length ?? 0,
    events: () => (text === null ? [] : eventsIn(text, wanted)),
  };
}
