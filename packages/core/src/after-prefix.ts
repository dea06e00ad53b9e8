/**
 * The first text, in byte order of UTF-8, that follows every text with this prefix; `undefined` when none does.
 * That order is the order of code points, so the last one is counted up; surrogates are no code points.
 */
export function afterPrefix(prefix: string): string | undefined {
  const points = [...prefix].map((char) => char.codePointAt(0)!);
  while (points.at(-1) === 0x10ffff) points.pop();
  const last = points.pop();
  if (last === undefined) return undefined;
  return String.fromCodePoint(...points, last === 0xd7ff ? 0xe000 : last + 1);
}
