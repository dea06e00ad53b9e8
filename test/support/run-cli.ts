import { Writable } from 'node:stream';
import { run, type CommandIo } from '@backstory/cli';

export interface Ran {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs the command in this process, with what it writes collected. */
export async function runCli(argv: readonly string[], io: Partial<CommandIo> = {}): Promise<Ran> {
  const stdout = new Collected();
  const stderr = new Collected();
  const exitCode = await run(argv, { stdout, stderr, cwd: __dirname, env: {}, ...io });
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

/** Runs the command with --json and gives the one document it prints. */
export async function runJson(argv: readonly string[], io: Partial<CommandIo> = {}) {
  const ran = await runCli([...argv, '--json'], io);
  return { ...ran, envelope: JSON.parse(ran.stdout) as Envelope };
}

interface Envelope {
  readonly ok: boolean;
  readonly verb: string | null;
  readonly data?: any;
  readonly error?: {
    readonly code: string;
    readonly message: string;
    readonly facts: Record<string, unknown>;
  };
}

/** Keeps what is written to it, and tells. */
export class Collected extends Writable {
  text = '';
  readonly isTTY: boolean = false;
  constructor(private readonly written: (text: string) => void = () => undefined) {
    super();
  }
  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    this.written(this.text);
    done();
  }
}

/** The same, as a terminal of 80 columns. */
export class Terminal extends Collected {
  override readonly isTTY = true;
  readonly columns = 80;
}
