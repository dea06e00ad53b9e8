import { deriveId } from '@backstory/core';
import type { StateEntry } from '@backstory/core/state';
import { readFormat } from '@backstory/core/store';
import { partitionName, partitionOf } from './key-partition.js';
import type { Mark } from './mark.js';

/** Events of a key that somebody decided to leave out: they count as dealt with and were not handled. */
export interface LeftOut {
  readonly action: 'skip' | 'discard';
  readonly key: string;
  /** The event that had failed. */
  readonly eventId: string;
  /** Every event of the key from here to `upTo`. */
  readonly from: number;
  readonly upTo: number;
  readonly actor: string;
  readonly at: string;
  readonly reason?: string;
  /** Marks of what had been done `once` before it failed. */
  readonly done: readonly string[];
}

const FORMAT = 'backstory.left-out/1';

export function writeLeftOut(leftOut: LeftOut): string {
  return JSON.stringify({ format: FORMAT, ...leftOut });
}

/** @throws UnknownFormat */
export function readLeftOut(text: string): LeftOut {
  return readFormat<LeftOut>(text, FORMAT);
}

/** What is still left out when an event has been handled after all. From `clear` on nothing was before it. */
export function without(leftOut: LeftOut, position: number, clear: number): readonly LeftOut[] {
  const before = leftOut.from < clear ? [{ ...leftOut, upTo: position - 1 }] : [];
  const parts = [...before, { ...leftOut, from: position + 1 }];
  return parts.filter(({ from, upTo }) => from <= upTo);
}

/** The same, with those of these marks that are of its events. */
export function withDone(leftOut: LeftOut, marks: readonly Mark[]): LeftOut {
  const { key, from, upTo } = leftOut;
  const own = marks.filter((it) => it.key === key && from <= it.position && it.position <= upTo);
  return { ...leftOut, done: [...new Set([...leftOut.done, ...own.map(({ at }) => at)])] };
}

/** Rows of what was left out, with those of these marks that are of its events. */
export function completed(rows: readonly StateEntry[], marks: readonly Mark[]): readonly StateEntry[] {
  const ofKey = new Map<string, Mark[]>();
  for (const mark of marks) ofKey.set(mark.key, [...(ofKey.get(mark.key) ?? []), mark]);
  return rows.map(({ key, value }) => {
    const leftOut = readLeftOut(value);
    return { key, value: writeLeftOut(withDone(leftOut, ofKey.get(leftOut.key) ?? [])) };
  });
}

/** Where it is stored: those of one key together. */
export function leftOutAt({ key, from }: Pick<LeftOut, 'key' | 'from'>): string {
  return `${leftOutOf(key)}${String(from).padStart(16, '0')}`;
}

/** What those of its key begin with. */
export function leftOutIn(at: string): string {
  return at.slice(0, at.lastIndexOf('/') + 1);
}

/** What those of one key begin with: keys may contain anything, so it is not the key itself. */
export function leftOutOf(key: string): string {
  return `${partitionName(partitionOf(key))}/${deriveId('key', key)}/`;
}
