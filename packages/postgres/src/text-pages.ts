import type { TextsPage, TextsPart } from '@backstory/core/administration';
import { resolveQuery } from '@backstory/core/store';
import type { Database } from './database.js';
import { textsIn } from './event-texts.js';
import { requireSame } from './log-pages.js';
import { readPart } from './log-parts.js';
import { logStatements } from './log-statement.js';
import type { Arrived } from './read-ahead.js';

/** The log as texts. All pages are of one log, as those of `logPages`. @throws StoreUnavailable where they are not */
export async function* textPages(
  database: Database,
  { after, upTo, first, pageSize }: TextsPart,
): AsyncGenerator<Arrived<TextsPage>> {
  const statements = logStatements(database.schema, EVERYTHING);
  let lastId: string | undefined;
  for (let size = first; ; size = pageSize) {
    const part = await readPart(database, statements, { after, upTo, size });
    const [, before, looked, taken, , position, id, text] = part;
    requireSame(database.store, after, [lastId, before]);
    const count = Number(taken);
    const last = position === null ? after : Number(position);
    const through = count < size && looked === taken ? upTo : last;
    const make = () => {
      return { count, last, through, bytes: text === null ? new Uint8Array() : textsIn(text, count) };
    };
    yield { count, make };
    if (through === upTo) return;
    [after, lastId] = [last, id ?? undefined];
  }
}

const EVERYTHING = resolveQuery({ includeSystem: true });
