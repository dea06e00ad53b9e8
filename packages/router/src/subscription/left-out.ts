import { deriveId } from '@backstory/core';
import { readFormat } from '@backstory/core/store';
import { partitionName, partitionOf } from './key-partition.js';

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

/** What is still left out when an event has been handled after all. */
export function without(leftOut: LeftOut, position: number): readonly LeftOut[] {
  const parts = [
    { ...leftOut, upTo: position - 1 },
    { ...leftOut, from: position + 1 },
  ];
  return parts.filter(({ from, upTo }) => from <= upTo);
}

/** Where it is stored: those of one key together. */
export function leftOutAt({ key, from }: Pick<LeftOut, 'key' | 'from'>): string {
  return `${leftOutOf(key)}${String(from).padStart(16, '0')}`;
}

/** What those of one key begin with: keys may contain anything, so it is not the key itself. */
export function leftOutOf(key: string): string {
  return `${partitionName(partitionOf(key))}/${deriveId('key', key)}/`;
}
