import crypto from 'node:crypto';
import fs from 'node:fs';
import readline from 'node:readline';
import { once } from 'node:events';
import {
  UnusableRecord,
  digestedOf,
  readTrailLine,
  type Trail,
  type TrailsFooter,
  type TrailsHeader,
} from '@backstory/replay/check';
import type { Folded } from './folding.js';
import { notWritable, partOf, requireOwn } from '../part-file.js';

/** The trails in a file, one by one; then how many they were. @throws UnusableRecord */
export class TrailsFile {
  private constructor(
    readonly file: string,
    readonly header: TrailsHeader,
  ) {}

  static async open(file: string): Promise<TrailsFile> {
    if (!fs.existsSync(file))
      throw new UnusableRecord(
        file,
        'missing',
        `There is no record ${file}: make one with backstory check record, with the code that is trusted.`,
      );
    for await (const line of linesOf(file)) {
      const header = headerIn(line);
      if (header) return new TrailsFile(file, header);
      break;
    }
    throw new UnusableRecord(
      file,
      'format',
      `${file} is no record of backstory check: give the file that check record has written.`,
    );
  }

  /** @throws UnusableRecord when it has no end */
  async *trails(): AsyncGenerator<Trail, TrailsFooter> {
    let isFirst = true;
    for await (const line of linesOf(this.file)) {
      if (isFirst) {
        isFirst = false;
        continue;
      }
      if (line.startsWith(FOOTER)) return (JSON.parse(line) as { end: TrailsFooter }).end;
      yield this.trailIn(line);
    }
    throw new UnusableRecord(
      this.file,
      'unfinished',
      `${this.file} has no end: make it again with backstory check record.`,
    );
  }

  private trailIn(line: string): Trail {
    try {
      return readTrailLine(line);
    } catch {
      throw new UnusableRecord(
        this.file,
        'format',
        `${this.file} is damaged: make it again with backstory check record.`,
      );
    }
  }
}

const BEGINNING = '{"check":';
const FOOTER = '{"end":';

/** Writes trails to a file that has its name only when it is whole. */
export class TrailsWriter {
  private readonly hash = crypto.createHash('sha256');
  private streams = 0;
  private events = 0;

  private constructor(
    private readonly file: string,
    readonly header: TrailsHeader,
    /** The last stream of the part that there was already. */
    readonly after: string | undefined,
    private readonly out: fs.WriteStream,
    /** The lines of that part. */
    readonly written: readonly string[],
  ) {}

  /** Goes on with the part of an interrupted run where `isResumed`. @throws UnusableRecord where that was another run */
  static async open(file: string, header: TrailsHeader, isResumed: boolean): Promise<TrailsWriter> {
    const part = partOf(file);
    for (const it of [file, part]) requireOwn(it, BEGINNING, '--file');
    const found = isResumed && fs.existsSync(part) ? await readPart(part, header) : undefined;
    if (found) fs.truncateSync(part, found.bytes);
    const out = fs.createWriteStream(part, { flags: found ? 'a' : 'w' });
    await once(out, 'open').catch((error: unknown) => {
      throw notWritable(file, '--file', error);
    });
    const writer = new TrailsWriter(file, found?.header ?? header, found?.after, out, found?.lines ?? []);
    if (!found) out.write(`${JSON.stringify({ check: header })}\n`);
    for (const line of writer.written) writer.count(line);
    return writer;
  }

  async write({ lines, digested = lines, streams, events }: Omit<Folded, 'faults'>): Promise<void> {
    this.hash.update(digested);
    this.streams += streams;
    this.events += events;
    if (lines.length > 0 && !this.out.write(lines)) await once(this.out, 'drain');
  }

  /** @throws what the disk says */
  async end(): Promise<TrailsFooter> {
    const footer = { streams: this.streams, events: this.events, digest: this.hash.digest('hex') };
    this.out.end(`${JSON.stringify({ end: footer })}\n`);
    await once(this.out, 'close');
    fs.renameSync(partOf(this.file), this.file);
    return footer;
  }

  /** Keeps what is there, for another run to go on with. */
  async stop(): Promise<void> {
    if (this.out.closed) return;
    this.out.end();
    await once(this.out, 'close');
  }

  /** What another run has written. */
  private count(line: string): void {
    this.hash.update(`${digestedOf(line)}\n`);
    this.streams++;
    // Inside a text a quote has a backslash before it: the first one that has none is the property.
    this.events += Number(/"version":(\d+)/.exec(line)?.[1] ?? 0);
  }
}

interface Part {
  readonly header: TrailsHeader;
  readonly lines: readonly string[];
  readonly after: string | undefined;
  readonly bytes: number;
}

async function readPart(part: string, wanted: TrailsHeader): Promise<Part | undefined> {
  const lines: string[] = [];
  let header: TrailsHeader | undefined;
  let bytes = 0;
  let after: string | undefined;
  for await (const line of linesOf(part)) {
    const size = Buffer.byteLength(line) + 1;
    // The last line may be cut.
    if (bytes + size > fs.statSync(part).size) break;
    if (!header) {
      header = headerIn(line);
      if (!header) return undefined;
      checkSame(part, header, wanted);
    } else {
      ({ stream: after } = readTrailLine(line));
      lines.push(line);
    }
    bytes += size;
  }
  return header && { header, lines, after, bytes };
}

function checkSame(part: string, found: TrailsHeader, wanted: TrailsHeader): void {
  const facts = ({ logId, categories, isLastOnly, sample, code }: TrailsHeader) =>
    JSON.stringify([logId, categories, isLastOnly, sample, code]);
  if (facts(found) === facts(wanted)) return;
  throw new UnusableRecord(
    part,
    'other-options',
    `${part} was begun with other options, other code or another log: leave --resume out to begin again.`,
  );
}

function headerIn(line: string): TrailsHeader | undefined {
  try {
    const { check } = JSON.parse(line) as { check?: TrailsHeader };
    return check?.format === 'backstory.check/2' ? check : undefined;
  } catch {
    return undefined;
  }
}

function linesOf(file: string): AsyncIterable<string> {
  return readline.createInterface({ input: fs.createReadStream(file), crlfDelay: Infinity });
}
