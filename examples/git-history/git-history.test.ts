import { execFileSync } from 'node:child_process';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { defineBackstory, sqlite, type App, type RecordedEvent } from 'backstory';
import definition from './backstory.config';
import { compareWithGit, listed, listedByGit } from './ls-tree';
import { ScratchRepository, type Put } from './scratch-repository';
import { Branch } from './src/branch';
import type { Committed, Rewound } from './src/branch-events';
import { FilesChanged } from './src/branch-events';
import { Git, GitFailed } from './src/git';
import { NoSuchBranch, OtherHistory, importBranch } from './src/import-branch';
import { readCommits } from './src/read-commits';

let folder: string;
let app: App;

beforeAll(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'git-history-'));
  const store = sqlite(path.join(folder, 'history.db'));
  app = await defineBackstory({ name: 'git-history', store, aggregates: definition.aggregates }).start();
});
afterAll(async () => {
  await app.close();
  await fs.rm(folder, { recursive: true });
});

let made = 0;
const place = () => path.join(folder, `repository-${++made}.git`);
const scratch = (format?: 'sha256') => new ScratchRepository(place(), format);
const clone = (from: string, ...options: string[]) => {
  const to = place();
  execFileSync('git', ['clone', '--quiet', '--bare', ...options, pathToFileURL(from).href, to], {
    stdio: 'pipe',
  });
  return to;
};
const head = async () => (await app.events.identity()).head;
const load = (stream: string, atVersion: number) =>
  app.repository(Branch).load(stream.replace('branch-', ''), { atVersion });

async function eventsOf(stream: string): Promise<RecordedEvent<Committed | Rewound | FilesChanged>[]> {
  const found: RecordedEvent<object>[] = [];
  for await (const event of app.repository(Branch).eventsSince(stream.replace('branch-', '')))
    found.push(event);
  return found as RecordedEvent<Committed | Rewound | FilesChanged>[];
}

/** Imports a branch and asks git at every version. */
async function checked(repository: string, options: { branch?: string; as?: string; atMost?: number } = {}) {
  const imported = await importBranch(app, repository, options);
  const commits: string[] = [];
  for await (const { version, commit, folded, git } of compareWithGit(app, imported.stream, {
    folder: repository,
    ...options,
  })) {
    expect([version, commit, folded.toString('latin1')]).toEqual([version, commit, git.toString('latin1')]);
    commits.push(commit);
  }
  return { ...imported, checked: commits };
}

describe('this repository', () => {
  test('is at each commit what git ls-tree says it is', async () => {
    const repository = path.resolve(__dirname, '..', '..');
    const { checked: commits, head: tip } = await checked(repository, {
      as: 'this',
      branch: 'HEAD',
      atMost: 150,
    });
    expect(commits.at(-1)).toBe(tip);
    const all = execFileSync('git', ['rev-list', '--first-parent', 'HEAD'], {
      cwd: repository,
      encoding: 'utf8',
    });
    expect(commits.length).toBeGreaterThanOrEqual(Math.min(150, all.trim().split('\n').length));
  });
});

describe('a repository is at each commit what git ls-tree says it is, also one', () => {
  test('with names of all kinds, links, programs and other repositories inside it', async () => {
    const it = scratch();
    const link = { mode: '120000', content: 'a b' };
    const program = { mode: '100755', content: '#!/bin/sh' };
    const other = (digit: string) => ({ mode: '160000', object: digit.repeat(40) });
    const names = [
      'a b',
      ' ',
      'two\nlines',
      'tab\t',
      '"quoted"',
      '"',
      'back\\slash',
      "it's",
      'ünï',
      '日本',
      '\ufeff',
      '-rf',
    ];
    const inherited = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'x/__proto__', '7', '10'];
    const bytes = [Buffer.from('caf\xe9', 'latin1'), Buffer.from([0xff, 0x22, 0xfe]), Buffer.from('"\\351"')];
    const all = [...names, ...inherited, ...bytes];
    it.commit('all of them', { files: all.map((name) => [name, 'one'] as const) });
    it.commit('changed', { files: all.map((name, i) => [name, `${i}`] as const) });
    it.commit('links and the like', {
      files: [
        ['link', link],
        ['run', program],
        ['sub', other('1')],
      ],
    });
    it.commit('other modes', {
      files: [
        ['link', 'a b'],
        ['run', '#!/bin/sh'],
        ['sub', other('2')],
      ],
    });
    it.commit('other types', {
      files: [
        ['link', other('3')],
        ['run', link],
        ['sub', program],
      ],
    });
    it.commit('a folder for a file', {
      files: [
        ['run', null],
        ['run/it', 'x'],
        ['run.sh', 'y'],
        ['run-', 'z'],
      ],
    });
    it.commit('without half', { files: all.filter((_, i) => i % 2).map((name) => [name, null] as const) });
    it.commit('without any', {
      files: [...all, 'link', 'sub', 'run/it', 'run.sh', 'run-'].map((name) => [name, null] as const),
    });
    it.commit('nothing changed');
    const { stream, checked: commits } = await checked(it.folder);
    expect(commits).toHaveLength(9);
    const changes = (version: number) => eventsOf(stream).then((events) => events[version - 1]!.data.changes);
    expect(await changes(4)).toMatchObject([
      { path: 'link', how: 'type changed' },
      { path: 'run', how: 'mode changed', entry: expect.stringMatching(/^100644 blob /) as string },
      { path: 'sub', how: 'modified', entry: `160000 commit ${'2'.repeat(40)}` },
    ]);
    expect(await changes(9)).toEqual([]);
    expect((await load(stream, 1)).files).toMatchObject({ '"caf\\351"': expect.any(String) as string });
  });

  test('with submodules that its settings ask git not to look at', async () => {
    const it = scratch();
    const modules = '[submodule "sub"]\n\tpath = sub\n\turl = ./sub\n\tignore = all\n';
    const at = (digit: string): readonly [string, Put] => [
      'sub',
      { mode: '160000', object: digit.repeat(40) },
    ];
    it.commit('one', { files: [['.gitmodules', modules], at('1')] });
    it.commit('two', { files: [at('2')] });
    const settings = ['diff.ignoreSubmodules=all', 'diff.renames=copies', 'log.showRoot=false'];
    const options = settings.flatMap((setting) => ['--config', setting]);
    // Only where there are files to look at does git read .gitmodules.
    expect((await checked(clone(it.folder, '--no-bare', ...options))).checked).toHaveLength(2);
  });

  test('with merges, which are one step that brings all that was merged', async () => {
    const it = scratch();
    const root = it.commit('root', { files: [['base', '1']] });
    const side = it.commit('side', { branch: 'side', parents: [root], files: [['side', '1']] });
    const main = it.commit('main', {
      files: [
        ['main', '1'],
        ['base', '2'],
      ],
    });
    // A criss-cross: each line merges what the other was before.
    const merged = it.commit('main merges side', { parents: [main, side], files: [['side', '1']] });
    it.commit('side merges main', {
      branch: 'side',
      parents: [side, main],
      files: [
        ['main', '1'],
        ['base', '2'],
      ],
    });
    it.commit('more', { branch: 'side', files: [['side', '2']] });
    const other = it.git('rev-parse', 'side');
    const evil = it.commit('a merge that is like neither', {
      parents: [merged, other],
      files: [
        ['evil', '1'],
        ['main', null],
      ],
    });
    const octopus = it.commit('of three', { parents: [evil, other, side], files: [['base', null]] });
    const two = it.commit('a second root', { branch: 'two', parents: [], files: [['two', '1']] });
    it.commit('joins it', { parents: [octopus, two], files: [['two', '1']] });
    const { stream, checked: commits } = await checked(it.folder);
    expect(commits).toHaveLength(6);
    expect(await eventsOf(stream)).toMatchObject([
      { data: { subject: 'root', parents: [] }, metadata: { command: 'commit' } },
      { data: { subject: 'main' } },
      {
        data: { parents: [main, side], changes: [{ path: 'side', how: 'added' }] },
        metadata: { command: 'merge' },
      },
      { data: { subject: 'a merge that is like neither' } },
      { data: { parents: [evil, other, side] } },
      { data: { subject: 'joins it' } },
    ]);
    expect((await checked(it.folder, { branch: 'side' })).checked).toHaveLength(4);
  });

  test('with SHA-256', async () => {
    const it = scratch('sha256');
    it.commit('one', { files: [['a', '1']] });
    it.commit('two', {
      files: [
        ['a', '2'],
        ['b', '1'],
      ],
    });
    const { head: tip } = await checked(it.folder);
    expect(tip).toMatch(/^[0-9a-f]{64}$/);
  });

  test('of which only the latest commits are there', async () => {
    const it = scratch();
    for (let i = 1; i <= 5; i++) it.commit(`${i}`, { files: [[`file-${i}`, `${i}`]] });
    const shallow = clone(it.folder, '--depth=2');
    const { stream, checked: commits } = await checked(shallow);
    expect(commits).toHaveLength(2);
    expect((await eventsOf(stream))[0]!.data.changes).toHaveLength(4);
    it.commit('6', { files: [['file-6', '6']] });
    execFileSync('git', ['fetch', '--quiet', 'origin', '+main:main'], { cwd: shallow, stdio: 'pipe' });
    expect(await checked(shallow)).toMatchObject({ commits: 1, stream });
    // The whole repository goes on where the part of it ended.
    it.commit('7', { files: [['file-7', '7']] });
    const as = stream.replace(/^branch-|\/main$/g, '');
    expect(await checked(it.folder, { as })).toMatchObject({ commits: 1, stream });
    expect(await eventsOf(stream)).toHaveLength(4);
  });

  test('whose settings replace a commit by another', async () => {
    const it = scratch();
    const one = it.commit('one', { files: [['a', '1']] });
    it.commit('two', { files: [['a', '2']] });
    it.git('replace', one, it.commit('else', { branch: 'else', parents: [], files: [['a', '9']] }));
    const { stream } = await checked(it.folder);
    expect((await eventsOf(stream))[0]!.data).toMatchObject({ commit: one, subject: 'one' });
  });

  test('with a commit too big for one event, which is still one append', async () => {
    const it = scratch();
    it.commit('first', { files: [['README', '1']] });
    const object = it.blob('x');
    const long = (i: number): readonly [string, Put] => [
      `${'dir/'.repeat(50)}${i}`,
      { mode: '100644', object },
    ];
    it.commit('big', { files: Array.from({ length: 4_000 }, (_, i) => long(i)) });
    it.commit('last', { files: [['README', null]] });
    const { stream, commits, checked: at } = await checked(it.folder);
    expect([commits, at.length]).toEqual([3, 3]);
    const events = await eventsOf(stream);
    expect(events.length).toBeGreaterThan(4);
    expect(events.slice(1, -2).every(({ data }) => data instanceof FilesChanged)).toBe(true);
    expect(events.at(-2)!.data).toMatchObject({ subject: 'big' });
  });
});

describe('what a commit says of itself', () => {
  test('is kept: who, when, what for, what before it', async () => {
    const it = scratch();
    const at = Date.UTC(2005, 3, 7, 22, 13, 13) / 1_000;
    const one = it.commit('Initial revision\n\nof "git", the information manager', {
      author: 'Linus \u{1f427}',
      at,
    });
    const [event] = await eventsOf((await importBranch(app, it.folder)).stream);
    expect(event).toMatchObject({
      type: 'branch.committed',
      data: {
        commit: one,
        parents: [],
        subject: 'Initial revision',
        committer: 'Ben <ben@example.com>',
        committedAt: new Date(at * 1_000),
      },
      metadata: {
        actor: expect.stringMatching(/^Linus \u{1f427} </u) as string,
        occurredAt: '2005-04-07T22:13:13.000Z',
        correlationId: one,
        origin: `git:${one}`,
        command: 'commit',
      },
    });
  });

  test('is read in the encoding that the commit names, whatever git is asked to print', async () => {
    const it = scratch();
    it.git('config', 'i18n.commitEncoding', 'ISO-8859-1');
    it.git('config', 'i18n.logOutputEncoding', 'ISO-8859-1');
    const commit = it.git('commit-tree', it.git('write-tree'), { input: Buffer.from('caf\xe9', 'latin1') });
    it.move('main', commit);
    const [event] = await eventsOf((await importBranch(app, it.folder)).stream);
    expect(event!.data).toMatchObject({ commit, subject: 'café' });
  });

  test('is cut where it is too long to be kept', async () => {
    const it = scratch();
    it.commit('one', { author: 'A'.repeat(100_000) });
    it.commit(`${'s'.repeat(1_022)}\u{1f427}${'s'.repeat(2_000_000)}`);
    it.commit('s'.repeat(1_024));
    const { stream, commits } = await checked(it.folder);
    expect(commits).toBe(3);
    const [one, two, three] = await eventsOf(stream);
    expect(one).toMatchObject({
      data: { author: `${'A'.repeat(1_023)}…` },
      metadata: { actor: `${'A'.repeat(1_023)}…` },
    });
    expect(two!.data).toMatchObject({ subject: `${'s'.repeat(1_022)}…` });
    expect(three!.data).toMatchObject({ subject: 's'.repeat(1_024) });
  });

  test('may be no text, of no time and of nobody', async () => {
    const it = scratch();
    const tree = it.git('write-tree');
    const odd = (date: string, name: string) =>
      Buffer.from(
        `tree ${tree}\nauthor ${name} ${date} +0000\ncommitter ${name} ${date} +0000\n\nca\xff\x1ee\n`,
        'latin1',
      );
    const add = (object: Buffer, ...parents: string[]) => {
      const text = object
        .toString('latin1')
        .replace('\nauthor', `${parents.map((id) => `\nparent ${id}`).join('')}\nauthor`);
      return it.git('hash-object', '-t', 'commit', '-w', '--literally', '--stdin', {
        input: Buffer.from(text, 'latin1'),
      });
    };
    const one = add(odd('99999999999999999', 'caf\xe9 <a@b>'));
    const two = add(odd('0', ' <>'), one);
    it.git('update-ref', 'refs/heads/main', add(odd('', 'x <y>'), two));
    const { stream, commits } = await checked(it.folder);
    expect(commits).toBe(3);
    const events = await eventsOf(stream);
    expect(events.map(({ data }) => (data as Committed).subject)).toEqual([
      'ca\ufffd\x1ee',
      'ca\ufffd\x1ee',
      'ca\ufffd\x1ee',
    ]);
    expect(events[1]!.metadata).toMatchObject({ actor: ' <>', occurredAt: '1970-01-01T00:00:00.000Z' });
  });
});

test('a long history is not read ahead of those who record it', async () => {
  const it = scratch();
  it.commitMany(20_000);
  let asked = 0;
  class Counting extends Git {
    override async *lines(...args: readonly string[]) {
      for await (const line of super.lines(...args)) {
        asked++;
        yield line;
      }
    }
  }
  for await (const { facts } of readCommits(new Counting(it.folder), 'main')) {
    expect(facts.subject).toBe('many');
    // Until the pipes are full.
    for (let before = -1; before !== asked;) {
      before = asked;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    break;
  }
  expect(asked).toBeGreaterThan(0);
  expect(asked).toBeLessThan(10_000);
});

describe('importing again', () => {
  test('records nothing twice, and of what is new only that', async () => {
    const it = scratch();
    it.commitMany(100);
    expect(await checked(it.folder)).toMatchObject({ commits: 100 });
    const before = await head();
    expect(await importBranch(app, it.folder)).toMatchObject({
      commits: 0,
      head: it.git('rev-parse', 'main'),
    });
    expect(await head()).toBe(before);
    it.commitMany(3);
    expect(await checked(it.folder)).toMatchObject({ commits: 3 });
  });

  test('twice at once records nothing twice', async () => {
    const it = scratch();
    it.commitMany(30);
    const both = await Promise.all([importBranch(app, it.folder), importBranch(app, it.folder)]);
    expect(both[0].commits + both[1].commits).toBe(30);
    expect((await checked(it.folder)).checked).toHaveLength(30);
  });

  test('goes on after an import that broke off', async () => {
    const it = scratch();
    it.commitMany(80);
    const onProgress = (commits: number) => {
      if (commits === 40) throw new Error('the power is gone');
    };
    await expect(importBranch(app, it.folder, { onProgress })).rejects.toThrow('the power is gone');
    const before = await head();
    const { commits, checked: at } = await checked(it.folder);
    expect([commits, at.length, before + commits]).toEqual([commits, 80, await head()]);
    expect(commits).toBeGreaterThan(0);
  });

  test('a branch that was rewritten is recorded as gone back, and what was taken away stays', async () => {
    const it = scratch();
    const files = (content: string): [string, Put][] => [['file', content]];
    const one = it.commit('one', { files: [['kept', '1'], ...files('1'), ['__proto__', '1']] });
    const two = it.commit('two', { files: [...files('2'), ['two', '2'], ['kept', null]] });
    await checked(it.folder);
    const other = it.commit('another two', { parents: [one], files: files('2*') });
    const { stream, rewound, checked: at } = await checked(it.folder);
    expect(rewound).toEqual({ from: two, to: one });
    expect(at).toEqual([one, two, one, other]);
    const events = await eventsOf(stream);
    expect(events[2]!.data).toMatchObject({
      from: two,
      to: one,
      changes: [{ path: 'two', how: 'removed' }, {}, {}],
    });
    // Git forgets; the log does not.
    it.git('gc', '--quiet', '--prune=now');
    expect(() => it.git('cat-file', '-e', two)).toThrow();
    expect((await load(stream, 2)).files).toHaveProperty('two');
  });

  test('a branch may go back and forth, and a commit be recorded at several places', async () => {
    const it = scratch();
    const [one, two] = [
      it.commit('one', { files: [['file', '1']] }),
      it.commit('two', { files: [['file', '2']] }),
    ];
    const other = it.commit('other', { branch: 'other', parents: [one], files: [['file', '3']] });
    await checked(it.folder);
    it.move('main', one);
    expect(await checked(it.folder)).toMatchObject({ rewound: { from: two, to: one }, commits: 0 });
    it.move('main', two);
    expect(await checked(it.folder)).toMatchObject({ commits: 1 });
    it.move('main', other);
    const last = await checked(it.folder);
    expect(last).toMatchObject({ commits: 1, rewound: { from: two, to: one } });
    expect(last.checked).toEqual([one, two, one, two, one, other]);
    expect(await importBranch(app, it.folder)).toMatchObject({ commits: 0 });
  });

  test('a branch that was rewritten after git forgot where it was is found again as well', async () => {
    const it = scratch();
    const one = it.commit('one', { files: [['file', '1']] });
    it.commit('two', { files: [['file', '2']] });
    const { stream } = await checked(it.folder);
    it.commit('another two', { parents: [one], files: [['file', '3']] });
    const as = stream.replace(/^branch-|\/main$/g, '');
    const fresh = clone(it.folder);
    expect(await importBranch(app, fresh, { as })).toMatchObject({ commits: 1, rewound: { to: one } });
    expect(listed((await app.repository(Branch).load(`${as}/main`)).files)).toEqual(
      listedByGit(fresh, 'main'),
    );
  });

  test('a branch that follows another parent since is recorded as gone back to where they part', async () => {
    const it = scratch();
    const root = it.commit('root', { files: [['file', '1']] });
    const main = it.commit('main', { files: [['main', '1']] });
    await checked(it.folder);
    const side = it.commit('side', { branch: 'side', parents: [root], files: [['side', '1']] });
    it.commit('merges main into side', {
      parents: [side, main],
      files: [
        ['main', '1'],
        ['side', '1'],
      ],
    });
    const { rewound, commits } = await checked(it.folder);
    expect([rewound, commits]).toEqual([{ from: main, to: root }, 2]);
  });

  test('another repository of the same name is refused', async () => {
    const [it, other] = [scratch(), scratch()];
    it.commit('one', { files: [['file', '1']] });
    other.commit('other', { files: [['file', '2']] });
    await importBranch(app, it.folder, { as: 'same' });
    const before = await head();
    await expect(importBranch(app, other.folder, { as: 'same' })).rejects.toThrow(OtherHistory);
    expect(await head()).toBe(before);
  });

  test('a clone that is too shallow to tell is refused, with advice', async () => {
    const it = scratch();
    it.commit('one', { files: [['file', '1']] });
    const { stream } = await importBranch(app, it.folder);
    for (let i = 2; i <= 4; i++) it.commit(`${i}`, { files: [['file', `${i}`]] });
    const as = stream.replace(/^branch-|\/main$/g, '');
    const importing = importBranch(app, clone(it.folder, '--depth=1'), { as });
    await expect(importing).rejects.toThrow('git fetch --unshallow');
  });
});

test('a branch has the name that it has, whatever else is called so', async () => {
  const it = scratch();
  const one = it.commit('one', { files: [['file', '1']] });
  const tip = it.commit('two', { files: [['file', '2']] });
  it.git('tag', 'main', one);
  it.git('tag', 'heads/main', one);
  const imported = await importBranch(app, it.folder, { as: 'tagged' });
  expect(imported).toEqual({ stream: 'branch-tagged/main', head: tip, commits: 2 });
});

test('a name to record under that is empty is refused', async () => {
  const it = scratch();
  it.commit('one', { files: [['file', '1']] });
  const before = await head();
  await expect(importBranch(app, it.folder, { as: '' })).rejects.toThrow('--as');
  expect(await head()).toBe(before);
});

describe('in a hook of another repository, where git sets variables that point there', () => {
  let other: ScratchRepository;
  const environment = process.env;
  beforeAll(() => {
    other = scratch();
    other.commit('other', { files: [['file', 'other']] });
  });
  afterEach(() => {
    process.env = environment;
  });

  test.each([
    ['GIT_DIR', ''],
    ['GIT_COMMON_DIR', ''],
    ['GIT_OBJECT_DIRECTORY', '/objects'],
    ['GIT_SHALLOW_FILE', '/config'],
  ])('%s is not followed', async (variable, within) => {
    const it = scratch();
    const tip = it.commit('one', { files: [['file', '1']] });
    process.env = { ...environment, [variable]: `${other.folder}${within}` };
    const name = path.basename(it.folder, '.git');
    expect(await importBranch(app, it.folder)).toEqual({
      stream: `branch-${name}/main`,
      head: tip,
      commits: 1,
    });
  });

  test('nothing that git calls local to a repository is handed on, but what it is configured with', async () => {
    const it = scratch();
    const variables = it.git('rev-parse', '--local-env-vars').split('\n');
    expect(variables).toContain('GIT_INDEX_FILE');
    const elsewhere = Object.fromEntries(variables.map((name) => [name, 'elsewhere']));
    process.env = {
      ...environment,
      ...elsewhere,
      GIT_CONFIG_PARAMETERS: "'alias.seen=!env'",
      GIT_CONFIG_COUNT: '0',
    };
    const seen = await new Git(it.folder).text('seen');
    expect(seen).toContain('alias.seen');
    expect(seen).not.toContain('=elsewhere');
  });
});

describe('where there is nothing to record', () => {
  test('git that is not installed is asked for', async () => {
    const found = process.env['PATH'];
    process.env['PATH'] = folder;
    try {
      await expect(importBranch(app, folder)).rejects.toThrow('is git installed?');
    } finally {
      process.env['PATH'] = found;
    }
  });

  test('an empty repository is one without commits', async () => {
    expect(await importBranch(app, scratch().folder)).toEqual({
      stream: expect.any(String) as string,
      commits: 0,
    });
  });

  test('a folder that is no repository, a branch that is not there and a tree in place of a commit are refused', async () => {
    const before = await head();
    await fs.mkdir(path.join(folder, 'none'));
    const none = path.join(folder, 'none');
    await expect(importBranch(app, none)).rejects.toThrow(GitFailed);
    await expect(importBranch(app, path.join(folder, 'missing'))).rejects.toThrow(GitFailed);
    const it = scratch();
    it.commit('one', { files: [['file', '1']] });
    it.git('tag', 'tree', 'main^{tree}');
    for (const branch of ['mian', '--all', 'refs/tags/tree', ''])
      await expect(importBranch(app, it.folder, { branch })).rejects.toThrow(NoSuchBranch);
    expect(await head()).toBe(before);
  });
});
