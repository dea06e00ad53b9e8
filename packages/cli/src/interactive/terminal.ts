import { emitKeypressEvents, type Key as Keypress } from 'node:readline';
import { createColors } from 'picocolors';
import type { InputStream, OutputStream } from '../io.js';
import type { Frame } from './frame.js';
import { holdOutput } from './held-output.js';
import { KeyReader, type Key } from './keys.js';
import type { Span, Tone } from './line.js';
import type { Size } from './viewing.js';

/** What a person does with the terminal. */
export interface TerminalEvents {
  readonly key: (key: Key) => void;
  /** The screen has another size, or somebody else has drawn on it. */
  readonly changed: () => void;
  /** Nobody is there any more. */
  readonly gone: () => void;
}

/**
 * The terminal as a screen of its own: raw keys, and lines that are drawn where they are different. What it changes of the
 * terminal it puts back however the program ends; only a process that is killed outright leaves it as it is.
 */
export class Terminal {
  private drawn: readonly string[] = [];
  private release: (() => void) | undefined;
  private events: TerminalEvents | undefined;
  private readonly undo: (() => void)[] = [];
  private readonly paint: Readonly<Record<Tone, (text: string) => string>>;

  constructor(
    private readonly input: InputStream,
    private readonly output: OutputStream,
    isColored: boolean,
  ) {
    const { bold, dim, green, red, yellow, cyan, inverse } = createColors(isColored);
    this.paint = {
      strong: bold,
      faint: dim,
      good: green,
      bad: red,
      changed: yellow,
      name: cyan,
      bar: inverse,
    };
  }

  get size(): Size {
    return { rows: this.output.rows || 24, columns: this.output.columns || 80 };
  }

  open(events: TerminalEvents): void {
    this.events = events;
    const reader = new KeyReader();
    emitKeypressEvents(this.input);
    this.listen(this.input, 'keypress', (text: string | undefined, key: Keypress) =>
      reader.read(text, key).forEach(events.key),
    );
    for (const name of ['end', 'close', 'error']) this.listen(this.input, name, events.gone);
    this.listen(this.output, 'resize', () => events.changed());
    for (const name of ['SIGHUP', 'SIGQUIT']) this.listen(process, name, events.gone);
    // Who else listens to these ends the program; without this a second one would end it before anything is put back.
    for (const name of ['SIGINT', 'SIGTERM']) this.listen(process, name, () => undefined);
    this.listen(process, 'SIGTSTP', this.suspend);
    this.listen(process, 'SIGCONT', () => this.resume());
    this.listen(process, 'exit', () => this.close());
    this.enter();
  }

  /** Gives the terminal back. Calling it twice is harmless. */
  close(): void {
    for (const undo of this.undo.splice(0)) undo();
    this.leave();
    this.input.pause();
  }

  draw({ lines, cursor }: Frame): void {
    if (!this.release) return;
    const texts = lines.map((line) => line.map((span) => this.painted(span)).join(''));
    const different = texts.flatMap((text, row) =>
      text === this.drawn[row] ? [] : `${at(row, 0)}${CSI}K${text}`,
    );
    this.drawn = texts;
    const caret = cursor ? `${at(cursor.row, cursor.column)}${CSI}?25h` : `${CSI}?25l`;
    this.output.write(`${different.join('')}${caret}`);
  }

  /** Draws all of it, whatever is there. */
  redraw(frame: Frame): void {
    this.drawn = [];
    if (this.release) this.output.write(`${CSI}2J`);
    this.draw(frame);
  }

  /** To the shell, until it wakes this program again. */
  readonly suspend = (): void => {
    if (!this.events || process.platform === 'win32') return;
    this.leave();
    process.off('SIGTSTP', this.suspend);
    // All that the shell knows as this job: a package runner may have started it.
    process.kill(0, 'SIGTSTP');
    // Where no shell waits for the job it is not stopped, and nobody will wake it.
    setTimeout(() => this.resume(), 100);
  };

  private resume(): void {
    if (this.undo.length === 0) return;
    process.off('SIGTSTP', this.suspend).on('SIGTSTP', this.suspend);
    // Left first: the shell has changed the terminal behind our back.
    this.leave();
    this.enter();
    this.events?.changed();
  }

  private enter(): void {
    this.release = holdOutput();
    this.input.setRawMode?.(true);
    this.input.resume();
    this.output.write(`${CSI}?1049h${CSI}?7l${CSI}?2004h${CSI}?25l${CSI}2J`);
    this.drawn = [];
  }

  private leave(): void {
    if (!this.release) return;
    // Where there is no second screen to leave, what follows comes after what was drawn.
    const below = `${at(this.size.rows - 1, 0)}${CSI}K`;
    this.output.write(`${CSI}0m${below}${CSI}?2004l${CSI}?7h${CSI}?25h${CSI}?1049l`);
    try {
      this.input.setRawMode?.(false);
    } catch {
      // The terminal is gone, and with it what was changed.
    }
    this.release();
    this.release = undefined;
  }

  private painted({ text, tone }: Span): string {
    return tone ? this.paint[tone](text) : text;
  }

  private listen<A extends unknown[]>(
    to: NodeJS.EventEmitter,
    name: string,
    listener: (...args: A) => void,
  ): void {
    to.on(name, listener);
    this.undo.push(() => to.off(name, listener));
  }
}

// Of ECMA-48, and of the terminals that followed: 1049 a second screen, 7 lines wrap, 2004 what is pasted is marked, 25 the cursor.
const CSI = '\u001b[';

function at(row: number, column: number): string {
  return `${CSI}${row + 1};${column + 1}H`;
}
