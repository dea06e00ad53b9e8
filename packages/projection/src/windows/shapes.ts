import { knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition } from '@backstory/events';
import { wholeOption } from '../whole-option.js';

/** Which events are in one window: made by {@link tumbling}, {@link sliding} or {@link session}. */
export type WindowShape = TimeShape | SessionShape | CountShape | LastShape;

/** Windows between fixed instants, of which a new one begins every so often. */
export interface TimeShape extends Lateness {
  readonly kind: 'time';
  readonly sizeMs: number;
  readonly everyMs: number;
  readonly offsetMs: number;
}

/** Windows that last as long as events follow each other closely. */
export interface SessionShape extends Lateness {
  readonly kind: 'session';
  readonly gapMs: number;
}

/** Windows of so many values, one after another. */
export interface CountShape {
  readonly kind: 'count';
  readonly count: number;
}

/** The last so many values, told again and again. */
export interface LastShape {
  readonly kind: 'last';
  readonly count: number;
  readonly every: number | undefined;
  readonly everyMs: number | undefined;
}

/** How long windows by time wait for what is recorded later than others that happened after it. */
export interface Lateness {
  /** Milliseconds after its end for which a window stays open. Default 0. */
  readonly latenessMs: number;
}

/** A length of time in windows that do not overlap. */
export interface TumblingTime extends Partial<Lateness> {
  readonly sizeMs: number;
  /** Windows begin so many milliseconds after multiples of their size since 1970-01-01T00:00Z. Default 0. */
  readonly offsetMs?: number;
}

/** A length of time in windows that overlap: a new one begins every `everyMs`. */
export interface SlidingTime extends TumblingTime {
  readonly everyMs: number;
}

/** The last `count` values, told after `every` values, or with the first event `everyMs` after the last time. */
export type SlidingCount =
  { readonly count: number; readonly every: number } | { readonly count: number; readonly everyMs: number };

/**
 * Windows one after another: `tumbling({ sizeMs: 86_400_000 })` a day each, `tumbling({ count: 100 })` a hundred values each.
 *
 * @throws InvalidOption, InvalidDefinition
 */
export function tumbling(size: TumblingTime | { readonly count: number }): WindowShape {
  if (!isByCount(size)) return timeShape({ ...knownOptions(size, TUMBLING), everyMs: size.sizeMs });
  const { count } = knownOptions(size, { count: true });
  return made({ kind: 'count', count: wholeOption('count', count, 1, MOST_COUNTED) });
}

/**
 * Windows that overlap: `sliding({ sizeMs: 3_600_000, everyMs: 60_000 })` an hour every minute, `sliding({ count: 100, every: 10 })`
 * the last hundred values after every ten, `sliding({ count: 100, everyMs: 60_000 })` at most once a minute.
 *
 * @throws InvalidOption, InvalidDefinition
 */
export function sliding(size: SlidingTime | SlidingCount): WindowShape {
  if (!isByCount(size)) return timeShape(knownOptions(size, { ...TUMBLING, everyMs: true }));
  const { count, every, everyMs } = knownOptions<LastOptions>(size, LAST);
  if ((every === undefined) === (everyMs === undefined))
    throw new InvalidDefinition('sliding(…)', 'by count needs either `every`, in values, or `everyMs`.');
  if (every !== undefined) wholeOption('every', every, 1, MOST_COUNTED);
  if (everyMs !== undefined) wholeOption('everyMs', everyMs, 1, LONGEST);
  return made({ kind: 'last', count: wholeOption('count', count, 1, MOST_VALUES), every, everyMs });
}

/** Windows that end when nothing has happened for `gapMs`: visits, bursts. @throws InvalidOption, InvalidDefinition */
export function session(options: SessionOptions): WindowShape {
  const { gapMs, latenessMs = 0 } = knownOptions(options, SESSION);
  wholeOption('gapMs', gapMs, 1, LONGEST);
  wholeOption('latenessMs', latenessMs, 0, LONGEST);
  // The shortest last a moment, and the next one begins right after the gap.
  const open = Math.floor((latenessMs + gapMs) / (gapMs + 1)) + 1;
  requireFew(open, 'Let them end later, or wait less long for late events.');
  return made({ kind: 'session', gapMs, latenessMs });
}

/** What ends a session. */
export interface SessionOptions extends Partial<Lateness> {
  /** Two events with at most so many milliseconds between them are in one session. */
  readonly gapMs: number;
}

function timeShape({ sizeMs, everyMs, offsetMs = 0, latenessMs = 0 }: SlidingTime): TimeShape {
  wholeOption('sizeMs', sizeMs, 1, LONGEST);
  wholeOption('everyMs', everyMs, 1, sizeMs);
  wholeOption('offsetMs', offsetMs, -LONGEST, LONGEST);
  wholeOption('latenessMs', latenessMs, 0, LONGEST);
  const open = Math.ceil((sizeMs + latenessMs) / everyMs);
  requireFew(open, 'Let them begin less often, or wait less long for late events.');
  return made({ kind: 'time', sizeMs, everyMs, offsetMs, latenessMs });
}

/** @throws InvalidDefinition */
function requireFew(open: number, advice: string): void {
  if (open <= MOST_OPEN) return;
  const problem = `would have ${open} windows open at once: at most ${MOST_OPEN} are kept. ${advice}`;
  throw new InvalidDefinition('a window', problem);
}

function isByCount(size: unknown): size is { readonly count: number } {
  return typeof size === 'object' && size !== null && 'count' in size;
}

function made<Shape extends WindowShape>(shape: Shape): Shape {
  SHAPES.add(shape);
  return Object.freeze(shape);
}

/** Whether it was made, and so checked, here. */
export function isShape(shape: unknown): boolean {
  return SHAPES.has(shape as WindowShape);
}

const SHAPES = new WeakSet<WindowShape>();

const TUMBLING: OptionNames<TumblingTime> = { sizeMs: true, offsetMs: true, latenessMs: true };
const SESSION: OptionNames<SessionOptions> = { gapMs: true, latenessMs: true };
interface LastOptions {
  readonly count: number;
  readonly every?: number;
  readonly everyMs?: number;
}
const LAST: OptionNames<LastOptions> = { count: true, every: true, everyMs: true };
/** A hundred years. */
const LONGEST = 3_155_760_000_000;
const MOST_OPEN = 1_000;
const MOST_COUNTED = Number.MAX_SAFE_INTEGER;
/** Of a sliding window by count every value is kept. */
const MOST_VALUES = 10_000;
