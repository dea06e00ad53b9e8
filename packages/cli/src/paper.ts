import { once } from 'node:events';
import { createColors } from 'picocolors';
import type { CommandIo, OutputStream } from './io.js';
import { printable } from './printable.js';

/** What a human reads is written on: it knows its width and its colours, and makes text of others harmless. */
export class Paper {
  readonly width: number;
  private readonly colors: ReturnType<typeof createColors>;

  constructor(
    private readonly stream: OutputStream,
    { env }: Pick<CommandIo, 'env'>,
  ) {
    this.width = Math.max(40, stream.columns ?? (Number(env['COLUMNS']) || 80));
    this.colors = createColors(wantsColor(stream, env));
  }

  readonly plain = (text: string): string => printable(text);
  readonly bold = (text: string): string => this.colors.bold(printable(text));
  readonly dim = (text: string): string => this.colors.dim(printable(text));
  readonly good = (text: string): string => this.colors.green(printable(text));
  readonly bad = (text: string): string => this.colors.red(printable(text));
  readonly name = (text: string): string => this.colors.cyan(printable(text));
  readonly changed = (text: string): string => this.colors.yellow(printable(text));

  /** Waits while the reader is slower than the writer. */
  async write(text: string): Promise<void> {
    if (text !== '' && !this.stream.write(text)) await once(this.stream, 'drain');
  }

  async lines(lines: Iterable<string>): Promise<void> {
    let text = '';
    for (const line of lines) text += `${line.trimEnd()}\n`;
    await this.write(text);
  }
}

// https://no-color.org and https://force-color.org: set and not empty.
export function wantsColor({ isTTY }: OutputStream, env: CommandIo['env']): boolean {
  if (env['FORCE_COLOR']) return env['FORCE_COLOR'] !== '0';
  return isTTY === true && !env['NO_COLOR'] && env['TERM'] !== 'dumb';
}
