import { encodeValue } from '@backstory/events/codec';
import type { Reduction } from './reduction.js';
import type { CountShape, LastShape } from './shapes.js';
import { addTo, advance, begun, type Arrival } from './time-windows.js';
import { instantText, type LastValues, type OpenState, type WindowDocument } from './window-document.js';

/** Puts a value into the window that is being filled, and gives that window when it is full. */
export function takeByCount<Value>(
  { count }: CountShape,
  document: WindowDocument,
  { at, value }: Arrival<Value>,
  reduction: Reduction<Value>,
): OpenState[] {
  advance(document, at);
  if (value === undefined || value === null) return [];
  const window = (document.open[0] ??= begun(at, at, reduction));
  if (at < Date.parse(window.from)) window.from = instantText(at);
  if (at > Date.parse(window.to)) window.to = instantText(at);
  addTo(window, value, reduction);
  return window.events < count ? [] : document.open.splice(0);
}

/** Remembers a value in place of the oldest one, and gives the window when it is to be told. */
export function takeByLast<Value>(
  { count, every, everyMs }: LastShape,
  document: WindowDocument,
  { at, value }: Arrival<Value>,
  reduction: Reduction<Value>,
): OpenState[] {
  const time = advance(document, at);
  if (value !== undefined && value !== null) {
    const last = (document.last ??= { told: instantText(time), seen: 0, values: [] });
    last.seen++;
    last.values.push([instantText(at), encodeValue(value, 'the value')]);
    if (last.values.length > count) last.values.shift();
  }
  const { last } = document;
  if (!last) return [];
  const isNew = value !== undefined && value !== null;
  const isDue =
    everyMs === undefined ? isNew && last.seen % every! === 0 : time - Date.parse(last.told) >= everyMs;
  if (!isDue) return [];
  last.told = instantText(time);
  return [lastWindow(last, reduction)];
}

/** The last values as a window. */
export function lastWindow<Value>({ values }: LastValues, reduction: Reduction<Value>): OpenState {
  const times = values.map(([at]) => Date.parse(at));
  const window = begun(Math.min(...times), Math.max(...times), reduction);
  for (const [, value] of values) addTo(window, value as Value, reduction);
  return window;
}
