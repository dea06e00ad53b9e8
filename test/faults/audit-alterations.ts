/** From 0 up to, and without, `end`. */
export interface Random {
  below(end: number): number;
}

/** A row of the log as it is stored, whatever the database. */
export interface StoredRow {
  readonly position: number;
  readonly stream: string;
  readonly version: number;
  readonly id: string;
  readonly type: string;
  readonly schemaVersion: number;
  readonly appendIndex: number;
  readonly data: string;
  readonly metadata: string;
  readonly recordedAt: number;
  /** What somebody wrote into columns that are else what the event says. */
  readonly beside?: Beside;
}

export interface Beside {
  readonly correlation?: string;
  readonly causation?: string;
  /** A number for a column of which each database has its own. */
  readonly own?: number;
}

/** Makes other rows of a log; how much of it, and which, is random. `undefined`: there is nothing here that it could alter. */
export type Alteration = (rows: readonly StoredRow[], random: Random) => readonly StoredRow[] | undefined;

/** With it what was recorded since goes as well, the records of the seals among it. */
export const CUT_OFF = 'the end of the log cut off, with its records of seals';

/** What somebody might do to a log behind its back. Only what is sealed is given, so everything has to be found. */
export const ALTERATIONS: Readonly<Record<string, Alteration>> = {
  'an amount': one((row, random) => ({
    data: row.data.replace(/"amount":\d+/, `"amount":${random.below(1e6) + 1e6}`),
  })),
  'a number that parses alike': one(({ data }) => ({ data: data.replace(/\.50\b/, '.5') })),
  'a number in another notation': one(({ data }) => ({ data: data.replace(/"x":1\b/, '"x":1e0') })),
  'keys in another order': one(({ data }) => ({ data: data.replace('"x":1,"y":2', '"y":2,"x":1') })),
  'a key twice': one(({ data }) => ({ data: data.replace('{', '{"amount":0,') })),
  'a blank': one(({ data }, random) => ({ data: data.replace(':', random.below(2) === 0 ? ': ' : ' :') })),
  'an escape for a letter': one(({ data }) => ({ data: data.replace('ü', '\\u00fc') })),
  'a letter in another form': one(({ data }) => ({ data: data.replace('ü', 'u\u0308') })),
  'data that is no object': one(() => ({ data: 'null' })),
  'an actor': one(({ metadata }, random) => ({
    metadata: metadata.replace(/"source":"[^"]*"/, `"source":"forger ${random.below(9)}"`),
  })),
  'the order of metadata': one(({ metadata }) => ({
    metadata: JSON.stringify(Object.fromEntries(Object.entries(JSON.parse(metadata) as object).reverse())),
  })),
  'a time': one(({ recordedAt }, random) => ({
    recordedAt: recordedAt + (random.below(2) === 0 ? 1 : -86_400_000),
  })),
  'a type': one(({ type }) => ({ type: `${type}x` })),
  'an id': one(({ id }) => ({ id: `${id}0` })),
  'a stream': one(({ position }) => ({ stream: `account-of-another-${position}` })),
  'a control character in a name': one(({ stream, position }, random) => ({
    stream: `${stream}${String.fromCharCode(1 + random.below(31))}${position}`,
  })),
  'a quote in a name': one(({ type }) => ({ type: `${type}"\\` })),
  'a version': one(() => ({ version: 4_711 })),
  'a schema version': one(({ schemaVersion }) => ({ schemaVersion: schemaVersion + 1 })),
  'a place in an append': one(({ appendIndex }) => ({ appendIndex: appendIndex + 1 })),
  'the correlation it is found by': one((_, random) => ({
    beside: { correlation: `another-${random.below(9)}` },
  })),
  'the cause it is found by': one((_, random) => ({ beside: { causation: `another-${random.below(9)}` } })),
  'a column of this database': one((_, random) => ({ beside: { own: 1 + random.below(998) } })),
  'some events taken out': (rows, random) => {
    const from = random.below(rows.length);
    return rows.toSpliced(from, 1 + random.below(5));
  },
  'one taken out, and the gap closed': (rows, random) => {
    const from = random.below(rows.length);
    return numbered(rows, rows.toSpliced(from, 1));
  },
  'the end cut off': (rows, random) => rows.slice(0, random.below(rows.length)),
  [CUT_OFF]: (rows, random) => rows.slice(0, random.below(rows.length)),
  'an event at a free position': (rows, random) => {
    const free = rows.flatMap(({ position }, i) => {
      const next = rows[i + 1]?.position ?? position;
      return position + 1 < next ? [{ at: i, position: position + 1 }] : [];
    });
    const { at, position } = free[random.below(free.length)]!;
    const forged = { ...rows[at]!, position, id: `forged-${random.below(1e9)}`, version: 9_999 };
    return rows.toSpliced(at + 1, 0, forged);
  },
  'an event put in': (rows, random) => {
    const at = 1 + random.below(rows.length - 1);
    const forged = { ...rows[at]!, id: `forged-${random.below(1e9)}`, version: 9_999 };
    return numbered(rows, rows.toSpliced(at, 0, forged)).slice(0, rows.length);
  },
  'two that changed places': (rows, random) => {
    const [a, b] = two(rows, random);
    return numbered(rows, rows.with(a, rows[b]!).with(b, rows[a]!));
  },
  'the data of two changed': (rows, random) => {
    const [a, b] = two(rows, random);
    const [first, second] = [rows[a]!, rows[b]!];
    return rows.with(a, { ...first, data: second.data }).with(b, { ...second, data: first.data });
  },
  'several things at once': (rows, random) => {
    const names = ['an amount', 'a time', 'some events taken out', 'an actor'];
    return names.reduce<readonly StoredRow[] | undefined>(
      (altered, name) => (altered && altered.length > 0 ? ALTERATIONS[name]!(altered, random) : altered),
      rows,
    );
  },
};

function one(change: (row: StoredRow, random: Random) => Partial<StoredRow>): Alteration {
  return (rows, random) => {
    const at = random.below(rows.length);
    const altered = { ...rows[at]!, ...change(rows[at]!, random) };
    return JSON.stringify(altered) === JSON.stringify(rows[at]) ? undefined : rows.with(at, altered);
  };
}

function two(rows: readonly StoredRow[], random: Random): readonly [number, number] {
  const a = random.below(rows.length - 1);
  return [a, a + 1 + random.below(rows.length - a - 1)];
}

/** Rows at the positions that the log has, one after the other, and then on. */
function numbered(rows: readonly StoredRow[], altered: readonly StoredRow[]): readonly StoredRow[] {
  const last = rows.at(-1)!.position;
  return altered.map((row, i) => ({ ...row, position: rows[i]?.position ?? last + 1 + i - rows.length }));
}
