import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';

/** What becomes of a path: content, an object that there is already (with its mode), or nothing. */
export type Put =
  string | { readonly mode: string; readonly content?: string; readonly object?: string } | null;

export interface ScratchCommit {
  readonly files?: Iterable<readonly [string | Buffer, Put]>;
  /** Default: what the branch is at. */
  readonly parents?: readonly string[];
  /** Default: `main`. */
  readonly branch?: string;
  readonly author?: string;
  /** Seconds since 1970. */
  readonly at?: number;
}

/** A bare repository made by git's plumbing: any bytes for a path, any parents, and the same ids every time. */
export class ScratchRepository {
  private clock = Date.UTC(2024, 0, 1) / 1_000;

  constructor(
    readonly folder: string,
    format: 'sha1' | 'sha256' = 'sha1',
  ) {
    fs.mkdirSync(folder, { recursive: true });
    this.git('init', '--quiet', '--bare', `--object-format=${format}`, '--initial-branch=main', '.');
  }

  git(...args: readonly (string | { readonly input: string | Buffer })[]): string {
    return this.bytes(...args)
      .toString()
      .trim();
  }

  bytes(...args: readonly (string | { readonly input: string | Buffer })[]): Buffer {
    const argv = args.filter((it) => typeof it === 'string');
    const { input } = args.find((it) => typeof it !== 'string') ?? {};
    return execFileSync('git', argv, {
      cwd: this.folder,
      env: this.environment(),
      maxBuffer: 2 ** 28,
      stdio: ['pipe', 'pipe', 'pipe'],
      ...(input !== undefined && { input }),
    });
  }

  /** The id of the new commit, which the branch is at then. */
  commit(
    subject: string,
    { files = [], branch = 'main', author = 'Ann', at, ...given }: ScratchCommit = {},
  ): string {
    this.clock = at ?? this.clock + 3_600;
    this.author = author;
    const parents = given.parents ?? (this.heads.has(branch) ? [this.heads.get(branch)!] : []);
    if (this.indexed !== parents[0]) this.git('read-tree', parents[0] ?? '--empty');
    const index = Buffer.concat([...files].map((it) => this.indexLine(...it)));
    this.git('update-index', '-z', '--index-info', { input: index });
    const links = parents.flatMap((it) => ['-p', it]);
    const id = this.git('commit-tree', this.git('write-tree'), ...links, { input: subject });
    this.indexed = id;
    this.move(branch, id);
    return id;
  }

  /** So many commits on the main branch, made at once. */
  commitMany(count: number): void {
    const commits = Array.from({ length: count }, (_, i) => {
      const from = i === 0 && this.heads.has('main') ? 'from refs/heads/main^0\n' : '';
      const by = `committer Ben <ben@example.com> ${this.clock++} +0000`;
      const content = `${this.clock}`;
      const file = `M 100644 inline file\ndata ${content.length}\n${content}\n`;
      return `commit refs/heads/main\n${by}\ndata 4\nmany\n${from}${file}`;
    });
    this.git('fast-import', '--quiet', { input: commits.join('') });
    this.heads.set('main', this.git('rev-parse', 'main'));
  }

  /** As a forced push does. */
  move(branch: string, id: string): void {
    this.git('update-ref', `refs/heads/${branch}`, id);
    this.heads.set(branch, id);
  }

  blob(content: string): string {
    const known = this.blobs.get(content) ?? this.git('hash-object', '-w', '--stdin', { input: content });
    this.blobs.set(content, known);
    return known;
  }

  private author = 'Ann';
  private readonly heads = new Map<string, string>();
  private readonly blobs = new Map<string, string>();
  /** The commit whose files the index holds. */
  private indexed: string | undefined;

  private indexLine(file: string | Buffer, put: Put): Buffer {
    const name = Buffer.concat([Buffer.from('\t'), Buffer.from(file), Buffer.from([0])]);
    if (put === null) return Buffer.concat([Buffer.from(`0 ${'0'.repeat(40)}`), name]);
    const {
      mode,
      content = '',
      object = this.blob(content),
    } = typeof put === 'string' ? { mode: '100644', content: put } : put;
    return Buffer.concat([Buffer.from(`${mode} ${object}`), name]);
  }

  private environment(): NodeJS.ProcessEnv {
    const date = `${this.clock} +0000`;
    return {
      ...process.env,
      GIT_CONFIG_GLOBAL: '/dev/null',
      GIT_CONFIG_NOSYSTEM: '1',
      GIT_INDEX_FILE: path.join(path.resolve(this.folder), 'scratch-index'),
      GIT_AUTHOR_NAME: this.author,
      GIT_AUTHOR_EMAIL: `${this.author.toLowerCase()}@example.com`,
      GIT_AUTHOR_DATE: date,
      GIT_COMMITTER_NAME: 'Ben',
      GIT_COMMITTER_EMAIL: 'ben@example.com',
      GIT_COMMITTER_DATE: date,
    };
  }
}
