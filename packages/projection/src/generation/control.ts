import type { Wish } from '@backstory/core/administration';
import type { StateTransaction, StateView } from '@backstory/core/state';
import { readFormat } from '@backstory/core/store';
import type { TableShapes } from '../tables/table-shape.js';
import { PROJECTIONS } from './places.js';

/** What there is of a projection and what is wanted of it. Whoever feeds it looks at it in every transaction. */
export interface Control {
  /** The number of the generation that is read. */
  readonly live: number;
  /** The highest number that a generation was ever given. */
  readonly last: number;
  readonly generations: readonly Generation[];
  readonly paused?: Wish;
  /** Its generations go no further, so that they can be compared, for as long as whoever asked for it holds the lease of it. */
  readonly meeting?: { readonly position: number; readonly token: number };
  /** The last time somebody wanted it to go on. */
  readonly resumed?: Wish & {
    /** Two may come in one millisecond. Absent where an older release was asked. */
    readonly id?: string;
  };
}

/**
 * The documents of a projection as one version of its code makes them.
 *
 * | role | |
 * |---|---|
 * | `live` | it is read |
 * | `building` | it is filled beside the live one, to take its place |
 * | `retired` | it was live, and is kept to go back to; nothing more is folded into it |
 * | `dropping` | it is being deleted |
 */
export interface Generation {
  readonly number: number;
  readonly version: number;
  readonly role: 'live' | 'building' | 'retired' | 'dropping';
  readonly createdAt: string;
  /** The names of the events that it folds. */
  readonly events: readonly string[];
  /** … and every name under which they may be recorded. */
  readonly types: readonly string[];
  readonly indexes: readonly string[];
  /** Those of a projection that writes tables of its own. */
  readonly tables?: TableShapes;
  /** At most this many events a second. */
  readonly eventsPerSecond?: number;
  /** Takes the place of the live one as soon as it has caught up. */
  readonly swaps?: boolean;
  /** Of a retired one: which of them was read last has the highest number. */
  readonly retired?: number;
}

const FORMAT = 'backstory.projection/1';

/** `undefined`: no projection of this name was ever started. */
export async function readControl(view: StateView, name: string): Promise<Control | undefined> {
  const text = await view.get(PROJECTIONS, name);
  return text === undefined ? undefined : readFormat<Control>(text, FORMAT);
}

export async function writeControl(tx: StateTransaction, name: string, control: Control): Promise<void> {
  await tx.put(PROJECTIONS, name, JSON.stringify({ format: FORMAT, ...control }));
}

/** Every projection that was ever started, by name. */
export async function listControls(view: StateView): Promise<ReadonlyMap<string, Control>> {
  const rows = await view.list(PROJECTIONS, { limit: 100_000 });
  return new Map(rows.map(({ key, value }) => [key, readFormat<Control>(value, FORMAT)]));
}

export function generationIn({ generations }: Control, number: number): Generation | undefined {
  return generations.find((it) => it.number === number);
}

/** Whether what was known of a projection is lost since, and somebody has begun it anew. */
export function isAnother(control: Control, before: Control): boolean {
  const isNew = ({ number, createdAt }: Generation) =>
    (generationIn(before, number)?.createdAt ?? createdAt) !== createdAt;
  return control.last < before.last || control.generations.some(isNew);
}

/** Those that are not being dropped. */
export function present({ generations }: Control): readonly Generation[] {
  return generations.filter(({ role }) => role !== 'dropping');
}

/** Whether events are folded into a generation. */
export function isFed({ role }: Pick<Generation, 'role'>): boolean {
  return role === 'live' || role === 'building';
}

/** The control with one of its generations changed. */
export function withGeneration(control: Control, changed: Generation): Control {
  const generations = control.generations.map((it) => (it.number === changed.number ? changed : it));
  return { ...control, generations };
}
