import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { blocksOf, commandsOf, exchangesOf, settled } from './blocks';
import { anchorsOf, brokenLinks } from './links';
import { examplesIn, runByTests, standsIn, standsInUnformatted } from './programs';

describe('a block that nobody would check is refused', () => {
  test.each([
    ['of another language', '```yaml\na: 1\n```'],
    ['indented', '- see\n\n  ```ts\n  1;\n  ```'],
    ['quoted', '> ```ts\n> 1;\n> ```'],
    ['of tildes', '~~~ts\n1;\n~~~'],
    ['of four backticks', '````ts\n1;\n````'],
    ['with more after its language', '```ts title="a.ts"\n1;\n```'],
  ])('%s', (_, text) => expect(() => blocksOf(text)).toThrow(/opens no block that is checked/));

  test('never closed', () =>
    expect(() => blocksOf('```ts\n1;')).toThrow('The block at line 1 is not closed.'));
  test('of code that is indented', () =>
    expect(() => blocksOf('```ts\n  a();\n  b();\n```')).toThrow('The ts block at line 2 is indented'));
  test('a console in which nothing is typed', () => {
    expect(() => exchangesOf(blocksOf('```console\nanswer\n```')[0]!)).toThrow('begins with no "$ "');
  });
});

describe('a program', () => {
  const program = 'test(() => {\n  const a = 1;\n\n  use(a);\n});\n';
  test('stands in another one line for line, at whatever depth', () => {
    expect(standsIn(program, 'const a = 1;\n\nuse(a);')).toBe(true);
    expect(standsIn(program, '  const a = 1;')).toBe(true);
  });
  test.each(['const a = 2;', 'a = 1;', 'const a = 1', 'use(a);\nconst a = 1;', '', '\n'])(
    'not as %j',
    (text) => expect(standsIn(program, text)).toBe(false),
  );

  test('in a doc comment stands in another, however it is broken into lines, but word for word', () => {
    const source = '/**\n * It adds.\n *\n * ```ts\n * add({ a: 1, b: 2 });\n * ```\n */\n  /** `no` */\n';
    const [example] = examplesIn(source);
    expect(examplesIn(source)).toEqual(['add({ a: 1, b: 2 });']);
    expect(standsInUnformatted('add({\n  a: 1,\n  b: 2,\n});', example!)).toBe(true);
    expect(standsInUnformatted('add({ a: 1, b: 3 });', example!)).toBe(false);
    expect(standsInUnformatted('anything', '')).toBe(false);
  });

  test('is run when a test imports it, also through another, or starts it', () => {
    const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'run-by-tests-'));
    const files = Object.entries({
      'a.test.ts': "import { b } from './b.js';\nspawn('w.worker.ts');",
      'b.ts': "import './c';",
      'c.ts': '',
      'w.worker.ts': "import { d } from './d';",
      'd.ts': '',
      'e.ts': "import './b';",
    }).map(([name, text]) => {
      fs.writeFileSync(path.join(folder, name), text);
      return path.join(folder, name);
    });
    const run = runByTests(files).map((file) => path.basename(file));
    fs.rmSync(folder, { recursive: true });
    expect(run.sort()).toEqual(['a.test.ts', 'b.ts', 'c.ts', 'd.ts', 'w.worker.ts']);
  });
});

describe('a link', () => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'links-'));
  afterAll(() => fs.rmSync(folder, { recursive: true }));

  test('is broken where its file or its heading is missing, and not in code', () => {
    fs.writeFileSync(
      path.join(folder, 'to.md'),
      '# What is `it`?\n\n## Twice\n\n## Twice\n\n```sh\n# No heading\n```\n',
    );
    const links = [
      'to.md',
      'to.md#what-is-it',
      'to.md#twice-1',
      '#here',
      'https://example.com/#x',
      'mailto:a@b.c',
    ];
    const broken = ['no.md', 'to.md#twice-2', 'to.md#no-heading', '#there'];
    const text = [...links, ...broken].map((to) => `[x](${to})`).join('\n');
    fs.writeFileSync(
      path.join(folder, 'from.md'),
      `# Here\n${text}\n\`[x](code.md)\`\n\`\`\`text\n[x](code.md)\n\`\`\`\n`,
    );
    expect(brokenLinks(folder, 'from.md')).toEqual(broken);
  });

  test('names a heading as GitHub does', () => {
    expect([...anchorsOf('# `load(id)`, and — [more](x.md)\n## 1 From a command\n')]).toEqual([
      'loadid-and--more',
      '1-from-a-command',
    ]);
  });
});

test('what a reader types is taken without comments, and what differs from run to run is not compared', () => {
  const [block] = blocksOf('```sh\n# first\ncd a   # there\nnpx b --c "#d"\n```');
  expect(commandsOf(block!)).toEqual(['cd a', 'npx b --c "#d"']);
  expect(settled('at 2026-11-20T17:33:44.380Z +0.004 s')).toBe('at <now> <gap>');
  expect(settled('at 2005-11-20T17:33:44.380Z')).toBe('at 2005-11-20T17:33:44.380Z');
});
