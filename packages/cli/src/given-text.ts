import { readFileSync } from 'node:fs';
import path from 'node:path';
import { unreadableFile } from './unreadable-file.js';
import type { VerbCall } from './verb.js';

/** The text of an option, or with `@<file>` that of a file. @throws UsageError */
export function givenText(option: string, text: string, { cwd }: VerbCall['io']): string {
  if (!text.startsWith('@')) return text;
  try {
    return readFileSync(path.resolve(cwd, text.slice(1)), 'utf8');
  } catch (cause) {
    throw unreadableFile(`${option} ${text}`, cause);
  }
}
