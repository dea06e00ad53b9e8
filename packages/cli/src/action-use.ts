import { UsageError } from './errors.js';
import { shellWord } from './shell-word.js';
import type { VerbCall } from './verb.js';

/** What each action of a verb takes; the rest of what was given would be ignored, and is refused. */
export interface ActionUse {
  /** The arguments that follow the action, in their order, each with the actions that take it. */
  readonly words: readonly (readonly [name: string, actions: readonly string[]])[];
  /** Options that are of some actions alone. */
  readonly options: Readonly<Record<string, readonly string[]>>;
}

/** @throws UsageError where something is given that the action does not take, or an option without a value */
export function checkUse(
  { verb, arguments: given, options }: Pick<VerbCall, 'verb' | 'arguments' | 'options'>,
  use: ActionUse,
): void {
  const [action, ...words] = given as [string, ...(string | undefined)[]];
  for (const [at, [name, actions]] of use.words.entries()) {
    const word = words[at];
    if (word === undefined || actions.includes(action)) continue;
    const instead = actions.includes('status')
      ? ` For one: backstory ${verb} status ${shellWord(word)}.`
      : '';
    throw new UsageError(
      `unexpected-${name}`,
      `${action} takes no ${name}: leave out ${shellWord(word)}.${instead}`,
    );
  }
  for (const [option, value] of Object.entries(options)) {
    if (value === undefined) continue;
    const actions = use.options[option];
    if (actions && !actions.includes(action))
      throw new UsageError('conflicting-options', `${flag(option)} is for ${actions.join(', ')}.`);
    if (value === '')
      throw new UsageError('empty-option', `${flag(option)} is empty: give it a value, or leave it out.`);
  }
}

export function flag(option: string): string {
  return `--${option.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
