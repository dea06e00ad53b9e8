import type { StateStore } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import { GenerationUnusable } from '../errors.js';
import { requireSql } from '../tables/require-sql.js';
import { dropTables } from '../tables/table-shape.js';
import { generationIn, withGeneration, writeControl, type Generation } from './control.js';
import { besideReaders, showLive, waitShortly } from './live-views.js';
import { placesOf } from './places.js';
import { requireControl } from './generations.js';

/**
 * Deletes a generation that is not read: in portions, so that nothing else waits for it. One that was interrupted is finished by
 * the next. Without a number: the only one that is not read.
 *
 * @throws ProjectionNotFound, GenerationUnusable
 */
export async function drop(state: StateStore, name: string, number?: number): Promise<number> {
  const dropped = await besideReaders(state, name, async (tx) => {
    const before = await requireControl(tx, name);
    const found = choose(before.generations, before.live, name, number);
    const after = withGeneration(before, { ...found, role: 'dropping' });
    await writeControl(tx, name, after);
    await showLive(tx, name, { before, after });
    return found;
  });
  const places = placesOf(name);
  const collections = [
    ...dropped.indexes.map((path) => places.index(dropped.number, path)),
    places.results(dropped.number),
    places.documents(dropped.number),
  ];
  for (let isGone = false; !isGone;) {
    for (const collection of collections) await empty(state, collection);
    isGone = await besideReaders(state, name, (tx) => forget(tx, name, { dropped, collections }));
  }
  return dropped.number;
}

/** Ends it, unless a batch that had begun before has written something since. */
async function forget(
  tx: StateTransaction,
  name: string,
  { dropped, collections }: { readonly dropped: Generation; readonly collections: readonly string[] },
): Promise<boolean> {
  const { number: generation, tables } = dropped;
  for (const collection of collections)
    if ((await tx.list(collection, { limit: 1 })).length > 0) return false;
  const control = await requireControl(tx, name);
  const generations = control.generations.filter(({ number }) => number !== generation);
  if (tables) {
    await waitShortly(requireSql(tx, name));
    await dropTables(requireSql(tx, name), { name, generation, tables });
  }
  const { progress, troubles } = placesOf(name);
  await tx.deleteMany(progress, [String(generation)]);
  await tx.deleteMany(troubles, [String(generation)]);
  if (generationIn(control, generation)) await writeControl(tx, name, { ...control, generations });
  return true;
}

function choose(
  generations: readonly Generation[],
  live: number,
  name: string,
  number: number | undefined,
): Generation {
  const others = generations.filter((it) => it.number !== live);
  const found =
    number === undefined && others.length === 1 ? others[0] : others.find((it) => it.number === number);
  if (found) return found;
  if (number === live)
    throw new GenerationUnusable(name, number, 'it is read, and cannot be dropped: swap first.');
  const numbers = others
    .map((it) => `${it.number}${it.role === 'dropping' ? ' (half dropped)' : ''}`)
    .join(', ');
  if (others.length === 0)
    throw new GenerationUnusable(name, number, 'there is none besides the one that is read.');
  const which =
    number === undefined
      ? 'say which, by its `generation` (--generation on the command line): there are'
      : 'there is none: besides the one that is read there are';
  throw new GenerationUnusable(name, number, `${which} ${numbers}.`);
}

async function empty(state: StateStore, collection: string): Promise<void> {
  for (;;) {
    const rows = await state.read((view) => view.list(collection, { limit: PORTION }));
    if (rows.length === 0) return;
    await state.transaction([], (tx) =>
      tx.deleteMany(
        collection,
        rows.map(({ key }) => key),
      ),
    );
  }
}

const PORTION = 1_000;
