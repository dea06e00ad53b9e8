import type { Reduction } from './reduction.js';
import type { SessionShape, TimeShape } from './shapes.js';
import { instantText, type OpenState, type WindowDocument } from './window-document.js';

/** An event as windows see it: when it happened, and its value, if it has one. */
export interface Arrival<Value> {
  readonly at: number;
  readonly value: Value | null | undefined;
}

/** Puts an event into the windows of its time and gives those that are over with it. */
export function takeByTime<Value>(
  { sizeMs, everyMs, offsetMs, latenessMs }: TimeShape,
  document: WindowDocument,
  { at, value }: Arrival<Value>,
  reduction: Reduction<Value>,
): OpenState[] {
  if (value !== undefined && value !== null) {
    const over = timeOf(document) - latenessMs;
    const { open } = document;
    // There may be a thousand of them, so that they are gone through side by side, the one that began last first.
    let known = open.length - 1;
    let from = Math.floor((at - offsetMs) / everyMs) * everyMs + offsetMs;
    for (; from > at - sizeMs && from + sizeMs > over; from -= everyMs) {
      while (known >= 0 && fromOf(open[known]!) > from) known--;
      if (known < 0 || fromOf(open[known]!) !== from)
        open.splice(++known, 0, begun(from, from + sizeMs, reduction));
      addTo(open[known]!, value, reduction);
      known--;
    }
    if (from > at - sizeMs) document.late++;
  }
  return closedAt(document, at, ({ to }, time) => Date.parse(to) <= time - latenessMs);
}

/** Puts an event into the session of its time, which may join several, and gives those that are over with it. */
export function takeBySession<Value>(
  { gapMs, latenessMs }: SessionShape,
  document: WindowDocument,
  { at, value }: Arrival<Value>,
  reduction: Reduction<Value>,
): OpenState[] {
  const isOver = (to: number, time: number) => to + gapMs < time - latenessMs;
  if (value !== undefined && value !== null) {
    const near = document.open.filter(
      ({ from, to }) => at >= Date.parse(from) - gapMs && at <= Date.parse(to) + gapMs,
    );
    if (near.length === 0 && isOver(at, timeOf(document))) document.late++;
    else {
      const joined =
        near.length === 0 ? begun(at, at, reduction) : near.reduce((a, b) => join(a, b, reduction));
      joined.from = instantText(Math.min(at, Date.parse(joined.from)));
      joined.to = instantText(Math.max(at, Date.parse(joined.to)));
      addTo(joined, value, reduction);
      document.open = ordered([...document.open.filter((it) => !near.includes(it)), joined]);
    }
  }
  return closedAt(document, at, ({ to }, time) => isOver(Date.parse(to), time));
}

/** The latest time of an event so far. */
export function timeOf({ time }: WindowDocument): number {
  return time === null ? -Infinity : Date.parse(time);
}

/** Time never goes back. */
export function advance(document: WindowDocument, at: number): number {
  const time = Math.max(timeOf(document), at);
  document.time = instantText(time);
  return time;
}

/** A window without anything in it. */
export function begun<Value>(from: number, to: number, reduction: Reduction<Value>): OpenState {
  return { from: instantText(from), to: instantText(to), events: 0, held: reduction.begin() };
}

export function addTo<Value>(window: OpenState, value: Value, reduction: Reduction<Value>): void {
  reduction.add(window.held, value);
  window.events++;
}

function fromOf({ from }: OpenState): number {
  return Date.parse(from);
}

function join<Value>(earlier: OpenState, later: OpenState, reduction: Reduction<Value>): OpenState {
  return {
    from: earlier.from,
    to: later.to,
    events: earlier.events + later.events,
    held: reduction.merge(earlier.held, later.held),
  };
}

function closedAt(
  document: WindowDocument,
  at: number,
  isOver: (window: OpenState, time: number) => boolean,
): OpenState[] {
  const time = advance(document, at);
  const over = document.open.filter((it) => isOver(it, time));
  if (over.length > 0) document.open = document.open.filter((it) => !over.includes(it));
  return over;
}

function ordered(windows: OpenState[]): OpenState[] {
  return windows.sort((a, b) => Date.parse(a.from) - Date.parse(b.from));
}
