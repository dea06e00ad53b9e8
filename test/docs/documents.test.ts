import fs from 'node:fs';
import path from 'node:path';
import { commandsOf } from './blocks';
import { DOCUMENTS, WRITTEN, found, read, root, tracked } from './corpus';
import { brokenLinks, linkedFrom } from './links';
import { examplesIn, runByTests, standsIn, standsInUnformatted } from './programs';

describe('the programs in the documents', () => {
  const files = tracked('examples/*.ts', 'test/*.ts');
  const typed = found('sh').flatMap(({ block }) => commandsOf(block).join(' ').split(' '));
  const run = [
    ...runByTests(files.map((file) => path.join(root, file))),
    ...files.filter((file) => typed.includes(path.basename(file))).map((file) => path.join(root, file)),
  ].map((file) => fs.readFileSync(file, 'utf8'));

  test.each(found('ts').map((it) => [it.at, it.block.text]))(
    'the program at %s stands in code that tests run',
    (_, text) => expect(run.some((program) => standsIn(program, text))).toBe(true),
  );

  const examples = tracked('packages/*/src/*.ts').flatMap((file) =>
    examplesIn(read(file)).map((example) => [`${file}: ${example.split('\n')[0]}`, example] as const),
  );
  test.each(examples)('the example in a doc comment stands in code that tests run: %s', (_, example) =>
    expect(run.some((program) => standsInUnformatted(program, example))).toBe(true),
  );

  const data = tracked('examples/*.json', 'test/*.json', 'test/*.ts').map(read);
  test('every block of JSON stands in a file that tests use', () => {
    const missing = found('json').filter(({ block }) => !data.some((file) => standsIn(file, block.text)));
    expect(missing.map(({ at }) => at)).toEqual([]);
  });

  // Such a test reads the blocks from the document itself, with blocksUnder.
  test.each([...new Set(found('sql').map(({ file }) => file))])('the SQL of %s is run by a test', (file) =>
    expect(run.some((program) => program.includes(`blocksUnder('${file}'`))).toBe(true),
  );

  test.each(found('text', '').map((it) => [it.at, it.block.text]))(
    'what stands at %s is a picture, not code in disguise',
    (_, text) => expect(text).not.toMatch(/^\s*(\$ |npx |npm |import |export |const |await |@\w+\()/m),
  );
});

describe('the tables in the documents', () => {
  /** The rows of every table whose first column is called so: what stands as code in that column. */
  const rows = (file: string, heading: string) =>
    [
      ...read(file).matchAll(new RegExp(`^\\| ${heading} \\|.*\\n\\|[-| ]+\\n((?:\\|.*\\n?)+)`, 'gm')),
    ].flatMap(([, body]) =>
      body!
        .split('\n')
        .flatMap((row) =>
          [...(/^\| (.*?) \|/.exec(row)?.[1] ?? '').matchAll(/`([^`]+)`/g)].map(([, it]) => it!),
        ),
    );

  /** Tables of options and members, by document, and the interface in the reference that says which there are. */
  const INTERFACES: Readonly<Record<string, readonly [page: string, name: string]>> = {
    'docs/guides/aggregates.md': ['repository.md', 'UpdateOptions'],
    'docs/guides/testing.md': ['testing.md', 'EventStoreHarness'],
    'packages/backstory/README.md': ['backstory.md', 'BackstoryOptions'],
    'packages/postgres/README.md': ['postgres.md', 'PostgresOptions'],
    'packages/sqlite/README.md': ['sqlite.md', 'SqliteOptions'],
    'docs/guides/processes.md': ['process.md', 'ScheduleOptions'],
    'docs/guides/projections.md': ['projection.md', 'ProjectionOptions'],
  };
  const members = (file: string) => [...rows(file, 'option'), ...rows(file, 'member')].sort();

  test.each(WRITTEN.filter((file) => members(file).length > 0))(
    '%s names every option, and no other',
    (file) => {
      const [page, name] = INTERFACES[file] ?? ['', ''];
      expect(members(file)).toEqual([...propertiesOf(page, name)].sort());
    },
  );

  const exported = tracked('packages/*/api.txt').flatMap((file) =>
    [...read(file).matchAll(/^ {2}(\w+):/gm)].map(([, it]) => it!),
  );
  test.each(WRITTEN.filter((file) => rows(file, 'error').length > 0))(
    'every error that %s explains is exported',
    (file) => {
      expect(rows(file, 'error').filter((name) => !exported.includes(name))).toEqual([]);
    },
  );
});

describe('the command line in the documents', () => {
  const [overview = '', ...sections] = read('docs/reference/command-line.md').split(/^## backstory /m);
  const help = new Map(sections.map((text) => [/^\S+/.exec(text)![0], text]));

  const named = WRITTEN.flatMap((file) =>
    [...read(file).matchAll(/`(?:npx )?backstory ((?!--)[^`\n]+)`/g)].map(
      ([code, rest]) => [file, code, rest!] as const,
    ),
  );
  test.each(named)('%s: %s has the verb and the options', (_, __, rest) => {
    const [verb = '', ...words] = rest.split(' ');
    const text = help.get(verb) ?? (verb.startsWith('<') ? overview : undefined);
    const options = words.map((word) => word.split('=')[0]!).filter((word) => word.startsWith('--'));
    expect({ verb, isThere: text !== undefined }).toEqual({ verb, isThere: true });
    expect(options.filter((option) => !new RegExp(`${option}\\b`).test(text!))).toEqual([]);
  });
});

describe('the links in the documents', () => {
  test.each(DOCUMENTS)('every link in %s leads to a file, and to a heading there', (file) =>
    expect(brokenLinks(root, file)).toEqual([]),
  );

  test.each(fs.readdirSync(path.join(root, 'packages')))('the README names packages/%s', (name) =>
    expect(linkedFrom(root, 'README.md')).toContain(`packages/${name}`),
  );

  const examples = tracked('examples/*/backstory.config.ts').map((file) => path.dirname(file));
  test.each(examples)('the README names %s', (folder) =>
    expect(linkedFrom(root, 'README.md')).toContain(folder),
  );

  test('the index names every guide and every page of the reference', () => {
    const indexes = ['docs/README.md', 'docs/reference/README.md'].filter((file) => DOCUMENTS.includes(file));
    const named = indexes.flatMap((file) => linkedFrom(root, file));
    expect(
      tracked('docs/guides/*.md', 'docs/reference/*.md').filter((file) => !named.includes(file)),
    ).toEqual([]);
  });
});

/** Inherited ones, too, as the reference shows them. */
function propertiesOf(page: string, name: string): readonly string[] {
  const [, body] =
    new RegExp(`^interface ${name} \\{\n([\\s\\S]*?)\n\\}$`, 'm').exec(read(`docs/reference/${page}`)) ?? [];
  if (body === undefined) throw new Error(`docs/reference/${page} has no interface ${name}.`);
  return [...body.matchAll(/^ {2}(?:readonly )?(\w+)\??[:(]/gm)].map(([, it]) => it!);
}
