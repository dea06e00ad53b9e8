import type { EventStore, LogIdentity, LogPage, StampedEvent, StoredEvent } from '@backstory/core';
import { LogNotEmpty, checkAppend } from '@backstory/core/store';
import { InvalidExport } from './export-format.js';
import type { ExportReader, ExportedEvent } from './export-reader.js';

/** What a log holds after an export was restored into it. */
export interface RestoredExport {
  readonly identity: LogIdentity;
  readonly events: number;
}

const PAGE = 500;

/**
 * Fills an empty log with what was exported: ids, versions, positions, times and every stored text as they were. All or nothing; the
 * port has no other way, so what is interrupted begins again.
 *
 * @throws LogNotEmpty
 * @throws InvalidExport with the line, where the log takes no part of it
 */
export async function restoreExport(
  store: EventStore,
  reader: ExportReader,
  file: string,
): Promise<RestoredExport> {
  const { head } = await store.identity();
  if (head > 0) throw new LogNotEmpty(head);
  const reading = new Restoring(reader, file);
  try {
    const identity = await store.restore(reading.pages());
    return { identity, events: reading.events };
  } catch (error) {
    throw reading.withLine(error);
  }
}

/** What restoring asks of a file itself, asked before there is a log to restore it into. @throws InvalidExport with the line */
export async function checkExport(reader: ExportReader, file: string): Promise<void> {
  const pages = new Restoring(reader, file).pages();
  while (!(await pages.next()).done);
}

/** The pages of an export, which remembers where the last of them came from. */
class Restoring {
  events = 0;
  private lines = new Map<number, number>();
  private last: { readonly position: number; readonly appendIndex: number } | undefined;

  constructor(
    private readonly reader: ExportReader,
    private readonly file: string,
  ) {}

  async *pages(): AsyncGenerator<LogPage, void> {
    let page: StoredEvent[] = [];
    for await (const exported of this.reader.read()) {
      if (page.length === 0) this.lines = new Map();
      page.push(this.take(exported));
      if (page.length < PAGE) continue;
      yield { events: page, through: page.at(-1)!.position };
      page = [];
    }
    if (page.length > 0) yield { events: page, through: page.at(-1)!.position };
  }

  /** What a store says of an event names its position; a person looks for the line. */
  withLine(error: unknown): unknown {
    const { code, path, message } = (error ?? {}) as { code?: string; path?: string; message?: string };
    if (code !== 'BACKSTORY_INVALID_APPEND') return error;
    const position = Number(/^event at position (\d+)/.exec(path ?? '')?.[1]);
    const line = this.lines.get(position) ?? [...this.lines.values()].at(-1) ?? 1;
    const advice = this.isCut ? ' Where filters have left out what it needs, export whole streams.' : '';
    return new InvalidExport(this.file, line, 'order', `${message}${advice}`, { cause: error });
  }

  private take({ line, event }: ExportedEvent): StoredEvent {
    if (!event || !this.reader.header)
      throw new InvalidExport(
        this.file,
        line,
        'foreign',
        'only an export, from its first line to its last, can be restored; --as-new imports other CloudEvents as new facts.',
      );
    checkForm(event, (problem) => new InvalidExport(this.file, line, 'event', problem));
    this.lines.set(event.position, line);
    this.events++;
    const { position, appendIndex } = event;
    const isNext = this.last?.position === position - 1 && this.last.appendIndex === appendIndex - 1;
    // Of an append that filters have cut, what is left is an append of its own.
    const place = this.isCut && !isNext ? 0 : appendIndex;
    this.last = { position, appendIndex: place };
    return place === appendIndex ? event : { ...event, appendIndex: place };
  }

  private get isCut(): boolean {
    return this.reader.header?.isWhole === false;
  }
}

/** What a store would say of an event by itself, said of its line. How large it may be the store knows. */
export function checkForm(event: StampedPlace, refusal: (problem: string) => Error): void {
  const { stream, id, type, schemaVersion, data, metadata } = event;
  const write = { stream, expected: 'any', events: [{ id, type, schemaVersion, data, metadata }] } as const;
  try {
    checkAppend([write], { maxEventBytes: Number.MAX_SAFE_INTEGER });
  } catch (error) {
    throw refusal((error as Error).message.replace(/^writes\[0\](\.events\[0\])?\./, ''));
  }
}

/** An event and the stream it goes to. */
export type StampedPlace = StampedEvent & Pick<StoredEvent, 'stream'>;
