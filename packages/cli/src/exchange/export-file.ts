import crypto from 'node:crypto';
import fs from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import type { StoredEvent } from '@backstory/core';
import {
  footerLine,
  headerIn,
  headerLine,
  readCloudEvent,
  type ExportFooter,
  type ExportHeader,
} from '@backstory/replay/exchange';
import { UsageError } from '../errors.js';
import { beginPart, endPart, partOf, requireFree } from '../part-file.js';
import { linesOf, type Reading } from './lines-of.js';

/**
 * Where an export goes: a file that has its name only when it is whole. What is there before is its part. Two that go on with one
 * part write the same bytes to the same places.
 */
export class ExportFile {
  private constructor(
    private readonly file: string,
    private readonly begun: Begun,
    private readonly out: fs.promises.FileHandle,
  ) {}

  /** @throws UsageError where the file is there, or a part of it that is not to be gone on with */
  static async begin(file: string, header: ExportHeader): Promise<ExportFile> {
    fs.closeSync(beginPart(file));
    const begun = { header, last: undefined, events: 0, bytes: 0, hash: crypto.createHash('sha256') };
    const made = new ExportFile(file, begun, await fs.promises.open(partOf(file), 'r+'));
    await made.put([headerLine(header)]);
    return made;
  }

  /** Goes on with what an interrupted export has left; `undefined` where there is nothing. @throws UsageError where that was another one */
  static async resume(file: string, wanted: ExportHeader, reading: Reading): Promise<ExportFile | undefined> {
    requireFree(file);
    const part = partOf(file);
    if (!fs.existsSync(part)) return undefined;
    const begun = await readPart(part, reading);
    if (!begun) {
      // Not even its first line is whole.
      fs.rmSync(part);
      return undefined;
    }
    if (!isSame(begun.header, wanted))
      throw new UsageError(
        'other-export',
        `${part} was begun with other filters or of another log: remove it to begin again, without --resume.`,
      );
    return new ExportFile(file, begun, await fs.promises.open(part, 'r+'));
  }

  get header(): ExportHeader {
    return this.begun.header;
  }

  /** The last event that was there when it was opened. */
  get last(): StoredEvent | undefined {
    return this.begun.last;
  }

  get events(): number {
    return this.begun.events;
  }

  async write(lines: readonly string[]): Promise<void> {
    if (lines.length === 0) return;
    await this.put(lines);
    this.begun.events += lines.length;
  }

  async end(): Promise<ExportFooter> {
    const footer = { events: this.events, sha256: this.begun.hash.digest('hex') };
    await this.append(`${footerLine(this.header, footer)}\n`);
    await this.out.truncate(this.begun.bytes);
    await this.out.sync();
    try {
      endPart(this.file, this.out.fd);
    } finally {
      await this.out.close();
    }
    return footer;
  }

  /** Leaves the part for --resume. */
  async stop(): Promise<void> {
    await this.out.close();
  }

  private async put(lines: readonly string[]): Promise<void> {
    const text = `${lines.join('\n')}\n`;
    this.begun.hash.update(text);
    await this.append(text);
  }

  private async append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length;) {
      const { bytesWritten } = await this.out.write(bytes, at, bytes.length - at, this.begun.bytes + at);
      at += bytesWritten;
    }
    this.begun.bytes += bytes.length;
  }
}

/** What there is of an export. */
interface Begun {
  readonly header: ExportHeader;
  readonly last: StoredEvent | undefined;
  readonly hash: crypto.Hash;
  events: number;
  bytes: number;
}

/** The whole lines of a part. Its last line is read, for where to go on; that it is whole the line feed says. */
async function readPart(part: string, reading: Reading): Promise<Begun | undefined> {
  const hash = crypto.createHash('sha256');
  let header: ExportHeader | undefined;
  let lastLine: string | undefined;
  let [events, bytes] = [0, 0];
  for await (const line of linesOf(part, { ...reading, isWholeOnly: true })) {
    if (!header) {
      header = headerOf(line);
      if (!header) return undefined;
    } else {
      // It was finished, and not yet renamed: its end is written again.
      if (line.includes('backstory.export.ended') && !isEvent(line)) break;
      lastLine = line;
      events++;
    }
    hash.update(`${line}\n`);
    bytes += Buffer.byteLength(line) + 1;
  }
  const last = lastLine === undefined ? undefined : readCloudEvent(lastLine);
  return header && { header, last, hash, events, bytes };
}

function isEvent(line: string): boolean {
  try {
    readCloudEvent(line);
    return true;
  } catch {
    return false;
  }
}

function headerOf(line: string): ExportHeader | undefined {
  try {
    return headerIn(JSON.parse(line) as Record<string, unknown>);
  } catch {
    return undefined;
  }
}

function isSame(found: ExportHeader, wanted: ExportHeader): boolean {
  const facts = ({ logId, filters }: ExportHeader) => ({ logId, filters });
  return isDeepStrictEqual(facts(found), facts(wanted));
}
