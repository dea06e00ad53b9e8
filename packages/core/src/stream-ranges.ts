import { byBytes } from './by-bytes.js';

/** Names from `from` up to but without `to`, in byte order. */
export interface StreamRange {
  readonly from: string;
  readonly to: string | undefined;
}

/**
 * Where the streams of some categories are, in byte order. The names of a category are the category itself, which nothing
 * follows up to a control character, and what begins with it and a dash; "." follows "-".
 */
export function streamRanges(
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
