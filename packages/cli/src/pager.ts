import { spawn, type ChildProcess } from 'node:child_process';
import { Writable } from 'node:stream';
import type { CommandIo, OutputStream, PagerStream } from './io.js';

/** How a pager is begun, and what is told of it. */
export interface PagerOptions {
  /** Where the pager writes, and where is written without one. */
  readonly terminal: OutputStream;
  readonly env: CommandIo['env'];
  /** The reader has ended it before everything was written. */
  readonly left: () => void;
}

/**
 * Shows long output page by page: with `$BACKSTORY_PAGER`, else `$PAGER`, as a shell reads it, else with `less`. It is begun
 * with the first write, so that what writes nothing has none. Where it cannot be begun the output is written plainly.
 */
export class Pager extends Writable implements PagerStream {
  readonly isTTY = true;
  private child: ChildProcess | undefined;
  private ended: Promise<void> = Promise.resolve();
  /** What was written so far, as long as it may turn out that there is no such pager. */
  private first: Buffer[] | undefined = [];
  private firstBytes = 0;
  private plain = false;

  private constructor(
    private readonly command: string | undefined,
    private readonly options: PagerOptions,
  ) {
    super();
  }

  /** `undefined` where the output is no terminal, or nobody wants a pager. */
  static for(options: PagerOptions): Pager | undefined {
    const { terminal, env } = options;
    const command = env['BACKSTORY_PAGER'] ?? env['PAGER'];
    if (!terminal.isTTY || env['TERM'] === 'dumb' || command === '' || command === 'cat') return undefined;
    return new Pager(command, options);
  }

  get columns(): number | undefined {
    return this.options.terminal.columns;
  }

  get isOpen(): boolean {
    return this.child !== undefined && !this.plain;
  }

  async close(): Promise<void> {
    await new Promise<void>((done) => this.end(done));
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    if (this.plain) {
      this.options.terminal.write(chunk, done);
      return;
    }
    this.remember(chunk);
    this.child ??= this.begin();
    // Not written: the pager is gone, and its end says what that means.
    this.child.stdin!.write(chunk, () => done());
  }

  override _final(done: () => void): void {
    this.child?.stdin?.end();
    void this.ended.then(done);
  }

  private remember(chunk: Buffer): void {
    if (!this.first) return;
    this.first.push(chunk);
    this.firstBytes += chunk.length;
    // No pipe holds as much: somebody reads it.
    if (this.firstBytes > 4 * 1024 * 1024) this.first = undefined;
  }

  private begin(): ChildProcess {
    const { command, options } = this;
    const child = spawn(command ?? 'less', {
      shell: command !== undefined,
      stdio: ['pipe', 'inherit', 'inherit'],
      // As git: quit when it fits on one screen, keep colours, leave the text on the screen.
      env: { ...options.env, LESS: options.env['LESS'] ?? 'FRX', LV: options.env['LV'] ?? '-c' },
    });
    child.stdin.on('error', () => undefined);
    // Ctrl-C goes to the pager as well, which may live on; its reader ends it.
    const wait = () => undefined;
    process.on('SIGINT', wait);
    this.ended = new Promise((ended) => {
      const end = (exitCode: number | null) => {
        process.removeListener('SIGINT', wait);
        this.afterwards(exitCode, ended);
      };
      child.once('error', () => end(NOT_FOUND));
      child.once('close', end);
    });
    return child;
  }

  private afterwards(exitCode: number | null, ended: () => void): void {
    if (this.plain) return;
    if (this.first && (exitCode === NOT_FOUND || exitCode === NOT_EXECUTABLE)) {
      this.plain = true;
      this.options.terminal.write(Buffer.concat(this.first), () => ended());
      this.first = undefined;
      return;
    }
    if (!this.writableEnded) this.options.left();
    ended();
  }
}

// Of a shell: https://pubs.opengroup.org/onlinepubs/9799919799/utilities/V3_chap02.html, 2.8.2
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;
