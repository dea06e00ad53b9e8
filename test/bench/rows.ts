import { readdirSync } from 'node:fs';
import path from 'node:path';
import type { Row } from './row.js';

/** The rows of the benchmark: each file in `rows` is one. */
export async function rows(): Promise<readonly Row[]> {
  const folder = path.join(__dirname, 'rows');
  const files = readdirSync(folder).filter((file) => file.endsWith('.ts'));
  return Promise.all(files.sort().map((file) => rowIn(path.join(folder, file))));
}

async function rowIn(file: string): Promise<Row> {
  const { row } = (await import(file)) as { readonly row: Row };
  const name = path.basename(file, '.ts');
  if (row.name !== name)
    throw new Error(`${file} exports the row "${row.name}": name the file after its row.`);
  return row;
}
