import { inspect } from 'node:util';

/** A value that somebody gave, for an error: whatever it is, in a line that is not long. */
export function shown(value: unknown): string {
  const text = typeof value === 'string' ? JSON.stringify(value.slice(0, MOST)) : inspected(value);
  const isCut = text.length > MOST || (typeof value === 'string' && value.length > MOST);
  return isCut ? `${cut(text, MOST)}…` : text;
}

/** A path that somebody gave, as it is written unless it is long. */
export function shownPath(path: string): string {
  return path.length <= MOST ? path : `${cut(path, MOST)}…`;
}

/** What an error says; of what is thrown and is none, what it is. Never throws, whatever that does when it is looked at. */
export function messageOf(error: unknown): string {
  try {
    const said: unknown = error instanceof Error ? error.message : error;
    return typeof said === 'string' ? said : shown(said);
  } catch {
    return shown(error);
  }
}

/** The beginning of a text. Never ends in half a character. */
export function cut(text: string, most: number): string {
  return text.length <= most ? text : text.slice(0, most).replace(/[\ud800-\udbff]$/, '');
}

/** Text that any state store accepts, cut where it is long. */
export function storable(text: string, most: number): string {
  return text.slice(0, most).toWellFormed().replaceAll('\0', '');
}

/** It may run code of whoever made the value. */
function inspected(value: unknown): string {
  try {
    return inspect(value, BRIEFLY);
  } catch {
    return `something that cannot be shown (${typeof value})`;
  }
}

const MOST = 100;
const BRIEFLY = { depth: 0, breakLength: Infinity, maxArrayLength: 3, maxStringLength: MOST };
