import { InvalidOption } from '@backstory/core/store';

/** An option that is one of a few words. @throws InvalidOption */
export function oneOf<T extends string>(option: string, value: string, known: readonly T[]): T {
  const found = known.find((it) => it === value);
  if (found !== undefined) return found;
  throw new InvalidOption(option, `must be one of ${known.join(', ')}, not ${value}.`);
}
