import type { KeyRing, SigningKey } from '@backstory/proof';
import { AuditFolder } from './audit-folder.js';
import { recordedHeads } from './recorded-heads.js';
import { requireInForce } from './require-in-force.js';
import type { SealSource } from './seal-log.js';
import { asSealer } from './sealer-lease.js';

/** How one key takes the place of another. */
export interface RotateOptions {
  readonly folder: string;
  /** A key in force, which says so. */
  readonly signer: SigningKey;
  /** The key that ends. */
  readonly keyId: string;
  readonly reason?: string;
  /** The key that takes its place; keep it before the ring names it. */
  readonly next: SigningKey;
}

/** What became of it. */
export interface Rotation {
  /** The last seal of the key that ended, 0 where it has none: up to there its seals stay good. */
  readonly lastSeal: number;
}

/**
 * Adds a key and retires another, as the only one who seals. Which seal was its last, folder and log say: of either only heads
 * count that it has signed, because anybody may have put others there.
 *
 * @throws SealerBusy, KeyNotInForce, AuditFolderIncomplete, AuditFileDamaged, AuditFileUnwritable, InvalidKeyRing
 */
export async function rotateKey(source: SealSource, options: RotateOptions): Promise<Rotation> {
  const { signer, keyId, reason, next } = options;
  const folder = new AuditFolder(options.folder);
  return asSealer(source.state, async (signal) => {
    const ring = await folder.keys();
    const lastSeal = await lastSealOf(source, { folder, ring, keyId });
    signal.throwIfAborted();
    const at = new Date();
    const retire = { action: 'retire', keyId, lastSeal, ...(reason !== undefined && { reason }) } as const;
    // To read the log takes a while, and a revocation of meanwhile must stay.
    await folder.changeKeys((now) => {
      requireInForce(now, keyId);
      requireInForce(now, signer.keyId);
      return now.with({ action: 'add', publicKey: next.publicKey }, signer, at).with(retire, next, at);
    });
    return { lastSeal };
  });
}

async function lastSealOf(
  { events }: SealSource,
  { folder, ring, keyId }: { readonly folder: AuditFolder; readonly ring: KeyRing; readonly keyId: string },
): Promise<number> {
  const heads = (await recordedHeads(events)).map(({ head }) => head);
  for (const sequence of await folder.sequences()) heads.push((await folder.seal(sequence)).head);
  const own = heads.flatMap((head) =>
    head?.keyId === keyId && ring.judge(head) === undefined ? head.sequence : [],
  );
  return own.reduce((last, sequence) => Math.max(last, sequence), 0);
}
