import type { StateStore } from '@backstory/core';
import type { StateTransaction } from '@backstory/core/state';
import type { ModelFacts } from '../definition/model-facts.js';
import { ProjectionChanged, ProjectionExists } from '../errors.js';
import { requireSql } from '../tables/require-sql.js';
import { createTables } from '../tables/table-shape.js';
import {
  generationIn,
  listControls,
  present,
  readControl,
  withGeneration,
  writeControl,
  type Control,
  type Generation,
} from './control.js';
import { showAnew, showLive } from './live-views.js';
import { requireSameForm } from './same-form.js';

/**
 * Makes the first generation of a projection, or begins another one where the code has a higher version than all there are.
 * Gives what there is, and what was begun.
 *
 * @throws ProjectionChanged where a higher version is to be refused, or where what a version makes has changed under its number
 * @throws ProjectionExists, TablesNotMade where there is something in the way of its tables
 */
export function register(
  state: StateStore,
  model: ModelFacts,
): Promise<{ readonly control: Control; readonly begun: Generation | undefined }> {
  return state.transaction([], async (tx) => {
    const known = await readControl(tx, model.name);
    if (!known) {
      const begun = newGeneration(model, { number: 1, role: 'live' });
      const control = { live: 1, last: 1, generations: [begun] };
      await begin(tx, model.name, { control, begun });
      await showLive(tx, model.name, { after: control });
      return { control, begun };
    }
    requireSameForm(known, model);
    await showAnew(tx, model.name, known);
    const live = generationIn(known, known.live)!;
    if (present(known).some(({ version }) => version === model.version)) {
      const control = withSwap(known, model);
      if (control !== known) await writeControl(tx, model.name, control);
      return { control, begun: undefined };
    }
    if (model.version < live.version) return { control: known, begun: undefined };
    if (model.changed === 'refuse')
      throw new ProjectionChanged(model.name, live.number, refusal(live.version, model));
    const more = withNew(known, model);
    await begin(tx, model.name, more);
    return more;
  });
}

/** Writes a control with a new generation, and makes what that needs. @throws ProjectionExists, TablesNotMade */
export async function begin(
  tx: StateTransaction,
  name: string,
  { control, begun }: { readonly control: Control; readonly begun: Generation },
): Promise<void> {
  // First, so that of two who begin the same one waits here.
  await writeControl(tx, name, control);
  const { number: generation, tables } = begun;
  if (!tables) return;
  await requireOwnNames(tx, name);
  await createTables(requireSql(tx, name), { name, generation, tables });
}

/** The control with one more generation, to be filled. */
export function withNew(
  control: Control,
  model: ModelFacts,
  options: Pick<Generation, 'eventsPerSecond'> = {},
): { readonly control: Control; readonly begun: Generation } {
  const number = control.last + 1;
  const swaps = isToSwap(control, model) && { swaps: true };
  const begun = newGeneration(model, { number, role: 'building', ...options, ...swaps });
  return { control: { ...control, last: number, generations: [...control.generations, begun] }, begun };
}

/** The newest that is being filled by this version: one that was folded from another log may be there as well. */
export function beingFilled(control: Control, { version }: ModelFacts): Generation | undefined {
  return present(control).findLast((it) => it.role === 'building' && it.version === version);
}

/** The control in which what this version is filling swaps by itself, where the code says so, whoever has begun it. */
export function withSwap(control: Control, model: ModelFacts): Control {
  const known = beingFilled(control, model);
  if (!known || known.swaps === true || !isToSwap(control, model)) return control;
  return withGeneration(control, { ...known, swaps: true });
}

function isToSwap(control: Control, { changed, version }: ModelFacts): boolean {
  return changed === 'swap' && version > generationIn(control, control.live)!.version;
}

function newGeneration(
  { version, events, typeNames: types, indexes, tables }: ModelFacts,
  own: Pick<Generation, 'number' | 'role' | 'eventsPerSecond' | 'swaps'>,
): Generation {
  return {
    ...own,
    version,
    createdAt: new Date().toISOString(),
    events,
    types,
    indexes,
    ...(tables && { tables }),
  };
}

/** @throws ProjectionExists where the tables of another projection have the same names but for small and capital letters, and that is all one */
async function requireOwnNames(tx: StateTransaction, name: string): Promise<void> {
  if (requireSql(tx, name).dialect !== 'sqlite') return;
  const folded = (text: string) => text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  for (const [other, { generations }] of await listControls(tx))
    if (other !== name && folded(other) === folded(name) && generations.some(({ tables }) => tables))
      throw new ProjectionExists(name, other);
}

function refusal(was: number, { version, name }: ModelFacts): string {
  return (
    `its version is ${version}, that of what is read is ${was}, and \`changed: 'refuse'\` keeps the application from starting. ` +
    `Run \`backstory projections rebuild ${name}\`, verify and swap; then start it.`
  );
}
