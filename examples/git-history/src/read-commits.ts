import { Change, type CommitFacts, type How } from './branch-events';
import type { Git } from './git';
import { pathText } from './path-text';

/** A commit and what it changed from its first parent; from nothing, where it has none or the clone is cut off there. */
export interface Commit {
  readonly facts: CommitFacts;
  readonly authoredAt: Date | null;
  readonly changes: readonly Change[];
}

/**
 * The commits of a branch after another commit of it, oldest first, along the first parents: `git log --first-parent`. A merge
 * is one step, which brings all that was merged. They are read as they are asked for, however many there are.
 */
export async function* readCommits(git: Git, tip: string, after?: string): AsyncGenerator<Commit, void> {
  const range = after === undefined ? [tip] : [tip, `^${after}`];
  const parents: string[][] = [];
  const questions = asked(
    git.lines('rev-list', '--first-parent', '--reverse', '--parents', ...range),
    parents,
  );
  let commit: { header: Buffer[]; changes: Change[] } | undefined;
  let raw: string | undefined;
  for await (const token of git.answers(DIFF_TREE, questions)) {
    if (raw !== undefined) {
      commit!.changes.push(changeOf(raw, token));
      raw = undefined;
    } else if (commit && commit.header.length < HEADER.length) commit.header.push(token);
    else if (/^\n?:/.test(token.toString('latin1'))) raw = token.toString('latin1').trim();
    else {
      if (commit) yield commitOf(commit.header, parents.shift()!, commit.changes);
      commit = { header: [token], changes: [] };
    }
  }
  if (commit) yield commitOf(commit.header, parents.shift()!, commit.changes);
}

const HEADER = ['%H', '%an <%ae>', '%at', '%cn <%ce>', '%ct', '%s'];

const DIFF_TREE = [
  'diff-tree',
  '--stdin',
  '--always',
  '--root',
  '-r',
  '-z',
  '--raw',
  '--no-renames',
  '--ignore-submodules=none',
  '--encoding=UTF-8',
  `--format=${HEADER.join('%x00')}`,
];

/** `<commit> <first parent>`: git compares a commit with the parents that it is given. */
async function* asked(lines: AsyncIterable<string>, parents: string[][]): AsyncGenerator<string, void> {
  for await (const line of lines) {
    const [commit = '', ...rest] = line.split(' ');
    parents.push(rest);
    yield [commit, ...rest.slice(0, 1)].join(' ') + '\n';
  }
}

function commitOf(header: readonly Buffer[], parents: readonly string[], changes: readonly Change[]): Commit {
  const [commit = '', author = '', authored, committer = '', committed, subject = ''] = header.map((text) =>
    cut(text.toString()),
  );
  const facts = { commit, parents, subject, author, committer, committedAt: dateOf(committed) };
  return { facts, authoredAt: dateOf(authored), changes };
}

/** So that a commit fits into an event whatever somebody wrote into it. */
function cut(text: string): string {
  if (text.length <= TEXT_LENGTH) return text;
  // Half a surrogate pair is no text.
  return `${text.slice(0, TEXT_LENGTH - 1).replace(/[\ud800-\udbff]$/, '')}…`;
}

const TEXT_LENGTH = 1_024;

function dateOf(seconds: string | undefined): Date | null {
  const date = new Date(seconds ? Number(seconds) * 1_000 : NaN);
  return Number.isNaN(date.getTime()) ? null : date;
}

/** `:100644 100755 8ab686e… 8ab686e… M` and the path. */
function changeOf(raw: string, path: Buffer): Change {
  const [oldMode = '', mode = '', oldObject, object = '', status = ''] = raw.slice(1).split(' ');
  const how = status === 'M' && oldObject === object && oldMode !== mode ? 'mode changed' : HOW[status];
  if (how === undefined) throw new Error(`git diff-tree says something new: ${raw}`);
  if (how === 'removed') return new Change(pathText(path), how);
  return new Change(pathText(path), how, `${mode} ${mode === SUBMODULE ? 'commit' : 'blob'} ${object}`);
}

const HOW: Readonly<Record<string, How>> = { A: 'added', M: 'modified', T: 'type changed', D: 'removed' };
const SUBMODULE = '160000';
