import { byBytes } from './by-bytes.js';
import type { StreamHead } from './event-store.js';
import type { ResolvedStreamsQuery } from './read-bounds.js';

/** Gives the next streams that follow `after` in these ranges, `size` at most; fewer where there are no more. */
export type NextHeads = (
  ranges: readonly StreamRange[],
  after: string,
  size: number,
) => Promise<readonly StreamHead[]>;

/** The streams of a query in pages, by the way in which a store gives the next ones. There is one page at least. */
export async function* headPages(
  { after, categories, includeSystem, limit, pageSize }: ResolvedStreamsQuery,
  next: NextHeads,
): AsyncGenerator<readonly StreamHead[]> {
  const ranges = streamRanges(categories, includeSystem);
  let last = after;
  let left = limit;
  for (let first = true; ; first = false) {
    const page = await next(ranges, last, Math.min(pageSize, left));
    if (first || page.length > 0) yield page;
    left -= page.length;
    last = page.at(-1)?.stream ?? last;
    if (left === 0 || page.length < pageSize) return;
  }
}

/** Names from `from` up to but without `to`, in byte order. */
export interface StreamRange {
  readonly from: string;
  readonly to: string | undefined;
}

/**
 * Where the streams of some categories are, in byte order. The names of a category are the category itself, which nothing
 * follows up to a control character, and what begins with it and a dash; "." follows "-".
 */
function streamRanges(
  categories: readonly string[] | undefined,
  includeSystem: boolean,
): readonly StreamRange[] {
  const all: StreamRange[] =
    categories === undefined
      ? [{ from: '', to: undefined }]
      : categories
          .filter((name) => !name.includes('-'))
          .flatMap((name) => [
            { from: name, to: `${name}\x01` },
            { from: `${name}-`, to: `${name}.` },
          ]);
  const wanted = includeSystem ? all : all.flatMap(withoutSystem);
  return wanted.sort((a, b) => byBytes(a.from, b.from));
}

/** System streams are the names from "_" up to "`". */
function withoutSystem({ from, to }: StreamRange): StreamRange[] {
  const low = { from, to: to === undefined || byBytes('_', to) < 0 ? '_' : to };
  const high = { from: byBytes(from, '`') < 0 ? '`' : from, to };
  return [low, high].filter((range) => range.to === undefined || byBytes(range.from, range.to) < 0);
}
