/** What the help says of expressions. */
export const EXPRESSIONS = `An expression is read as JavaScript reads it: && || ! ?? ?: in, comparisons,
arithmetic, abs floor round number sum min max keys values, and of texts and
lists .length .includes .startsWith .endsWith .toLowerCase .toUpperCase .trim
.some .every .find .filter .map, as in lines.some(it => it.quantity > 3). What
is not there is undefined, and less than nothing.`;

/** Gives only what a question holds for. */
export async function* whichHold<T>(
  items: AsyncIterable<T>,
  holds: (item: T) => boolean,
): AsyncGenerator<T, void> {
  for await (const item of items) if (holds(item)) yield item;
}

/** As many as are shown, and for people one more, so that they are told that there is more. */
export async function* firstOf<T>(
  items: AsyncIterable<T>,
  limit: number,
  asJson: boolean,
): AsyncGenerator<T, void> {
  let left = asJson ? limit : limit + 1;
  for await (const item of items) {
    yield item;
    if (--left === 0) return;
  }
}
