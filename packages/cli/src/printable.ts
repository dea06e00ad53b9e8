/**
 * Text of others made safe to show: what could move the cursor, colour, hide or reorder what a terminal shows is written
 * out as `\u001b`.
 */
export function printable(text: string): string {
  return text.replace(UNSAFE, escape);
}

/** JSON text with the same characters written as JSON escapes. They can only stand inside strings, so it stays the same JSON. */
export function jsonText(value: unknown, indent?: number): string {
  return JSON.stringify(value, undefined, indent).replace(UNSAFE_IN_JSON, escape);
}

/** At most `width` characters, with an ellipsis in place of what does not fit. */
export function cut(text: string, width: number): string {
  if (text.length <= width) return text;
  const characters = [...text];
  if (characters.length <= width) return text;
  return `${characters.slice(0, Math.max(0, width - 1)).join('')}…`;
}

// Controls, directional formatting, line and paragraph separators, halves of characters.
// eslint-disable-next-line no-control-regex -- control characters are what is looked for
const UNSAFE = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]|\p{Surrogate}/gu;
const UNSAFE_IN_JSON = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
