import { shown } from '@backstory/core/state';
import { InvalidOption, knownOptions, type OptionNames } from '@backstory/core/store';
import { requireKey } from './list-query.js';

/** Which events to handle again: those that meet all that is given, and at least one of it is. */
export interface ReplayQuery {
  /** The one with this id. */
  readonly event?: string;
  /** Those of this key. */
  readonly key?: string;
  /** Those from this position on. */
  readonly from?: number;
  /** Those up to this position. */
  readonly to?: number;
  /** Do again what was done `once`. */
  readonly again?: boolean;
}

/** @throws InvalidOption */
export function checkedReplay(given: ReplayQuery, head: number): ReplayQuery {
  const query = knownOptions(given, NAMES);
  const { event, key, from, to, again = false } = query;
  if (key !== undefined) requireKey('key', key);
  if (typeof again !== 'boolean')
    throw new InvalidOption('again', `must be true or false, not ${shown(again)}.`);
  if (event === undefined && key === undefined && from === undefined && to === undefined)
    throw new InvalidOption('which', 'must say what to handle again: { event }, { key }, or { from, to }.');
  for (const [option, position] of Object.entries({ from, to })) {
    if (position === undefined || (Number.isSafeInteger(position) && position >= 1 && position <= head))
      continue;
    throw new InvalidOption(
      option,
      `must be a position from 1 to ${head}, the head of the log, not ${shown(position)}.`,
    );
  }
  if (from !== undefined && to !== undefined && from > to)
    throw new InvalidOption('from', `must not be after to: ${from} is after ${to}.`);
  return query;
}

const NAMES: OptionNames<ReplayQuery> = { event: true, key: true, from: true, to: true, again: true };
