import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { Terminal } from '@xterm/headless';

const PATIENCE_MS = 45_000;

export interface PtyOptions {
  readonly cwd: string;
  /** Beside what a terminal in a UTF-8 locale has. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly rows?: number;
  readonly columns?: number;
}

/**
 * A command of the shell in a real pseudo-terminal, which `script` opens, and the screen that a person would see of it, kept
 * by a terminal emulator. What is waited for is waited for until the test's own time is over.
 */
export class Pty {
  /** All that was written, with its escape sequences. */
  text = '';
  readonly screen: Terminal;
  private readonly child: ChildProcess;
  private readonly waiting = new Set<() => void>();

  constructor(command: string, { cwd, env, rows = 24, columns = 80 }: PtyOptions) {
    const { FORCE_COLOR: _forced, NO_COLOR: _none, PAGER: _pager, LESS: _less, ...inherited } = process.env;
    this.screen = new Terminal({ rows, cols: columns, allowProposedApi: true });
    this.child = spawn('script', ['-qfec', `stty rows ${rows} cols ${columns}; ${command}`, '/dev/null'], {
      cwd,
      env: { ...inherited, TERM: 'xterm-256color', LC_ALL: 'C.UTF-8', SHELL: '/bin/sh', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    // One that waits listens until the end.
    this.child.setMaxListeners(0);
    this.child.stdin!.on('error', () => undefined);
    this.child.stdout!.setEncoding('utf8').on('data', (text: string) => {
      this.text += text;
      this.screen.write(text, () => this.waiting.forEach((look) => look()));
    });
  }

  type(keys: string): void {
    this.child.stdin!.write(keys);
  }

  /** The lines of the screen, without trailing blanks. */
  lines(): readonly string[] {
    const { active } = this.screen.buffer;
    return Array.from({ length: this.screen.rows }, (_, row) =>
      (active.getLine(active.viewportY + row)?.translateToString(true) ?? '').trimEnd(),
    );
  }

  /** Waits until the screen is as wanted: it shows this text, or fulfils this. */
  async until(wanted: string | RegExp | ((lines: readonly string[]) => boolean)): Promise<readonly string[]> {
    const is = (lines: readonly string[]) => {
      if (typeof wanted === 'function') return wanted(lines);
      const text = lines.join('\n');
      return typeof wanted === 'string' ? text.includes(wanted) : wanted.test(text);
    };
    await new Promise<void>((resolve, reject) => {
      const fail = (why: string) => {
        clearTimeout(patience);
        this.waiting.delete(look);
        reject(new Error(`${why}, and never showed ${String(wanted)}:\n${this.lines().join('\n')}`));
      };
      // Only so that a test which fails shows the screen.
      const patience = setTimeout(() => fail(`${PATIENCE_MS} ms went by`), PATIENCE_MS);
      const look = () => {
        if (!is(this.lines())) return;
        clearTimeout(patience);
        this.waiting.delete(look);
        resolve();
      };
      this.child.once('close', () => {
        this.screen.write('', () => {
          look();
          fail('It ended');
        });
      });
      this.waiting.add(look);
      look();
    });
    return this.lines();
  }

  /** Waits until the command has ended; gives its exit code. */
  async end(): Promise<number> {
    if (this.child.exitCode === null) await once(this.child, 'close');
    await new Promise<void>((done) => this.screen.write('', done));
    return this.child.exitCode!;
  }

  /** Ends it, whatever it does; the terminal it ran in is gone. */
  kill(): void {
    this.child.kill('SIGKILL');
  }
}
