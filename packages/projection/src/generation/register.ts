import type { StateStore } from '@backstory/core';
import type { ProjectionModel } from '../definition/projection-model.js';
import { ProjectionChanged } from '../errors.js';
import { generationIn, readControl, writeControl, type Control, type Generation } from './control.js';

/**
 * Makes the first generation of a projection, or begins another one where the code has a higher version than all there are.
 * Gives what there is, and what was begun.
 *
 * @throws ProjectionChanged where a higher version is to be refused, or where what a version makes has changed under its number
 */
export function register(
  state: StateStore,
  model: ProjectionModel,
): Promise<{ readonly control: Control; readonly begun: Generation | undefined }> {
  return state.transaction([], async (tx) => {
    const known = await readControl(tx, model.name);
    if (!known) {
      const begun = newGeneration(model, { number: 1, role: 'live' });
      const control = { live: 1, last: 1, generations: [begun] };
      await writeControl(tx, model.name, control);
      return { control, begun };
    }
    checkSame(known, model);
    const live = generationIn(known, known.live)!;
    const isKnown = present(known).some(({ version }) => version === model.version);
    if (isKnown || model.version < live.version) return { control: known, begun: undefined };
    if (model.changed === 'refuse')
      throw new ProjectionChanged(model.name, live.number, refusal(live.version, model));
    const { control, begun } = withNew(known, model, { swaps: model.changed === 'swap' });
    await writeControl(tx, model.name, control);
    return { control, begun };
  });
}

/** The control with one more generation, to be filled. */
export function withNew(
  control: Control,
  model: ProjectionModel,
  options: Pick<Generation, 'eventsPerSecond' | 'swaps'> = {},
): { readonly control: Control; readonly begun: Generation } {
  const number = control.last + 1;
  const begun = newGeneration(model, { number, role: 'building', ...options });
  return { control: { ...control, last: number, generations: [...control.generations, begun] }, begun };
}

/** Those that are not being dropped. */
export function present({ generations }: Control): readonly Generation[] {
  return generations.filter(({ role }) => role !== 'dropping');
}

function newGeneration(
  { version, events, typeNames: types, indexes }: ProjectionModel,
  own: Pick<Generation, 'number' | 'role' | 'eventsPerSecond' | 'swaps'>,
): Generation {
  return { ...own, version, createdAt: new Date().toISOString(), events, types, indexes };
}

/** Events or indexes that came later would be missing for all that was folded before. */
function checkSame(control: Control, model: ProjectionModel): void {
  for (const { number, version, events, indexes } of present(control)) {
    if (version !== model.version) continue;
    const raise = `raise its version from ${version} to ${version + 1}, so that it is built anew.`;
    if (events.join() !== model.events.join()) {
      const problem = `it folds ${model.events.join(', ')}, and then it folded ${events.join(', ')}: ${raise}`;
      throw new ProjectionChanged(model.name, number, problem);
    }
    if (indexes.join() !== model.indexes.join()) {
      const list = (paths: readonly string[]) =>
        paths.length === 0 ? 'no indexes' : `the indexes ${paths.join(', ')}`;
      const problem = `it has ${list(model.indexes)}, and then it had ${list(indexes)}: ${raise}`;
      throw new ProjectionChanged(model.name, number, problem);
    }
  }
}

function refusal(was: number, { version, name }: ProjectionModel): string {
  return (
    `its version is ${version}, that of what is read is ${was}, and \`changed: 'refuse'\` keeps the application from starting. ` +
    `Run \`backstory projections rebuild ${name}\`, verify and swap; then start it.`
  );
}
