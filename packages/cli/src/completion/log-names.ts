import { categoryOf, type EventStore } from '@backstory/core';
import { isSystemStream } from '@backstory/core/store';
import { streams } from '@backstory/replay';
import type { FoundNames } from './completer.js';

/** How many names are worth showing at once. */
const SHOWN = 200;

/** The streams that begin so; where there are many, how their names go on. Asks an index a bounded number of times. */
export async function streamNames(log: EventStore, prefix: string): Promise<FoundNames> {
  const names = new Set<string>();
  if (prefix !== '')
    for await (const { events } of log.readStream(prefix, { limit: 1 }))
      if (events.length > 0) names.add(prefix);
  for await (const { stream } of streams(log, { ...following(prefix), limit: SHOWN + 1 })) {
    if (!stream.startsWith(prefix)) break;
    names.add(stream);
  }
  if (names.size <= SHOWN) return { kind: 'words', names: [...names] };
  const steps = await walk(log, prefix, (stream) =>
    prefix.includes('-') ? prefix + (/./su.exec(stream.slice(prefix.length))?.[0] ?? '') : beginning(stream),
  );
  return { kind: 'open', names: steps };
}

/** The categories that begin so. */
export async function categoryNames(log: EventStore, prefix: string): Promise<FoundNames> {
  const begins = await walk(log, prefix, beginning);
  return { kind: 'words', names: [...new Set(begins.map(categoryOf))] };
}

/** The types of the first and the last events of the log. */
export async function typeNames(log: EventStore): Promise<FoundNames> {
  const names = new Set<string>();
  for (const backwards of [false, true])
    for await (const { events } of log.readAll({ backwards, limit: LOOKED_AT }))
      for (const { type } of events) names.add(type);
  return { kind: 'words', names: [...names].sort() };
}

const LOOKED_AT = 2_000;

/** `account-` of `account-42`. */
function beginning(stream: string): string {
  const category = categoryOf(stream);
  return stream === category ? stream : `${category}-`;
}

/** The different ways in which names that begin with `prefix` go on, from one to the next without what is between. */
async function walk(log: EventStore, prefix: string, stepOf: (stream: string) => string): Promise<string[]> {
  const found: string[] = [];
  let after = prefix;
  while (found.length < SHOWN) {
    const head = await first(log, after);
    if (!head?.startsWith(prefix)) break;
    const step = stepOf(head);
    found.push(step);
    after = step === head ? head : step + LAST;
  }
  return found;
}

/** Follows every name that begins the same, in the order of bytes. */
const LAST = '\u{10ffff}';

async function first(log: EventStore, after: string): Promise<string | undefined> {
  for await (const { stream } of streams(log, { ...following(after), limit: 1 })) return stream;
  return undefined;
}

/** Streams of the framework are completed once their first letter is there. */
function following(name: string) {
  return { after: name, includeSystem: isSystemStream(name) };
}
