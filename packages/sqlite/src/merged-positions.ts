import type { Bounds, Filter } from './filter.js';
import { Pace } from './pace.js';
import { lastVersionBy } from './positions.js';
import type { Session } from './session.js';
import type { SqliteFile } from './sqlite-file.js';

export interface MergedQuery {
  readonly filter: Filter;
  readonly bounds: Bounds;
  readonly backwards: boolean;
  /** How many positions are wanted at a time, about. */
  readonly size: number;
}

/**
 * The positions of events for which a filter holds, in log order, some at a time. Each value of the filter is a branch:
 * its index gives it in order. What no branch can come before any more is complete and goes out.
 */
export async function* mergedPositions(
  file: SqliteFile,
  { filter, bounds, backwards, size }: MergedQuery,
): AsyncGenerator<readonly number[]> {
  const span: Span = { after: bounds.after, upTo: Math.min(bounds.upTo, bounds.head), backwards };
  if (span.after >= span.upTo) return;
  const inLogOrder = (a: number, b: number) => (backwards ? b - a : a - b);
  if (filter.column === 'id') {
    yield (await positionsOfIds(file, filter.values, span)).sort(inLogOrder);
    return;
  }
  const branches = filter.values.map((value) => new Branch(filter, value, span));
  const chunk = Math.max(16, Math.ceil(size / Math.max(1, branches.length)));
  const pace = new Pace();
  do {
    for (const branch of branches) {
      if (branch.isHungry) await file.read((session) => branch.read(session, chunk));
      await pace.breathe();
    }
    const first = branches.filter((branch) => !branch.isExhausted).map((branch) => branch.come);
    const until = first.sort(inLogOrder)[0];
    yield branches.flatMap((branch) => branch.take(until)).sort(inLogOrder);
  } while (branches.some((branch) => branch.isHungry));
}

interface Span {
  readonly after: number;
  readonly upTo: number;
  readonly backwards: boolean;
}

/** One value of a filter: where its next event is. Streams are followed by version, everything else by position. */
class Branch {
  isExhausted = false;
  /** The last position read. */
  come = 0;
  private positions: number[] = [];
  private bounds: { after: number; upTo: number } | undefined;
  private readonly sql: string;

  constructor(
    private readonly filter: Filter,
    private readonly value: string,
    private readonly span: Span,
  ) {
    const place = filter.column === 'stream' ? 'version' : 'position';
    const direction = span.backwards ? 'DESC' : 'ASC';
    this.sql = `SELECT position, ${place} FROM events
      WHERE ${filter.column} = ? AND ${place} > ? AND ${place} <= ? ORDER BY ${place} ${direction} LIMIT ?`;
  }

  get isHungry(): boolean {
    return this.positions.length === 0 && !this.isExhausted;
  }

  read(session: Session, count: number): void {
    this.bounds ??= this.boundsIn(session);
    const { after, upTo } = this.bounds;
    const rows = session.all<[number, number]>(this.sql, this.value, after, upTo, count);
    this.isExhausted = rows.length < count;
    const last = rows.at(-1);
    if (last === undefined) return;
    [this.come] = last;
    if (this.span.backwards) this.bounds.upTo = last[1] - 1;
    else this.bounds.after = last[1];
    this.positions.push(...rows.map(([position]) => position));
  }

  /** Takes what has been read up to a position, all of it without one. */
  take(until: number | undefined): number[] {
    if (until === undefined) return this.positions.splice(0);
    const beyond = (position: number) => (this.span.backwards ? position < until : position > until);
    const count = this.positions.findIndex(beyond);
    return this.positions.splice(0, count === -1 ? this.positions.length : count);
  }

  private boundsIn(session: Session): { after: number; upTo: number } {
    const { after, upTo } = this.span;
    if (this.filter.column !== 'stream') return { after, upTo };
    const versionBy = (position: number) =>
      position === 0 ? 0 : lastVersionBy(session, this.value, position);
    return { after: versionBy(after), upTo: versionBy(upTo) };
  }
}

const POSITIONS_OF_IDS = `SELECT position FROM events
  WHERE id IN (SELECT value FROM json_each(?)) AND +position > ? AND +position <= ?`;

async function positionsOfIds(file: SqliteFile, ids: readonly string[], span: Span): Promise<number[]> {
  const found: number[] = [];
  const pace = new Pace();
  for (let i = 0; i < ids.length; i += 500) {
    const some = JSON.stringify(ids.slice(i, i + 500));
    const find = (session: Session) => session.all<[number]>(POSITIONS_OF_IDS, some, span.after, span.upTo);
    found.push(...(await file.read(find)).map(([position]) => position));
    await pace.breathe();
  }
  return found;
}
