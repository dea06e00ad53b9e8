import type { Instrument } from '../metrics/instrument.js';

/** What a gauge shows now, added up by the values of an attribute, of the series with those of `where`. */
export function lastOf(
  instrument: Instrument,
  { by, where = {} }: { readonly by: string; readonly where?: Readonly<Record<string, string>> },
): ReadonlyMap<string, number> {
  const found = new Map<string, number>();
  for (const { attributes, series } of instrument.points) {
    const isMeant = Object.entries(where).every(([name, it]) => attributes[name] === it);
    if (!isMeant || !('value' in series)) continue;
    const of = String(attributes[by] ?? '');
    found.set(of, (found.get(of) ?? 0) + series.value);
  }
  return found;
}
