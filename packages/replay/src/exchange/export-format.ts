import { BackstoryError } from '@backstory/core';

/** What was exported, of which log: the first line of an export, as the data of a CloudEvent. */
export interface ExportHeader {
  readonly format: 'backstory.export/1';
  readonly logId: string;
  /** The head of the log when it was begun; nothing later is in it. */
  readonly head: number;
  /** Everything that there was up to the head, the framework's own events as well. */
  readonly isWhole: boolean;
  /** What narrowed it, as it was asked for. */
  readonly filters: Readonly<Record<string, unknown>>;
  readonly exportedAt: string;
  /** Which parts of events have pseudonyms in their place; absent where all is as it was recorded. */
  readonly redacted?: readonly string[];
}

/** How much there is in an export, and the digest of all lines before it: its last line. */
export interface ExportFooter {
  readonly events: number;
  /** SHA-256 of every line before this one, each with its line feed. */
  readonly sha256: string;
}

/** A file that cannot be imported, with the line. Nothing of it was recorded. */
export class InvalidExport extends BackstoryError {
  readonly code = 'BACKSTORY_INVALID_EXPORT';
  constructor(
    readonly file: string,
    /** From 1; the line after the last where something is missing at the end. */
    readonly line: number,
    readonly problem: ExportProblem,
    message: string,
    options?: ErrorOptions,
  ) {
    super(`${file}:${line}: ${message}`, options);
  }
}

/** What is wrong with an export. */
export type ExportProblem =
  'format' | 'event' | 'order' | 'unfinished' | 'altered' | 'foreign' | 'no-stream' | 'after-the-end';

const SOURCE = '/backstory';
const BEGUN = 'backstory.export.begun';
const ENDED = 'backstory.export.ended';

/** The first line. */
export function headerLine(header: ExportHeader): string {
  return frame(BEGUN, `${header.logId}/${header.head}/begun`, header.exportedAt, header);
}

/** The last line. */
export function footerLine(header: ExportHeader, footer: ExportFooter): string {
  return frame(ENDED, `${header.logId}/${header.head}/ended`, header.exportedAt, footer);
}

/** What a line says, where it is the first of an export. */
export function headerIn(read: Readonly<Record<string, unknown>>): ExportHeader | undefined {
  const header = dataIn(read, BEGUN) as ExportHeader | undefined;
  return header?.format === 'backstory.export/1' ? header : undefined;
}

/** What a line says, where it is the last of an export. */
export function footerIn(read: Readonly<Record<string, unknown>>): ExportFooter | undefined {
  return dataIn(read, ENDED) as ExportFooter | undefined;
}

/** These are CloudEvents as well, so that a file is one kind of thing to every reader. */
function frame(type: string, id: string, time: string, data: object): string {
  const attributes = { specversion: '1.0', id, source: SOURCE, type, time };
  return JSON.stringify({ ...attributes, datacontenttype: 'application/json', data });
}

/** An application's own events say more of themselves, whatever they are called. */
function dataIn(read: Readonly<Record<string, unknown>>, wanted: string): unknown {
  const { source, type, backstoryversion, data } = read;
  return source === SOURCE && type === wanted && backstoryversion === undefined ? data : undefined;
}
