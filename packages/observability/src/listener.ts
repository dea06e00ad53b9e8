import type { Around, Observer } from '@backstory/core/observe';
import type { Passage } from './passage.js';

/** The seams that work runs through. */
export type AroundSeam = {
  [Seam in keyof Observer]: Observer[Seam] extends Around<never, never> ? Seam : never;
}[keyof Observer];
/** The seams that are told of something that has happened. */
export type ToldSeam = Exclude<keyof Observer, AroundSeam | 'trace'>;

export type PassageOf<Seam extends AroundSeam> =
  Observer[Seam] extends Around<infer Start, infer End> ? Passage<Start, End> : never;
export type FactsOf<Seam extends ToldSeam> = ReturnType<Parameters<Observer[Seam]>[0]>;

/** One of those who are told: metrics, traces or logs. It hears the seams that it has a function for. */
export interface Listener {
  /** For the count of what could not be told. */
  readonly signal: 'metrics' | 'traces' | 'logs';
  readonly begins: { readonly [Seam in AroundSeam]?: (passage: PassageOf<Seam>) => void };
  readonly ends: { readonly [Seam in AroundSeam]?: (passage: PassageOf<Seam>) => void };
  readonly told: { readonly [Seam in ToldSeam]?: (facts: FactsOf<Seam>) => void };
}
