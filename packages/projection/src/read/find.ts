import type { StateView } from '@backstory/core/state';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { shown, shownPath } from '@backstory/core/state';
import { GenerationUnusable, InvalidFind } from '../errors.js';
import { generationIn, type Control, type Generation } from '../generation/control.js';
import type { Places } from '../generation/places.js';
import { readProgress } from '../generation/progress.js';
import { conditionsOf, meets, rangeOf, type Condition, type Range, type Where } from './condition.js';
import { readCursor, writeCursor } from './cursor.js';
import { keyIn } from './index-key.js';

/** Which documents, in which order, how many. */
export interface FindQuery {
  /** Conditions that all must hold. At least one is on an indexed path, unless the order is by one, or `scan` is set. */
  readonly where?: Where;
  /** An indexed path, or `{ path, descending: true }`. Default: by key. */
  readonly orderBy?: string | { readonly path?: string; readonly descending?: boolean };
  /** Default 100, at most 1,000. */
  readonly limit?: number;
  /** The `next` of the page before. It goes on in the generation that the page before was of. */
  readonly after?: string;
  /** Allow reading documents that do not match. */
  readonly scan?: boolean;
}

/** Documents of one generation, all as of one position. */
export interface FoundPage<Document> {
  readonly documents: readonly { readonly key: string; readonly document: Document }[];
  /** What to give as `after` for the next page; without it there are no more. */
  readonly next?: string;
  readonly generation: number;
  /** Every event up to here is in the documents. */
  readonly position: number;
}

/** What is asked, of which documents. */
export interface Finding {
  readonly name: string;
  readonly places: Places;
  readonly control: Control;
  readonly query: FindQuery;
  /** The version of the code that asks. */
  readonly code: number;
}

/** @throws InvalidFind, GenerationUnusable */
export async function find(
  view: StateView,
  finding: Finding,
): Promise<FoundPage<string> & { readonly made: Generation }> {
  const { name, places, control, query, code } = finding;
  const { limit = 100, after, scan = false } = knownOptions(query, OPTIONS);
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > 1_000)
    throw new InvalidFind(name, 'limit', `must be a whole number from 1 to 1,000, not ${shown(limit)}.`);
  requireBoolean(name, 'scan', scan);
  const conditions = conditionsOf(name, query.where ?? {});
  const { path, descending } = orderOf(name, query);
  const asked = JSON.stringify([name, conditions, path, descending]);
  const cursor = after === undefined ? undefined : readCursor(name, after, asked);
  const generation = readable(control, name, cursor?.generation ?? control.live);
  const driver = driverOf(name, generation, { conditions, path, scan, code });
  const walk = new Walk(view, places, { generation, driver, conditions, descending });
  const { found, last } = await walk.take(limit, cursor?.last);
  const position = (await readProgress(view, places, generation.number))?.checkpoint.through ?? 0;
  return {
    documents: found,
    ...(last !== undefined && { next: writeCursor({ generation: generation.number, last, asked }) }),
    generation: generation.number,
    position,
    made: generation,
  };
}

const OPTIONS: OptionNames<FindQuery> = { where: true, orderBy: true, limit: true, after: true, scan: true };
type Order = Exclude<NonNullable<FindQuery['orderBy']>, string>;
const ORDER: OptionNames<Order> = { path: true, descending: true };

function orderOf(
  name: string,
  { orderBy }: FindQuery,
): { readonly path: string | undefined; readonly descending: boolean } {
  if (orderBy === undefined || typeof orderBy === 'string') return { path: orderBy, descending: false };
  const { path, descending = false } = knownOptions(orderBy, ORDER);
  if (path !== undefined && typeof path !== 'string')
    throw new InvalidFind(name, 'orderBy.path', `must be an indexed path, not ${shown(path)}.`);
  requireBoolean(name, 'orderBy.descending', descending);
  return { path, descending };
}

function requireBoolean(name: string, option: string, value: unknown): void {
  if (typeof value !== 'boolean')
    throw new InvalidFind(name, option, `must be true or false, not ${shown(value)}.`);
}

function readable(control: Control, name: string, number: number): Generation {
  const generation = generationIn(control, number);
  if (generation && generation.role !== 'dropping') return generation;
  throw new GenerationUnusable(name, number, 'it was dropped meanwhile: begin again without `after`.');
}

/** The index that is walked: that of the order, or the one on which a condition leaves least; `undefined` for the documents. */
function driverOf(
  name: string,
  generation: Generation,
  { conditions, path, scan, code }: Asked,
): string | undefined {
  const { indexes } = generation;
  if (path !== undefined) {
    if (indexes.includes(path)) return path;
    throw new InvalidFind(
      name,
      'orderBy',
      `there is no index on ${shownPath(path)}: ${known(generation, code)}.`,
    );
  }
  if (conditions.length === 0) return undefined;
  const indexed = conditions.filter((it) => indexes.includes(it.path));
  const best = indexed.find(({ operator }) => operator === '=') ?? indexed[0];
  if (best) return best.path;
  if (scan) return undefined;
  const paths = conditions.map((it) => shownPath(it.path)).join(', ');
  throw new InvalidFind(
    name,
    'where',
    `there is no index on ${paths}: ${known(generation, code)}, or set scan.`,
  );
}

interface Asked {
  readonly conditions: readonly Condition[];
  readonly path: string | undefined;
  readonly scan: boolean;
  readonly code: number;
}

function known({ indexes, number, version }: Generation, code: number): string {
  const those =
    indexes.length === 0
      ? 'the projection declares no `indexes`'
      : `there are those on ${indexes.join(', ')}`;
  if (version === code) return those;
  return `${those} (generation ${number}, which version ${version} made; the code here is of version ${code}: swap once that is filled)`;
}

interface Walked {
  readonly generation: Generation;
  readonly driver: string | undefined;
  readonly conditions: readonly Condition[];
  readonly descending: boolean;
}

/** Goes through an index, or through the documents by key, and takes what meets the conditions. */
class Walk {
  private readonly collection: string;
  private readonly documents: string;
  private readonly range: Range;

  constructor(
    private readonly view: StateView,
    places: Places,
    private readonly walked: Walked,
  ) {
    const { generation, driver, conditions } = walked;
    this.documents = places.documents(generation.number);
    this.collection = driver === undefined ? this.documents : places.index(generation.number, driver);
    this.range = rangeOf(driver === undefined ? [] : conditions.filter(({ path }) => path === driver));
  }

  async take(
    limit: number,
    from: string | undefined,
  ): Promise<{ readonly found: { key: string; document: string }[]; readonly last: string | undefined }> {
    const found: { key: string; document: string }[] = [];
    let last = from;
    for (;;) {
      // One more, to know whether there is another page; many, where it may take many to find a few.
      const wanted = limit + 1 - found.length;
      const rows = await this.rows(last, this.isSieved ? Math.max(LOOKED_AT, wanted) : wanted);
      if (rows.length === 0) return { found, last: undefined };
      for (const { at, key, text } of rows) {
        if (found.length === limit) return { found, last };
        last = at;
        if (this.isMet(text)) found.push({ key, document: text });
      }
    }
  }

  /** Whether conditions remain that the index says nothing of. */
  private get isSieved(): boolean {
    const { conditions, driver } = this.walked;
    return conditions.some(({ path }) => path !== driver);
  }

  private isMet(text: string): boolean {
    const { conditions } = this.walked;
    if (conditions.length === 0) return true;
    const json: unknown = JSON.parse(text);
    return conditions.every((condition) => meets(json, condition));
  }

  private async rows(last: string | undefined, limit: number): Promise<readonly Row[]> {
    const { descending, driver } = this.walked;
    const { prefix, after, upTo } = this.range;
    const bounds = descending
      ? { prefix, after, backwards: true, ...((last ?? upTo) !== undefined && { upTo: (last ?? upTo)! }) }
      : { prefix, after: last ?? after, ...(upTo !== undefined && { upTo }) };
    // An upper bound is part of what it bounds.
    const listed = await this.view.list(this.collection, { ...bounds, limit: limit + (descending ? 1 : 0) });
    const rows = descending ? listed.filter(({ key }) => key !== last).slice(0, limit) : listed;
    if (driver === undefined) return rows.map(({ key, value }) => ({ at: key, key, text: value }));
    const keys = rows.map(({ key }) => keyIn(key));
    const texts = await this.view.getMany(this.documents, keys);
    return rows.map(({ key: at }, i) => ({ at, key: keys[i]!, text: texts.get(keys[i]!)! }));
  }
}

/** Documents looked at together. */
const LOOKED_AT = 200;

interface Row {
  /** Where it stands in what is walked. */
  readonly at: string;
  readonly key: string;
  readonly text: string;
}
