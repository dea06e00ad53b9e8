import { createHash, type Hash } from 'node:crypto';
import fs from 'node:fs';
import { lstat, open, rm, type FileHandle } from 'node:fs/promises';
import { writeHead, type TreeHead } from '@backstory/proof';
import { hexOf, type MerkleTree } from '@backstory/proof/seal';
import type { AuditFolder } from './audit-folder.js';
import { fileFailure, writingTo } from './file-failure.js';
import { SealFile } from './seal-file.js';
import { addBlock, type LineBlock } from './log-lines.js';
import { writeOpening, writePeaks, type SealOpening } from './seal-format.js';

/** A seal that is being written. */
export class SealDraft {
  private readonly sum: Hash = createHash('sha256');

  private constructor(
    private readonly handle: FileHandle,
    readonly tree: MerkleTree,
    private end: { readonly file: string; readonly position: number },
  ) {}

  /**
   * Begins one. What somebody left of another is thrown away: nothing says that it was read from the log, and what is signed
   * must have been. `tree`: over what was sealed before.
   */
  static async open(folder: AuditFolder, opening: SealOpening, tree: MerkleTree): Promise<SealDraft> {
    await folder.makeSealsFolder();
    await dropDraft(folder);
    const { part } = folder;
    const handle = await writingTo(part, () => open(part, 'wx'));
    try {
      await writingTo(part, () => handle.appendFile(`${writeOpening(opening)}\n`));
      return new SealDraft(handle, tree, { file: part, position: opening.fromPosition });
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
    try {
      writeWhole(this.handle, block.lines);
    } catch (error) {
      throw fileFailure(this.end.file, error);
    }
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
    await writingTo(this.end.file, async () => {
      await this.handle.appendFile(`${writePeaks(this.tree.peaks)}\n${writeHead(head)}\n`);
      await this.handle.sync();
    });
  }

  /** Whether its file is still the one that has its name: another process may have begun anew. */
  async isInPlace(): Promise<boolean> {
    const found = await lstat(this.end.file).catch(() => undefined);
    return found?.ino === (await this.handle.stat()).ino;
  }

  async close(): Promise<void> {
    await this.handle.close();
  }
}

function writeWhole({ fd }: FileHandle, bytes: Uint8Array): void {
  for (let at = 0; at < bytes.length;) at += fs.writeSync(fd, bytes, at);
}

/** A draft that is signed already: a seal, save for its name. No link to one, which could be changed later. */
export async function signedDraft({ part }: AuditFolder): Promise<SealFile | undefined> {
  const found = await lstat(part).catch(() => undefined);
  return found?.isFile() ? SealFile.open(part).catch(() => undefined) : undefined;
}

/** Throws away what was under way. */
export async function dropDraft({ part }: AuditFolder): Promise<void> {
  await writingTo(part, () => rm(part, { force: true, recursive: true }));
}
