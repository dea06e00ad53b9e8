import { createHash } from 'node:crypto';
import { UnknownFormat, isWellFormed, readFormat } from '@backstory/core/store';
import { InvalidFind } from '../errors.js';

/** Where a page ended: in which generation, at which place, of which question. */
export interface Cursor {
  readonly generation: number;
  readonly last: string;
}

const FORMAT = 'backstory.cursor/1';

/** Opaque text, safe in URLs. */
export function writeCursor({ generation, last, asked }: Cursor & { readonly asked: string }): string {
  const fields = { format: FORMAT, generation, last, asked: digest(asked) };
  return Buffer.from(JSON.stringify(fields)).toString('base64url');
}

/** @throws InvalidFind where it is none, or belongs to another question */
export function readCursor(projection: string, text: string, asked: string): Cursor {
  const refuse = (problem: string): never => {
    throw new InvalidFind(projection, 'after', problem);
  };
  const read = parse(text) ?? refuse('is no cursor: give the `next` of the page before.');
  if (read.asked !== digest(asked))
    refuse('is of another question: ask the same projection, with the same where and orderBy.');
  return read;
}

function parse(text: unknown): (Cursor & { readonly asked: string }) | undefined {
  if (typeof text !== 'string') return undefined;
  try {
    const json = Buffer.from(text, 'base64url').toString('utf8');
    const read = readFormat<Cursor & { readonly asked: string }>(json, FORMAT);
    const { generation, last } = read;
    const isPlace = typeof last === 'string' && isWellFormed(last) && !last.includes('\0');
    return Number.isSafeInteger(generation) && isPlace ? read : undefined;
  } catch (error) {
    if (error instanceof UnknownFormat) return undefined;
    throw error;
  }
}

function digest(asked: string): string {
  return createHash('sha256').update(asked).digest('base64url').slice(0, 12);
}
