import { spawn, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, readFileSync, rmSync } from 'node:fs';
import { lchown, readdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';

/** Whose processes run in a folder; `undefined`: those of this process's user. */
export type User = { readonly uid: number; readonly gid: number } | undefined;

/**
 * A temporary folder and the processes that run in it. They end and it goes on `remove()`, and also when this process dies
 * in any other way, `kill -9` included: a shell holds our pipe, and tidies up once it closes.
 */
export class KeptFolder {
  private constructor(
    readonly path: string,
    readonly user: User,
    private readonly keeper: ChildProcess,
  ) {}

  static async create(user: User): Promise<KeptFolder> {
    const path = join(tmpdir(), `backstory-pg-${randomBytes(6).toString('hex')}`);
    // The keeper makes the folder, so that there is none that nobody keeps. It is of a group of its own, so that Ctrl-C does not
    // end it first.
    const keeper = spawn('sh', ['-c', KEEP, 'sh', path], {
      cwd: '/',
      detached: true,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    keeper.stdin.on('error', () => undefined);
    const [complaints] = await Promise.all([text(keeper.stderr), text(keeper.stdout)]);
    if (complaints !== '') throw new Error(complaints.trim());
    const folder = new KeptFolder(path, user, keeper);
    await folder.handOver(path);
    await folder.handOver(join(path, 'running'));
    return folder;
  }

  /** Starts a command; what it says goes to a file. Nothing starts any more once the folder is being removed. */
  start(command: string, args: readonly string[]): KeptProcess {
    const log = join(this.path, `log-${this.started++}`);
    const said = openSync(log, 'w', 0o666);
    const child = spawn('sh', ['-c', ENLIST, 'sh', this.path, command, ...args], {
      ...this.user,
      cwd: this.path,
      detached: true,
      env: { PATH: process.env['PATH'], LC_ALL: 'C' },
      stdio: ['ignore', said, said],
    });
    closeSync(said);
    return new KeptProcess(child, log, join(this.path, 'running', String(child.pid)));
  }
  private started = 0;

  /** Gives a file, or a folder and all in it, to the user whose processes run here. */
  async handOver(path: string, { recursive = false } = {}): Promise<void> {
    const { user } = this;
    if (user === undefined) return;
    const inside = recursive ? await readdir(path, { recursive: true }) : [];
    for (const entry of inside) await lchown(join(path, entry), user.uid, user.gid);
    await lchown(path, user.uid, user.gid);
  }

  async remove(): Promise<void> {
    const ended = new Promise<void>((done) => {
      if (this.keeper.exitCode !== null) done();
      this.keeper.once('exit', () => done());
    });
    this.keeper.stdin!.end();
    await ended;
  }
}

export class KeptProcess {
  private readonly exit: Promise<void>;
  private over = false;

  constructor(
    private readonly child: ChildProcess,
    private readonly log: string,
    entry: string,
  ) {
    this.exit = new Promise((done) => {
      const end = () => {
        this.over = true;
        rmSync(entry, { force: true });
        done();
      };
      child.once('error', end);
      child.once('exit', end);
    });
  }

  get ended(): boolean {
    return this.over;
  }

  /** Its last words. */
  said(): string {
    return readFileSync(this.log, 'utf8').slice(-2_000) || 'it ended without a word';
  }

  /** Sends the signal, if any, and waits for the end. Gives the exit code. */
  async end(signal?: NodeJS.Signals): Promise<number | null> {
    if (signal !== undefined && !this.over) this.child.kill(signal);
    await this.exit;
    return this.child.exitCode;
  }
}

/** Lists the process before it becomes the command: where the list is gone, nothing starts. */
const ENLIST = `folder=$1; shift; : >"$folder/running/$$" && exec "$@"`;

const KEEP = `
mkdir -m 700 "$1" "$1/running" || exit
exec >/dev/null 2>&1
cat
cd "$1" || exit
mv running ending
signal=QUIT
for turn in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23 24 25 26 27 28 29 30; do
  alive=
  for entry in ending/*; do kill -$signal "\${entry#ending/}" 2>/dev/null && alive=yes; done
  [ "$alive" ] || break
  sleep 0.1
  signal=0
  [ $turn = 25 ] && signal=KILL
done
cd /
for turn in 1 2 3 4 5 6 7 8 9 10; do rm -rf "$1" 2>/dev/null && break; sleep 0.1; done
`;
