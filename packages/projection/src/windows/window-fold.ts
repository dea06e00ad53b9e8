import type { RecordedEvent } from '@backstory/core';
import { InvalidDefinition } from '@backstory/events';
import { atOnce } from '../definition/at-once.js';
import { takeByCount, lastWindow, takeByLast } from './count-windows.js';
import { momentOf } from './moment.js';
import type { Reducer, Reducers } from './reducer.js';
import { Reduction } from './reduction.js';
import { isShape, type WindowShape } from './shapes.js';
import { takeBySession, takeByTime, timeOf, type Arrival } from './time-windows.js';
import type { ClosedWindow, OpenState, WindowDocument, WindowResult } from './window-document.js';

/**
 * Windows as a fold: of a value and its event into a part of a document. It is what `windows` is made of, and what a projection of your
 * own keeps windows with, beside whatever else its documents hold.
 *
 * ```ts
 * const perDay = windowFold<number>(tumbling({ sizeMs: 86_400_000 })).reduce({ paid: sum() });
 *
 * @Projection('customers', { version: 1 })
 * class Customer {
 *   days = perDay.begin();
 *   @EventHandler(Paid) paid({ amount }: Paid, recorded: RecordedEvent<Paid>, _key: string, emit: Emit) {
 *     for (const day of perDay.add(this.days, amount, recorded)) emit(day);
 *   }
 * }
 * ```
 *
 * @throws InvalidDefinition
 */
export function windowFold<Value>(shape: WindowShape): UnreducedFold<Value> {
  return { reduce: (reducers) => new WindowFold(shape, reducers) };
}

/** A fold of values, of which it is still to be said what is made of them. */
export interface UnreducedFold<Value> {
  /** `.reduce({ paid: sum() })`. @throws InvalidDefinition */
  reduce<Values extends object>(reducers: Reducers<Value, Values>): WindowFold<Value, Values>;
}

/** What {@link windowFold} gives. */
export class WindowFold<Value, Values> {
  private readonly reduction: Reduction<Value>;

  /** Made by {@link windowFold}. */
  constructor(
    private readonly shape: WindowShape,
    reducers: Readonly<Record<string, Reducer<Value, unknown>>>,
  ) {
    if (!isShape(shape))
      throw new InvalidDefinition('a window', 'needs a `shape`: tumbling(…), sliding(…) or session(…).');
    this.reduction = new Reduction(reducers);
    const { unmergeable } = this.reduction;
    if (shape.kind === 'session' && unmergeable.length > 0)
      throw new InvalidDefinition(
        'a session',
        `needs to put sessions together: give the reducer ${unmergeable[0]} a \`merge\`.`,
      );
  }

  /** No window. */
  begin(): WindowDocument {
    return { time: null, late: 0, closed: 0, open: [] };
  }

  /**
   * Puts a value into the windows of `document`, which changes, and gives the windows that are closed with it. Without a value the event
   * only says what time it is.
   */
  add(
    document: WindowDocument,
    value: Value | null | undefined,
    recorded: Pick<RecordedEvent, 'recordedAt' | 'metadata'>,
  ): readonly ClosedWindow<Values>[] {
    atOnce(value, 'the function of the value');
    // There is no JSON of minus zero, and some windows keep values.
    const kept = Object.is(value, -0) ? (0 as Value) : value;
    const over = this.take(document, { at: momentOf(recorded), value: kept });
    return over.map((it) => ({ number: ++document.closed, ...this.result(it) }));
  }

  /** The windows that are open, the one that began first first. */
  open(document: WindowDocument): readonly WindowResult<Values>[] {
    const { last } = document;
    const open = last ? [lastWindow(last, this.reduction)] : document.open;
    return open.map((it) => this.result(it));
  }

  /**
   * The window that the latest event is in: of several the one that began first, for it is the fullest. `undefined`: none, since nothing
   * with a value has happened lately.
   */
  current(document: WindowDocument): WindowResult<Values> | undefined {
    const { shape } = this;
    const time = timeOf(document);
    const isNow = ({ from, to }: WindowResult<Values>) => {
      if (shape.kind === 'time') return Date.parse(from) <= time && time < Date.parse(to);
      return shape.kind !== 'session' || time <= Date.parse(to) + shape.gapMs;
    };
    return this.open(document).find(isNow);
  }

  private take(document: WindowDocument, arrival: Arrival<Value>): OpenState[] {
    const { shape, reduction } = this;
    switch (shape.kind) {
      case 'time':
        return takeByTime(shape, document, arrival, reduction);
      case 'session':
        return takeBySession(shape, document, arrival, reduction);
      case 'count':
        return takeByCount(shape, document, arrival, reduction);
      case 'last':
        return takeByLast(shape, document, arrival, reduction);
    }
  }

  private result({ from, to, events, held }: OpenState): WindowResult<Values> {
    return { from, to, events, values: this.reduction.results(held) as Values };
  }
}
