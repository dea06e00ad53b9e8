/**
 * Where results are kept: under the key of the document that led to them, then in the order of the log. The length before the key
 * keeps the rows of one key apart from those of another that begins like it.
 */
export function resultKey(key: string, position: number, ordinal: number): string {
  if (ordinal >= MOST_OF_EVENT)
    throw new RangeError(`it emitted more than ${MOST_OF_EVENT} results at one event`);
  return `${resultsUpTo(key, position)}${SEPARATOR}${String(ordinal).padStart(ORDINAL, '0')}`;
}

/** What the rows of one event begin with; without a position, those of all events. */
export function resultsUpTo(key: string, position?: number): string {
  const own = `${key.length}${SEPARATOR}${key}${SEPARATOR}`;
  return position === undefined ? own : `${own}${String(position).padStart(POSITION, '0')}`;
}

/** Which event led to the result: its position, and how many results it had led to before. */
export function placeIn(row: string): {
  readonly key: string;
  readonly position: number;
  readonly ordinal: number;
} {
  const ordinal = row.length - ORDINAL;
  const position = ordinal - 1 - POSITION;
  return {
    key: row.slice(row.indexOf(SEPARATOR) + 1, position - 1),
    position: Number(row.slice(position, ordinal - 1)),
    ordinal: Number(row.slice(ordinal)),
  };
}

const SEPARATOR = ':';
const [POSITION, ORDINAL] = [16, 4];
/** Results that one event may lead to in one document. */
export const MOST_OF_EVENT = 10 ** ORDINAL;
