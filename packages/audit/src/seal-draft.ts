import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { open, rm, type FileHandle } from 'node:fs/promises';
import { writeHead, type TreeHead } from '@backstory/proof';
import { hexOf, type MerkleTree } from '@backstory/proof/seal';
import type { AuditFolder } from './audit-folder.js';
import { SealFile, SealLines } from './seal-file.js';
import { addBlock, type LineBlock } from './log-lines.js';
import {
  headerOfLine,
  leafOfLine,
  readLine,
  writeOpening,
  writePeaks,
  type SealOpening,
} from './seal-format.js';

/** A seal that is being written, and can be gone on with where somebody stopped. */
export class SealDraft {
  private sum: Hash;

  private constructor(
    private readonly handle: FileHandle,
    readonly tree: MerkleTree,
    private end: { bytes: number; position: number; sum: Hash },
  ) {
    this.sum = end.sum;
  }

  /** Begins one, or goes on with what is there of it. `tree`: over what was sealed before. */
  static async open(folder: AuditFolder, opening: SealOpening, tree: MerkleTree): Promise<SealDraft> {
    await folder.makeSealsFolder();
    const handle = await open(folder.part, 'a+');
    try {
      const first = `${writeOpening(opening)}\n`;
      const found = await takeUp(handle, { first, opening, tree });
      if (found) await handle.truncate(found.bytes);
      else {
        await handle.truncate(0);
        await handle.appendFile(first);
      }
      const nothing = { bytes: first.length, position: opening.fromPosition, sum: createHash('sha256') };
      return new SealDraft(handle, tree, found ?? nothing);
    } catch (error) {
      await handle.close();
      throw error;
    }
  }

  /** The position of the last event that is written. */
  get position(): number {
    return this.end.position;
  }

  add(block: LineBlock): void {
    this.sum.update(block.lines);
    addBlock(this.tree, block);
    this.end = { ...this.end, position: block.position };
    // At once: it goes into the memory of the system, which is quicker than waiting for somebody else to put it there.
    writeWhole(this.handle, block.lines);
  }

  /** SHA-256 of its lines, in hexadecimal. */
  linesHash(): string {
    return this.sum.copy().digest('hex');
  }

  root(): string {
    return hexOf(this.tree.root());
  }

  /** Writes its end, and waits until all of it is on the disk. */
  async finish(head: TreeHead): Promise<void> {
    await this.handle.appendFile(`${writePeaks(this.tree.peaks)}\n${writeHead(head)}\n`);
    await this.handle.sync();
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

function writeWhole({ fd }: FileHandle, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at);
}

/** A draft that is signed already: a seal, save for its name. */
export async function signedDraft({ part }: AuditFolder): Promise<SealFile | undefined> {
  return SealFile.open(part).catch(() => undefined);
}

/** Throws away what was under way. */
export async function dropDraft({ part }: AuditFolder): Promise<void> {
  await rm(part, { force: true });
}

interface TakenUp {
  readonly bytes: number;
  readonly position: number;
  readonly sum: Hash;
}

/** What can be used of a draft: its whole lines, as long as they go on in order. `undefined`: it is of another seal. */
async function takeUp(
  handle: FileHandle,
  {
    first,
    opening,
    tree,
  }: { readonly first: string; readonly opening: SealOpening; readonly tree: MerkleTree },
): Promise<TakenUp | undefined> {
  const { size } = await handle.stat();
  const lines = new SealLines(handle, { from: 0, to: size });
  if (size < first.length || `${await lines.next()}\n` !== first) return undefined;
  const sum = createHash('sha256');
  let [bytes, position] = [first.length, opening.fromPosition];
  for (let text = await lines.next(); text !== undefined; text = await lines.next()) {
    const line = readLine(text);
    const length = Buffer.byteLength(text) + 1;
    const next = line && headerOfLine(line).position;
    if (!line || !(next! > position) || bytes + length > size) break;
    tree.append(leafOfLine(line));
    sum.update(`${text}\n`);
    [bytes, position] = [bytes + length, next!];
  }
  return { bytes, position, sum };
}
