import type { ResolvedQuery } from '@backstory/core/store';
import type { Database } from './database.js';
import { hasEvent, isWanted, type EventRow } from './event-row.js';
import {
  logStatements,
  pageFacts,
  type LogStatements,
  type PageFacts,
  type PageRow,
  type Part,
} from './log-statement.js';

/** Events that one statement found. */
export interface FoundPart {
  readonly facts: PageFacts;
  readonly found: readonly EventRow[];
  /** Those of them that the filters let through. */
  readonly wanted: readonly EventRow[];
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
    let rows = await this.database.read<PageRow>(statements.whole(part));
    let facts = pageFacts(rows[0]!);
    if (facts.looked > 0 && !hasEvent(rows[0]!)) {
      rows = await this.database.read<PageRow>(statements.cut(part));
      facts = pageFacts(rows[0]!);
    }
    const found = rows.filter(hasEvent);
    const wanted = found.filter(isWanted);
    if (found.length > 0) {
      const from = this.query.backwards ? Math.min(part.upTo, facts.head) + 1 : part.after;
      this.walks = wanted.length >= MOST_OF_IT * Math.abs(Number(found.at(-1)![1]) - from);
      this.share = wanted.length / found.length;
    }
    return { facts, found, wanted };
  }

  /** How many events to look at next to find so many wanted ones, after `looked` were not enough. */
  enough(wanted: number, looked: number): number {
    return Math.min(looked * 4, Math.ceil((2 * wanted) / this.share), MOST_LOOKED_AT);
  }
}

const MOST_OF_IT = 0.75;
/** Events that one statement looks at, however few of them are wanted. */
const MOST_LOOKED_AT = 5_000;
