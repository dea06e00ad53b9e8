/**
 * A `search_path` in which nothing stands before pg_catalog: what is not listed is looked for first. `undefined` where that is so
 * already. Else an operator or a function of somebody's would be taken for the one of PostgreSQL's that a read means.
 */
export function catalogFirst(path: string): string | undefined {
  const listed = schemasIn(path);
  if (listed.findIndex(({ name }) => name === CATALOG) < 1) return undefined;
  const others = listed.filter(({ name }) => name !== CATALOG);
  return others.map(({ written }) => written).join(', ');
}

/** The names in a `search_path`, and each as it is written there. */
export function schemasIn(path: string): readonly { readonly name: string; readonly written: string }[] {
  return (path.match(/"(?:[^"]|"")*"|[^\s,]+/g) ?? []).map((written) => {
    const name = written.startsWith('"') ? unquoted(written) : written.toLowerCase();
    return { name, written };
  });
}

export function unquoted(name: string): string {
  return name.slice(1, -1).replaceAll('""', '"');
}

const CATALOG = 'pg_catalog';
