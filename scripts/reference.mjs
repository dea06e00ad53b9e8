// Writes docs/reference: a page for each entry of the packages, one of all errors, one of the command line, and an index.
// Everything comes from what was built: the declarations with their doc comments, and the command's own help.
// `--check` writes nothing and fails when a page differs.
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { commandLinePage } from './reference/command-line.mjs';
import { readEntries } from './reference/entries.mjs';
import { entryPage, errorsPage, indexPage } from './reference/pages.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..');
const folder = path.join(root, 'docs', 'reference');
const check = process.argv.includes('--check');

const entries = readEntries(root);
const pages = new Map([
  ...entries.map((entry) => [entry.page, entryPage(entry)]),
  ['command-line.md', commandLinePage(root)],
  ['errors.md', errorsPage(entries)],
  ['README.md', indexPage(entries)],
]);

fs.mkdirSync(folder, { recursive: true });
const stale = fs.readdirSync(folder).filter((file) => !pages.has(file));
const changed = [...pages].filter(([file, text]) => read(path.join(folder, file)) !== text);
if (check) {
  for (const file of [...stale, ...changed.map(([it]) => it)]) {
    console.error(
      `docs/reference/${file} is not what was built says: run \`npm run reference\` and commit the change.`,
    );
    process.exitCode = 1;
  }
} else {
  for (const file of stale) fs.rmSync(path.join(folder, file));
  for (const [file, text] of changed) fs.writeFileSync(path.join(folder, file), text);
}

function read(file) {
  return fs.existsSync(file) ? fs.readFileSync(file, 'utf8') : undefined;
}
