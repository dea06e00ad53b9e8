/** Whether a name is a pattern: it has a wildcard. */
export function isPattern(name: string): boolean {
  return name.includes('*');
}

/**
 * A test for names: `*` stands for any characters, also none, wherever it stands. `order.*` is every type that begins with
 * `order.`; `*` is every type.
 */
export function nameTest(patterns: readonly string[]): (name: string) => boolean {
  const exact = new Set(patterns.filter((it) => !isPattern(it)));
  const tests = patterns.filter(isPattern).map(wildcardTest);
  if (tests.length === 0) return (name) => exact.has(name);
  return (name) => exact.has(name) || tests.some((test) => test(name));
}

/** Without a regular expression, whose time could grow faster than the text. */
function wildcardTest(pattern: string): (name: string) => boolean {
  const [first = '', ...rest] = pattern.split('*');
  const last = rest.pop() ?? '';
  return (name) => {
    if (name.length < first.length + last.length) return false;
    if (!name.startsWith(first) || !name.endsWith(last)) return false;
    let at = first.length;
    for (const part of rest) {
      const found = name.indexOf(part, at);
      if (found === -1) return false;
      at = found + part.length;
    }
    return at <= name.length - last.length;
  };
}
