import { shown } from '@backstory/core/state';
import { InvalidOption, numberOption } from '@backstory/core/store';
import { isKey } from './own-key.js';

/** What a list of parked keys, or of outcomes, may be asked for. */
export interface Listed<State extends string> {
  readonly states?: readonly State[];
  readonly limit?: number;
}

/** @throws InvalidOption for states that there are not, and a limit that is none */
export function requireListed<State extends string>(
  { states, limit = 0 }: Listed<State>,
  all: readonly State[],
): void {
  numberOption('limit', limit, 0, Infinity);
  if (states === undefined) return;
  if (Array.isArray(states) && states.every((it) => all.includes(it as State))) return;
  throw new InvalidOption('states', `must be a list of some of ${all.join(', ')}, not ${shown(states)}.`);
}

/** @throws InvalidOption for what no event can have for its key */
export function requireKey(option: string, key: unknown): asserts key is string {
  if (isKey(key)) return;
  throw new InvalidOption(option, `must be a key, a text of 1 to 1,000 bytes, not ${shown(key)}.`);
}
