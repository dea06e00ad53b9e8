import crypto from 'node:crypto';
import type { StoredEvent } from '@backstory/core';
import { isStoredEvent, objectIn, storedEventIn } from './cloud-event.js';
import { InvalidExport, footerIn, headerIn, type ExportFooter, type ExportHeader } from './export-format.js';

/** An event of a file, and the line it is in. */
export interface ExportedEvent {
  readonly line: number;
  /** As it was recorded; `undefined` where another system wrote it. */
  readonly event: StoredEvent | undefined;
  /** The CloudEvent as it is read. */
  readonly read: Readonly<Record<string, unknown>>;
}

/**
 * Reads a file of CloudEvents, a line each. An export of Backstory is read to its end, and has to be as it was written; a file of
 * another system has neither a first nor a last line of its own.
 */
export class ExportReader {
  /** What an export says of itself, once its first line is read. */
  header: ExportHeader | undefined;
  private readonly hash = crypto.createHash('sha256');
  private footer: ExportFooter | undefined;
  private line = 0;
  private events = 0;

  constructor(
    private readonly file: string,
    private readonly lines: AsyncIterable<string>,
  ) {}

  /** @throws InvalidExport with the line; where it ends well, all of the file has been checked */
  async *read(): AsyncGenerator<ExportedEvent, void> {
    for await (const text of this.lines) {
      this.line++;
      const found = this.next(text);
      if (!this.footer) this.hash.update(`${text}\n`);
      if (found) yield found;
    }
    if (this.header && !this.footer)
      throw this.refuse(
        'unfinished',
        'the export ends here, and is not finished: go on with backstory export --resume, or take the file that it renames at the end.',
        this.line + 1,
      );
    if (this.line === 0) throw this.refuse('format', 'there is nothing in it.', 1);
  }

  private next(text: string): ExportedEvent | undefined {
    if (text.trim() === '') return undefined;
    if (this.footer)
      throw this.refuse('after-the-end', 'something follows the last line of the export: take it away.');
    const read = this.parse(text);
    const header = this.line === 1 ? headerIn(read) : undefined;
    if (header) {
      this.header = header;
      return undefined;
    }
    const footer = this.header && footerIn(read);
    if (footer) return this.end(footer);
    this.events++;
    return { line: this.line, event: this.stored(read), read };
  }

  private parse(text: string): Readonly<Record<string, unknown>> {
    try {
      // A byte order mark is what some editors begin a file with.
      return objectIn(this.line === 1 ? text.replace(/^\ufeff/, '') : text);
    } catch (cause) {
      throw this.refuse('format', (cause as Error).message, this.line, cause);
    }
  }

  private stored(read: Readonly<Record<string, unknown>>): StoredEvent | undefined {
    if (!this.header && !isStoredEvent(read)) return undefined;
    try {
      return storedEventIn(read);
    } catch (cause) {
      throw this.refuse('format', (cause as Error).message, this.line, cause);
    }
  }

  private end(footer: ExportFooter): undefined {
    const { events, sha256 } = footer;
    if (events !== this.events)
      throw this.refuse(
        'altered',
        `the export had ${events} events, and ${this.events} are there: export it again.`,
      );
    if (sha256 !== this.hash.digest('hex'))
      throw this.refuse('altered', 'a line before this one is not as it was exported: export it again.');
    this.footer = footer;
    return undefined;
  }

  private refuse(
    problem: InvalidExport['problem'],
    message: string,
    line = this.line,
    cause?: unknown,
  ): InvalidExport {
    return new InvalidExport(this.file, line, problem, message, cause === undefined ? {} : { cause });
  }
}
