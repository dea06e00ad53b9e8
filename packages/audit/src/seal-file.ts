import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { open, stat, type FileHandle } from 'node:fs/promises';
import { readHead, type TreeHead } from '@backstory/proof';
import { MerkleTree, hexOf, type Digest } from '@backstory/proof/seal';
import { AuditFileDamaged } from './errors.js';
import { readOpening, readPeaks, type SealOpening } from './seal-format.js';

/**
 * One seal, as a file of text, format version 1:
 *
 * | line | is |
 * |---|---|
 * | first | which seal of which log, and what is sealed before it |
 * | one an event | the SHA-256 of its data, that of its metadata, its header |
 * | last but one | the complete subtrees of all events so far |
 * | last | the signed head |
 */
export class SealFile {
  private constructor(
    readonly file: string,
    readonly opening: SealOpening,
    readonly peaks: readonly Digest[],
    readonly head: TreeHead,
    /** The bytes of the line of its last event. */
    readonly lastLine: string,
    private readonly body: { readonly from: number; readonly to: number },
  ) {}

  /** Reads the beginning and the end. @throws AuditFileDamaged */
  static async open(file: string): Promise<SealFile> {
    const handle = await openFile(file);
    try {
      const { size } = await handle.stat();
      const first = lineAt(await read(handle, 0, Math.min(size, 4_096)));
      const opening = first === undefined ? undefined : readOpening(first);
      if (first === undefined || !opening) throw new AuditFileDamaged(file, 'does not begin as a seal does.');
      const from = Buffer.byteLength(first) + 1;
      const end = await read(handle, Math.max(from, size - LONGEST_END), size);
      return SealFile.withEnd(file, { opening, from, size, end });
    } finally {
      await handle.close();
    }
  }

  private static withEnd(
    file: string,
    { opening, from, size, end }: { opening: SealOpening; from: number; size: number; end: Buffer },
  ): SealFile {
    if (end.at(-1) !== LF) throw new AuditFileDamaged(file, 'is cut off.');
    const headAt = end.lastIndexOf(LF, -2) + 1;
    const peaksAt = headAt === 0 ? 0 : end.lastIndexOf(LF, headAt - 2) + 1;
    const peaks = readPeaks(end.subarray(peaksAt, Math.max(0, headAt - 1)).toString());
    if (!peaks) throw new AuditFileDamaged(file, 'does not end as a seal does.');
    const head = headIn(file, end.subarray(headAt).toString());
    const agree = (['logId', 'sequence', 'fromSize', 'fromPosition'] as const).every(
      (name) => opening[name] === head[name],
    );
    if (!agree) throw new AuditFileDamaged(file, 'begins as another seal than it ends.');
    const lastLine = end
      .subarray(end.lastIndexOf(LF, peaksAt - 2) + 1, Math.max(0, peaksAt - 1))
      .toString('latin1');
    return new SealFile(file, opening, peaks, head, lastLine, { from, to: size - end.length + peaksAt });
  }

  /** The tree over everything that is sealed up to here, to be added to. @throws AuditFileDamaged */
  tree(): MerkleTree {
    try {
      const tree = MerkleTree.from(this.head.treeSize, this.peaks);
      if (hexOf(tree.root()) === this.head.root) return tree;
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
    }
    throw new AuditFileDamaged(this.file, 'has another tree in its last line but one than in its head.');
  }

  /** The lines of its events. Close them. */
  async lines(): Promise<SealLines> {
    return new SealLines(await open(this.file), this.body);
  }
}

/** The lines of a seal's events, read as they are asked for. */
export class SealLines {
  private readonly sum: Hash = createHash('sha256');
  /** What was read and not yet given stands in it from `at` to `end`. */
  private buffer = Buffer.allocUnsafeSlow(2 * CHUNK);
  private at = 0;
  private end = 0;

  constructor(
    private readonly handle: FileHandle,
    private readonly body: { from: number; readonly to: number },
  ) {
    this.body = { ...body };
  }

  /** Takes these lines if they are what comes next. */
  async take(lines: Uint8Array): Promise<boolean> {
    while (this.end - this.at < lines.length && (await this.fill()));
    const to = this.at + lines.length;
    if (to > this.end || this.buffer.compare(lines, 0, lines.length, this.at, to) !== 0) return false;
    this.at = to;
    return true;
  }

  /** The bytes of the next line, without its break; `undefined` after the last. What comes after the last break is a line as well. */
  async next(): Promise<string | undefined> {
    let end = this.lineEnd();
    let tooLong = false;
    while (end < 0) {
      if (this.end - this.at > LONGEST_LINE) {
        tooLong = true;
        this.at = this.end;
      }
      if (!(await this.fill())) break;
      end = this.lineEnd();
    }
    if (end < 0 && this.at === this.end && !tooLong) return undefined;
    const to = end < 0 ? this.end : end;
    const line = tooLong ? '' : this.buffer.toString('latin1', this.at, to);
    this.at = Math.min(to + 1, this.end);
    return line;
  }

  /** SHA-256 of all lines, in hexadecimal; reads what is left. */
  async hash(): Promise<string> {
    do this.at = this.end;
    while (await this.fill());
    return this.sum.digest('hex');
  }

  async close(): Promise<void> {
    await this.handle.close();
  }

  private lineEnd(): number {
    const end = this.buffer.subarray(this.at, this.end).indexOf(LF);
    return end < 0 ? end : this.at + end;
  }

  private async fill(): Promise<boolean> {
    const wanted = Math.min(CHUNK, this.body.to - this.body.from);
    if (wanted <= 0) return false;
    this.makeRoom();
    const bytesRead = fs.readSync(this.handle.fd, this.buffer, this.end, wanted, this.body.from);
    this.sum.update(this.buffer.subarray(this.end, this.end + bytesRead));
    this.body.from += bytesRead;
    this.end += bytesRead;
    return bytesRead > 0;
  }

  private makeRoom(): void {
    const room =
      this.end - this.at + CHUNK > this.buffer.length
        ? Buffer.allocUnsafeSlow(2 * this.buffer.length)
        : this.buffer;
    this.buffer.copy(room, 0, this.at, this.end);
    this.end -= this.at;
    this.at = 0;
    this.buffer = room;
  }
}

/** What is no file could keep whoever opens it waiting for ever. @throws AuditFileDamaged */
async function openFile(file: string): Promise<FileHandle> {
  try {
    if ((await stat(file)).isFile()) return await open(file);
  } catch (error) {
    throw new AuditFileDamaged(file, `cannot be read: ${(error as Error).message}.`, { cause: error });
  }
  throw new AuditFileDamaged(file, 'is no regular file.');
}

const CHUNK = 2 ** 20;
const LF = 0x0a;
/** No event has a line of this many bytes; what is longer is none, and is not kept. */
const LONGEST_LINE = 64 * 2 ** 20;
/** 53 subtrees and a head. */
const LONGEST_END = 16_384;

async function read(handle: FileHandle, from: number, to: number): Promise<Buffer> {
  const buffer = Buffer.alloc(Math.max(0, to - from));
  const { bytesRead } = await handle.read(buffer, 0, buffer.length, from);
  return buffer.subarray(0, bytesRead);
}

function lineAt(bytes: Buffer): string | undefined {
  const end = bytes.indexOf(LF);
  return end < 0 ? undefined : bytes.subarray(0, end).toString();
}

function headIn(file: string, text: string): TreeHead {
  try {
    return readHead(text);
  } catch (cause) {
    throw new AuditFileDamaged(file, 'does not end in a signed head.', { cause });
  }
}
