import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { defineBackstory, sqlite } from 'backstory';
import { Fine } from '../../examples/fines/src/fine';
import { importFines } from '../../examples/fines/src/import-fines';
import { blocksOf, exchangesOf, settled, type Block } from './blocks';

const root = path.join(__dirname, '..', '..');
const read = (file: string) => fs.readFileSync(path.join(root, file), 'utf8');
const tracked = (...patterns: string[]) =>
  execFileSync('git', ['ls-files', '--', ...patterns], { cwd: root, encoding: 'utf8' })
    .split('\n')
    .filter(Boolean);

const DOCUMENTS = tracked('*.md').filter((file) => file !== 'CONTRIBUTING.md');
const found = (language: string) =>
  DOCUMENTS.flatMap((file) => blocksOf(read(file)).map((block) => ({ file, block }))).filter(
    ({ block }) => block.language === language,
  );
const place = ({ file, block }: { file: string; block: Block }) => `${file}:${block.line}`;

describe('the documents', () => {
  const programs = tracked('examples/*.ts', 'test/*.ts').map((file) => read(file));
  test.each(found('ts').map((it) => [place(it), it.block.text]))(
    'the program at %s stands in code that tests run',
    (_, text) => {
      expect(programs.some((program) => program.includes(text))).toBe(true);
    },
  );

  const packages = fs.readdirSync(path.join(root, 'packages'));
  test.each(packages)('the README names packages/%s', (name) => {
    expect(read('README.md')).toContain(`(packages/${name})`);
  });

  test.each(DOCUMENTS)('every link to a file in %s leads somewhere', (file) => {
    const links = [...read(file).matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)].map(([, target]) => target!);
    const broken = links.filter((target) => !fs.existsSync(path.join(root, path.dirname(file), target)));
    expect(broken).toEqual([]);
  });
});

describe('the transcripts', () => {
  let folder: string;
  beforeAll(async () => {
    folder = fs.mkdtempSync(path.join(os.tmpdir(), 'transcripts-'));
    const store = sqlite(path.join(folder, 'fines.db'));
    await defineBackstory({ name: 'fines', store, aggregates: [Fine] }).run((app) => importFines(app));
  });
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  const exchanges = found('console').flatMap((it) =>
    exchangesOf(it.block).map((exchange) => ({ ...exchange, at: place(it) })),
  );

  test('are there', () => expect(exchanges.length).toBeGreaterThanOrEqual(3));

  test.each(exchanges.map(({ at, command, answer }) => [at, command, answer]))(
    '%s: %s',
    (_, command, answer) => {
      expect(command).toMatch(/^npx backstory /);
      const store = `sqlite:${path.join(folder, 'fines.db')}`;
      const argv = [...command.split(' ').slice(2), '--store', store];
      const bin = path.join(root, 'packages', 'cli', 'bin', 'backstory.js');
      const said = execFileSync(process.execPath, [bin, ...argv], {
        cwd: path.join(root, 'examples', 'fines'),
        encoding: 'utf8',
      });
      expect(settled(said)).toBe(settled(answer));
    },
  );
});
