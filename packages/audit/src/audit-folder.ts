import { randomBytes } from 'node:crypto';
import { lstat, mkdir, open, readFile, readdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { KeyRing, readHead, writeHead, type TreeHead } from '@backstory/proof';
import { AuditFileDamaged, AuditFileUnwritable, AuditFolderIncomplete } from './errors.js';
import { writingTo } from './file-failure.js';
import { SealFile } from './seal-file.js';

/**
 * Where the evidence about one log is kept, best apart from the log itself:
 *
 * | file | is |
 * |---|---|
 * | `keys.jsonl` | who may sign: the key ring |
 * | `seals/000001.seal` … | one a seal, never changed again |
 * | `seals/next.part` | a seal under way |
 * | `head.json` | the last signed head: what to anchor elsewhere |
 */
export class AuditFolder {
  constructor(readonly folder: string) {}

  /** Where a seal is under way. */
  get part(): string {
    return path.join(this.folder, 'seals', 'next.part');
  }

  get keysFile(): string {
    return path.join(this.folder, 'keys.jsonl');
  }

  get headFile(): string {
    return path.join(this.folder, 'head.json');
  }

  sealFile(sequence: number): string {
    return path.join(this.folder, 'seals', sealName(sequence));
  }

  /** @throws AuditFolderIncomplete, InvalidKeyRing */
  async keys(): Promise<KeyRing> {
    const text = await textIn(this.keysFile);
    if (text === undefined) throw new AuditFolderIncomplete(this.folder, 'keys');
    return KeyRing.read(text);
  }

  async hasKeys(): Promise<boolean> {
    return (await textIn(this.keysFile)) !== undefined;
  }

  async writeKeys(ring: KeyRing): Promise<void> {
    await writeWhole(this.keysFile, ring.write());
  }

  /**
   * Puts another ring in place of the one that is there, of which it is made. One process does that at a time, so that of two nobody's
   * change is lost.
   *
   * @throws AuditFolderIncomplete, InvalidKeyRing; AuditFileUnwritable where another process is at it
   */
  async changeKeys(change: (ring: KeyRing) => KeyRing): Promise<void> {
    await this.alone(async () => this.writeKeys(change(await this.keys())));
  }

  /** The first ring of the folder. @throws AuditFileUnwritable where there is one, or another process is at it */
  async beginKeys(ring: KeyRing): Promise<void> {
    await this.alone(async () => {
      if (await this.hasKeys())
        throw new AuditFileUnwritable(this.keysFile, THERE, { cause: new Error('it is there') });
      await this.writeKeys(ring);
    });
  }

  private async alone(work: () => Promise<void>): Promise<void> {
    const lock = `${this.keysFile}.lock`;
    const handle = await writingTo(lock, async () => {
      await mkdir(this.folder, { recursive: true });
      return open(lock, 'wx').catch((error: NodeJS.ErrnoException) => {
        throw error.code === 'EEXIST' ? new AuditFileUnwritable(lock, BUSY, { cause: error }) : error;
      });
    });
    try {
      await work();
    } finally {
      await handle.close();
      await rm(lock, { force: true });
    }
  }

  /** Which seals there are, in order. */
  async sequences(): Promise<readonly number[]> {
    const files = await namesIn(path.join(this.folder, 'seals'));
    const sequences = files.map(sequenceIn).filter((it) => it !== undefined);
    return sequences.sort((a, b) => a - b);
  }

  /** Files that end as a seal does and are under a name that no seal has. */
  async misnamed(): Promise<readonly string[]> {
    const seals = path.join(this.folder, 'seals');
    const names = (await namesIn(seals)).filter((it) => it.endsWith('.seal') && sequenceIn(it) === undefined);
    return names.sort().map((name) => path.join(seals, name));
  }

  /** @throws AuditFileDamaged */
  async seal(sequence: number): Promise<SealFile> {
    const file = this.sealFile(sequence);
    const seal = await SealFile.open(file).catch((error: unknown) => {
      if (!(error instanceof AuditFileDamaged)) throw error;
      throw new AuditFileDamaged(file, `${error.reason} ${MADE_AGAIN}`, { cause: error });
    });
    if (seal.head.sequence === sequence) return seal;
    throw new AuditFileDamaged(file, `is seal ${seal.head.sequence} under another name. ${MADE_AGAIN}`);
  }

  /** The last seal; `undefined` where there is none. @throws AuditFileDamaged */
  async last(): Promise<SealFile | undefined> {
    const sequence = (await this.sequences()).at(-1);
    return sequence === undefined ? undefined : this.seal(sequence);
  }

  async makeSealsFolder(): Promise<void> {
    const seals = path.join(this.folder, 'seals');
    await writingTo(seals, () => mkdir(seals, { recursive: true }));
  }

  /** Makes what was under way a seal. */
  async publish(head: TreeHead): Promise<void> {
    const file = this.sealFile(head.sequence);
    if (await isThere(file))
      throw new AuditFileDamaged(file, 'is there already, and no seal is ever written over: verify the log.');
    await writingTo(file, () => rename(this.part, file));
    await flush(path.dirname(this.part));
  }

  /** The last head that was written down; `undefined` where none was. @throws AuditFileDamaged */
  async head(): Promise<TreeHead | undefined> {
    const text = await textIn(this.headFile);
    try {
      return text === undefined ? undefined : readHead(text);
    } catch (cause) {
      throw new AuditFileDamaged(this.headFile, 'is no signed head.', { cause: cause as Error });
    }
  }

  /** Writes down the last head, where it is not there as it should be. */
  async writeHead(head: TreeHead): Promise<void> {
    const text = `${writeHead(head)}\n`;
    if ((await textIn(this.headFile)) !== text) await writeWhole(this.headFile, text);
  }
}

const BUSY =
  'another process is at it: do it again when it is done. Where none is, one was interrupted: remove that file.';
const THERE = 'add another key to it.';
const MADE_AGAIN =
  'Move it elsewhere and keep it: the next "backstory audit seal" makes it again from the log.';

function sealName(sequence: number): string {
  return `${String(sequence).padStart(6, '0')}.seal`;
}

/** Only of the one name that a seal has, so that none is there twice. */
function sequenceIn(file: string): number | undefined {
  const sequence = Number.parseInt(file, 10);
  return sequence > 0 && sealName(sequence) === file ? sequence : undefined;
}

/** Reads a head that was anchored somewhere. @throws InvalidHead, AuditFileDamaged */
export async function readAnchor(file: string): Promise<TreeHead> {
  const text = await textIn(file);
  if (text === undefined)
    throw new AuditFileDamaged(file, 'is not there: give the file of an anchored head.');
  return readHead(text);
}

/** All of it or nothing, also when the power fails. @throws AuditFileUnwritable */
async function writeWhole(file: string, text: string): Promise<void> {
  await writingTo(file, async () => {
    await mkdir(path.dirname(file), { recursive: true });
    // A name that nobody could know before, and no link that somebody has laid there.
    const draft = `${file}.${randomBytes(6).toString('hex')}.new`;
    const handle = await open(draft, 'wx');
    try {
      await handle.writeFile(text);
      await handle.sync();
      await handle.close();
      await rename(draft, file);
    } catch (error) {
      await handle.close();
      await rm(draft, { force: true });
      throw error;
    }
  });
  await flush(path.dirname(file));
}

/** A new name is on the disk when its folder is. Some systems cannot do that, and need not. */
async function flush(folder: string): Promise<void> {
  const handle = await open(folder).catch(() => undefined);
  await handle?.sync().catch(() => undefined);
  await handle?.close();
}

async function isThere(file: string): Promise<boolean> {
  return lstat(file).then(
    () => true,
    () => false,
  );
}

async function textIn(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw new AuditFileDamaged(file, `cannot be read: ${error.message}.`, { cause: error });
  });
}

async function namesIn(folder: string): Promise<readonly string[]> {
  return readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return [];
    throw new AuditFileDamaged(folder, `cannot be read: ${error.message}.`, { cause: error });
  });
}
