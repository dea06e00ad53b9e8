import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { blocksOf, type Block, type Language } from './blocks';

export const root = path.join(__dirname, '..', '..');
export const read = (file: string): string => fs.readFileSync(path.join(root, file), 'utf8');

/** Files of the repository, also those that are not committed yet. */
export function tracked(...patterns: readonly string[]): readonly string[] {
  const list = ['ls-files', '--cached', '--others', '--exclude-standard', '--', ...patterns];
  const files = execFileSync('git', list, { cwd: root, encoding: 'utf8' }).split('\n');
  return files.filter((file) => file !== '' && fs.existsSync(path.join(root, file))).sort();
}

/** Not that of a new project: what it says is tried in one (`npm run test:faults`). */
export const DOCUMENTS = tracked('*.md').filter((file) => !file.startsWith('packages/cli/template/'));
/** What is written by hand. `docs/reference` is generated, and a test of its own says that it is what is generated. */
export const WRITTEN = DOCUMENTS.filter((file) => !file.startsWith('docs/reference/'));

export interface Found {
  readonly file: string;
  readonly block: Block;
  /** `README.md:20` */
  readonly at: string;
}

/** The blocks of these languages, in the order in which they are read. */
export function found(...languages: readonly Language[]): readonly Found[] {
  return WRITTEN.flatMap((file) =>
    blocksIn(file).map((block) => ({ file, block, at: `${file}:${block.line}` })),
  ).filter(({ block }) => languages.includes(block.language));
}

function blocksIn(file: string): readonly Block[] {
  try {
    return blocksOf(read(file));
  } catch (error) {
    throw new Error(`${file}: ${(error as Error).message}`, { cause: error });
  }
}
