import { InvalidOption } from './number-option.js';

/** The names of all options of a kind; the compiler sees that none is missing. */
export type OptionNames<Options> = Readonly<Record<keyof Options, true>>;

/**
 * Refuses what is no option. The compiler lets a misspelt name pass where an object comes in a variable, and an option that
 * is passed over may be the one that keeps a command from being carried out twice.
 *
 * @throws InvalidOption naming it, and those there are
 */
export function knownOptions<Options extends object>(options: Options, names: OptionNames<Options>): Options {
  if (options === null || typeof options !== 'object')
    throw new InvalidOption('options', `must be an object, not ${String(options)}.`);
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(names, name));
  if (unknown === undefined) return options;
  throw new InvalidOption(unknown, `is no option here: there are ${Object.keys(names).join(', ')}.`);
}
