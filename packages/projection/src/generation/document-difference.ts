/** The first place at which two documents differ, and what is there; `undefined` stands for nothing. */
export interface FieldDifference {
  /** `address.lines[2]`; empty where one of the documents does not exist. */
  readonly path: string;
  readonly live: unknown;
  readonly other: unknown;
}

/** The first difference of two JSON values, in the order of the first one's properties. */
export function firstDifference(live: unknown, other: unknown, path = ''): FieldDifference {
  if (isNode(live) && isNode(other) && Array.isArray(live) === Array.isArray(other)) {
    const [a, b] = [live as Record<string, unknown>, other as Record<string, unknown>];
    for (const name of new Set([...Object.keys(a), ...Object.keys(b)])) {
      if (canonical(a[name]) === canonical(b[name])) continue;
      const step = Array.isArray(live) ? `[${name}]` : path === '' ? name : `.${name}`;
      return firstDifference(a[name], b[name], path + step);
    }
  }
  return { path, live, other };
}

/** JSON text that does not depend on the order of properties. */
export function canonical(value: unknown): string {
  if (!isNode(value)) return JSON.stringify(value) ?? '';
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  const fields = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${fields.map(([name, it]) => `${JSON.stringify(name)}:${canonical(it)}`).join(',')}}`;
}

function isNode(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
