import path from 'node:path';
import { Context, type App, type RecordedEvent } from 'backstory';
import { Branch } from './branch';
import { Change, Committed, FilesChanged, Rewound } from './branch-events';
import { Git } from './git';
import { readCommits, type Commit } from './read-commits';

/** What an import did. */
export interface Imported {
  /** `branch-backstory/main` */
  readonly stream: string;
  /** The commit that the branch is at. Absent in a repository without commits. */
  readonly head?: string;
  readonly commits: number;
  /** Present where the branch had been rewritten since it was last imported. */
  readonly rewound?: { readonly from: string; readonly to: string };
}

export interface ImportOptions {
  /** A branch, or a full name such as `refs/tags/v1`. Default: the one that is checked out. */
  readonly branch?: string | undefined;
  /** What the repository is called in the name of the stream. Default: the name of its folder. */
  readonly as?: string | undefined;
  readonly onProgress?: (commits: number) => void;
}

export class NoSuchBranch extends Error {}

export class NoName extends Error {}

/** Nothing that the stream holds is on the branch, so it cannot be the same branch, nor go on with it. */
export class OtherHistory extends Error {}

/**
 * Records the commits of a branch that are not recorded yet, each as one append that can be repeated: it is identified by the
 * commit and its place in the stream. Commits that were recorded and have been taken away since stay recorded.
 *
 * @throws GitFailed, NoSuchBranch, NoName, OtherHistory
 */
export async function importBranch(
  app: App,
  folder: string,
  { branch, as, onProgress = () => undefined }: ImportOptions = {},
): Promise<Imported> {
  const git = new Git(folder);
  const name = branch ?? (await checkedOut(git));
  const id = `${as ?? (await nameOf(git))}/${name}`;
  if (id.startsWith('/'))
    throw new NoName('The repository has no name to be recorded under: say --as <name>.');
  const stream = `branch-${id}`;
  const tip = await tipOf(git, name);
  if (tip === undefined) return { stream, commits: 0 };
  let last = await lastRecorded(app, stream);
  let rewound: Imported['rewound'];
  if (last && !(await goesOn(git, last.commit, tip))) {
    const to = await rewind(app, { id, stream, git, tip, last });
    rewound = { from: last.commit, to: to.commit };
    last = to;
  }
  const commits = await recordCommits(app, stream, { git, tip, last, onProgress });
  return { stream, head: tip, commits, ...(rewound && { rewound }) };
}

/** A commit and the version of the stream at which it is recorded. */
interface Place {
  readonly commit: string;
  readonly version: number;
}

async function checkedOut(git: Git): Promise<string> {
  // The short name that git gives depends on what else is called so.
  const ref = await git.find('symbolic-ref', '--quiet', 'HEAD');
  return ref?.replace(/^refs\/heads\//, '') ?? 'HEAD';
}

async function nameOf(git: Git): Promise<string> {
  const folder =
    (await git.find('rev-parse', '--show-toplevel')) ?? (await git.text('rev-parse', '--absolute-git-dir'));
  return path.basename(folder).replace(/\.git$/, '');
}

async function tipOf(git: Git, name: string): Promise<string | undefined> {
  const ref = name === 'HEAD' || name.startsWith('refs/') ? name : `refs/heads/${name}`;
  const tip = await git.find('rev-parse', '--quiet', '--verify', `${ref}^{commit}`);
  if (tip !== undefined) return tip;
  // Any commit at all: then it is the name that is wrong.
  if ((await git.text('rev-list', '--all', '--max-count=1')) === '') return undefined;
  throw new NoSuchBranch(`There is no branch ${name}: git branch --list shows those there are.`);
}

/** Whether the next commit after one, on the way to the tip, has it for a first parent. */
async function goesOn(git: Git, commit: string, tip: string): Promise<boolean> {
  if (commit === tip) return true;
  if ((await git.find('cat-file', '-e', `${commit}^{commit}`)) === undefined) return false;
  const way = git.lines('rev-list', '--first-parent', '--reverse', '--parents', tip, `^${commit}`);
  for await (const line of way) return line.split(' ')[1] === commit;
  return false;
}

async function lastRecorded(app: App, stream: string): Promise<Place | undefined> {
  for await (const place of places(app, stream)) return place;
  return undefined;
}

/** What the stream holds, the latest first. */
async function* places(app: App, stream: string): AsyncGenerator<Place, void> {
  for await (const { events } of app.events.readStream(stream, { backwards: true }))
    for (const stored of events) {
      const { data, version } = app.types.decode(stored) as RecordedEvent<Committed | Rewound | FilesChanged>;
      if (data instanceof Committed) yield { commit: data.commit, version };
      else if (data instanceof Rewound) yield { commit: data.to, version };
    }
}

interface Rewriting {
  readonly id: string;
  readonly stream: string;
  readonly git: Git;
  readonly tip: string;
  readonly last: Place;
}

/** Records that the branch went back to the latest recorded commit that is still on it. Git may have forgotten the rest. */
async function rewind(app: App, { id, stream, git, tip, last }: Rewriting): Promise<Place> {
  const onBranch = new Set<string>();
  for await (const commit of git.lines('rev-list', '--first-parent', tip)) onBranch.add(commit);
  for await (const place of places(app, stream)) {
    if (!onBranch.has(place.commit)) continue;
    const branches = app.repository(Branch);
    const now = await branches.load(id, { atVersion: last.version });
    const then = await branches.load(id, { atVersion: place.version });
    const changes = changesBetween(now.files, then.files);
    const events = [...portions(changes, (part) => new Rewound(last.commit, place.commit, part))];
    const context = Context.of({ correlationId: place.commit, command: 'rewind' });
    const commandId = `rewind ${last.version} ${place.commit}`;
    await context.withCommand(commandId).run(() => app.record(stream, events, { expected: last.version }));
    return { commit: place.commit, version: last.version + events.length };
  }
  const isShallow = (await git.text('rev-parse', '--is-shallow-repository')) === 'true';
  throw new OtherHistory(
    `None of the commits in ${stream} is on the branch: ` +
      (isShallow ? 'the clone is shallow, so fetch the rest first: git fetch --unshallow.' : OTHER_NAME),
  );
}

const OTHER_NAME =
  'it is another repository, or has nothing left of what it was. Record it under another name.';

function changesBetween(
  now: Readonly<Record<string, string>>,
  then: Readonly<Record<string, string>>,
): Change[] {
  const gone = Object.keys(now).filter((file) => !Object.hasOwn(then, file));
  const back = Object.entries(then).filter(([file, entry]) => now[file] !== entry);
  return [
    ...gone.map((file) => new Change(file, 'removed')),
    ...back.map(([file, entry]) => new Change(file, Object.hasOwn(now, file) ? 'modified' : 'added', entry)),
  ];
}

interface Recording {
  readonly git: Git;
  readonly tip: string;
  readonly last: Place | undefined;
  readonly onProgress: (commits: number) => void;
}

/** How many commits it recorded. Appends are sent one after another without waiting, so that they are committed together. */
async function recordCommits(
  app: App,
  stream: string,
  { git, tip, last, onProgress }: Recording,
): Promise<number> {
  let version = last?.version ?? 0;
  let [read, recorded] = [0, 0];
  const sent: Promise<void>[] = [];
  try {
    for await (const commit of readCommits(git, tip, last?.commit)) {
      const events = [...portions(commit.changes, (part) => new Committed(commit.facts, part))];
      const append = recordCommit(app, { stream, version, commit, events });
      sent.push(append.then((isNew) => void (recorded += isNew)));
      // It is waited for later.
      sent.at(-1)!.catch(() => undefined);
      version += events.length;
      if (sent.length === AT_ONCE) await sent.shift();
      onProgress(++read);
    }
  } finally {
    await Promise.allSettled(sent);
  }
  await Promise.all(sent);
  return recorded;
}

const AT_ONCE = 64;

interface Append {
  readonly stream: string;
  /** That it follows. */
  readonly version: number;
  readonly commit: Commit;
  readonly events: readonly object[];
}

/** 1 unless somebody else has recorded it meanwhile. */
async function recordCommit(app: App, { stream, version, commit, events }: Append): Promise<number> {
  const { facts, authoredAt } = commit;
  const context = Context.of({
    correlationId: facts.commit,
    actor: facts.author,
    command: facts.parents.length > 1 ? 'merge' : 'commit',
    origin: `git:${facts.commit}`,
  });
  const occurredAt = authoredAt ?? facts.committedAt;
  const { repeated } = await context
    .withCommand(`${version} ${facts.commit}`)
    .run(() => app.record(stream, events, { expected: version, ...(occurredAt && { occurredAt }) }));
  return repeated ? 0 : 1;
}

/** An event may have 1 MiB, and a commit of a big repository may change more: what does not fit goes before, in events of its own. */
function* portions(
  changes: readonly Change[],
  last: (changes: readonly Change[]) => object,
): Generator<object, void> {
  let part: Change[] = [];
  let bytes = 0;
  for (const change of changes) {
    const size = Buffer.byteLength(JSON.stringify(change));
    if (bytes + size > PORTION_BYTES && part.length > 0) {
      yield new FilesChanged(part);
      [part, bytes] = [[], 0];
    }
    part.push(change);
    bytes += size;
  }
  yield last(part);
}

const PORTION_BYTES = 512 * 1_024;
