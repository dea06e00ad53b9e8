import type { ModelFacts } from '../definition/model-facts.js';
import { ProjectionChanged } from '../errors.js';
import { present, type Control, type Generation } from './control.js';

/**
 * Code under the version of a generation must be of its form: events or indexes that came later would be missing for all that was
 * folded before.
 *
 * @throws ProjectionChanged
 */
export function requireSameForm(control: Control, model: ModelFacts): void {
  for (const generation of present(control)) {
    if (generation.version !== model.version) continue;
    const problem = otherForm(generation, model);
    if (problem !== undefined)
      throw new ProjectionChanged(model.name, generation.number, problem + advice(generation));
  }
}

/** Whether the code here makes what is in a generation: it has its version and its form. */
export function isMadeBy(model: ModelFacts, generation: Generation): boolean {
  return generation.version === model.version && otherForm(generation, model) === undefined;
}

/** What is not as it was when a generation was begun; `undefined` where nothing is. */
export function otherForm(
  { events, types, indexes, tables }: Generation,
  model: ModelFacts,
): string | undefined {
  if (events.join() !== model.events.join())
    return `it folds ${model.events.join(', ')}, and then it folded ${events.join(', ')}`;
  // What was recorded under a name that it did not have then was passed by.
  const names = (of: readonly string[]) => [...of].sort().join(', ');
  if (names(types) !== names(model.typeNames))
    return `its events may be recorded as ${names(model.typeNames)}, and then as ${names(types)}`;
  if (indexes.join() !== model.indexes.join()) {
    const list = (paths: readonly string[]) =>
      paths.length === 0 ? 'no indexes' : `the indexes ${paths.join(', ')}`;
    return `it has ${list(model.indexes)}, and then it had ${list(indexes)}`;
  }
  return JSON.stringify(tables) === JSON.stringify(model.tables) ? undefined : 'its tables are others now';
}

function advice({ number, role, version }: Generation): string {
  const raise = `: raise its version from ${version} to ${version + 1}, so that it is built anew`;
  return role === 'live' ? `${raise}.` : `${raise}; or drop generation ${number}, where it was a mistake.`;
}
