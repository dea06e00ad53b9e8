import path from 'node:path';
import { requireFree, writeNew } from '../init/new-files.js';
import { npm } from '../init/npm.js';
import { packageSource } from '../init/packages.js';
import { projectName } from '../init/project-name.js';
import { requireStore } from '../init/project-store.js';
import { filesFor, packagesOfTemplate, templateFiles } from '../init/template.js';
import { sqliteFile } from '../named-storage.js';
import type { Paper } from '../paper.js';
import { shellWord } from '../shell-word.js';
import type { Verb, VerbCall } from '../verb.js';

interface Options {
  readonly name?: string;
  /** `false` with --no-install. */
  readonly install: boolean;
}

export const verb: Verb = {
  arguments: [
    { name: '[folder]', description: 'the new folder; default: this one, if it is empty', names: 'folder' },
  ],
  options: [
    { flags: '--name <name>', description: "the package's name; default: that of the folder" },
    { flags: '--no-install', description: 'leave npm install to you' },
  ],
  notes:
    'It writes an account, its test, a program and a configuration, and installs what\n' +
    'they need. --store says where the application will keep its log; the path is\n' +
    'relative to the project (default: sqlite:<name>.db). Nothing is ever overwritten.',
  examples: [
    ['backstory init bank', 'a project in ./bank that tests, runs and explains itself'],
    ['backstory init bank --store sqlite:data/log.db --no-install', 'the files alone, another store'],
  ],
  async run(call) {
    const made = await make(call);
    await call.report.answer(made, (paper) => madeLines(made, call, paper));
  },
};

interface Made {
  readonly folder: string;
  readonly name: string;
  readonly store: string;
  readonly files: readonly string[];
  readonly installed: boolean;
}

async function make({ arguments: [given], options, io, report }: VerbCall): Promise<Made> {
  const { name: named, install } = options as unknown as Options;
  const folder = path.resolve(io.cwd, (given as string | undefined) ?? '.');
  const name = projectName(folder, named);
  const store = options.store === undefined ? `${path.basename(name)}.db` : sqliteFile(options.store);
  requireStore(store, folder, templateFiles());
  requireFree(folder);
  const source = await packageSource(packagesOfTemplate(), io);
  const files = filesFor({ name, store, source });
  writeNew(folder, files);
  if (install) {
    await report.note('Installing what it needs (npm install) …');
    const next = `The project is written: once the reason is gone, run npm install in ${folder}.`;
    await npm(['install', '--no-audit', '--no-fund', '--loglevel=error'], { folder, next, io });
  }
  return { folder, name, store, files: [...files.keys()], installed: install };
}

function* madeLines({ folder, files, installed }: Made, { io }: VerbCall, paper: Paper): Generator<string> {
  const where = path.relative(io.cwd, folder);
  yield `A new project is in ${paper.name(folder)}`;
  yield '';
  for (const file of files.filter((it) => !isVendored(it))) yield `  ${file}`;
  const vendored = files.filter(isVendored).length;
  if (vendored > 0)
    yield `  vendor/  (${vendored} packages of Backstory as built in this clone; see README.md)`;
  yield '';
  yield 'Next:';
  if (where !== '') yield paper.plain(`  cd ${shellWord(where)}`);
  if (!installed) yield '  npm install';
  for (const line of NEXT) yield `  ${line}`;
}

function isVendored(file: string): boolean {
  return file.startsWith('vendor/');
}

const NEXT = [
  'npm test                         # the account refuses what it should',
  'npm start                        # records two events',
  'npx backstory state account-42   # and explains them',
];
