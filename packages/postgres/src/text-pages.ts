import type { TextsPage, TextsPart } from '@backstory/core/administration';
import { resolveQuery } from '@backstory/core/store';
import type { Database } from './database.js';
import { textsIn } from './event-texts.js';
import { requireSame } from './log-pages.js';
import { logStatements, type PartRow } from './log-statement.js';

/** The log as texts, up to where a page of events is larger than it may be. */
export async function* textPages(
  database: Database,
  { after, upTo, first, pageSize }: TextsPart,
): AsyncGenerator<TextsPage> {
  const statements = logStatements(database.schema, EVERYTHING);
  let lastId: string | undefined;
  for (let size = first; ; size = pageSize) {
    const [row] = await database.read<PartRow>(statements.whole({ after, upTo, size }));
    const [, before, looked, taken, , position, id, text] = row!;
    requireSame(database.store, after, [lastId, before]);
    if (looked !== taken) return;
    const count = Number(looked);
    const last = position === null ? after : Number(position);
    const through = count < size ? upTo : last;
    yield { count, last, through, bytes: text === null ? new Uint8Array() : textsIn(text, count) };
    if (through === upTo) return;
    [after, lastId] = [last, id ?? undefined];
  }
}

const EVERYTHING = resolveQuery({ includeSystem: true });
