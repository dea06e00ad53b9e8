import { readFileSync } from 'node:fs';
import path from 'node:path';
import { UsageError } from './errors.js';
import type { VerbCall } from './verb.js';

/** The text of an option, or with `@<file>` that of a file. @throws UsageError */
export function givenText(option: string, text: string, { cwd }: VerbCall['io']): string {
  if (!text.startsWith('@')) return text;
  try {
    return readFileSync(path.resolve(cwd, text.slice(1)), 'utf8');
  } catch {
    throw new UsageError('unreadable-file', `${option} ${text}: the file cannot be read.`);
  }
}
