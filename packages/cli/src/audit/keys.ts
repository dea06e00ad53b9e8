import fs from 'node:fs';
import { rotateKey } from '@backstory/audit';
import { KeyRing, publicKeyPem, type RingKey, type SigningKey } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { columns } from '../columns.js';
import { UsageError } from '../errors.js';
import type { Paper } from '../paper.js';
import type { AuditCall } from './audit-call.js';

/** `audit keys <what>`: who may sign seals. */
export async function keys(audit: AuditCall): Promise<void> {
  const [, , more] = audit.call.arguments as [string, string, string?];
  const what = audit.subject('create | add | rotate | revoke | list | public');
  const action = Object.hasOwn(KEY_ACTIONS, what) ? KEY_ACTIONS[what] : undefined;
  if (!action)
    throw new UsageError(
      'invalid-argument',
      `"${what}" is nothing that is done to keys: there are ${Object.keys(KEY_ACTIONS).join(', ')}.`,
    );
  const { does, names = false, options } = action;
  if (more !== undefined && !names)
    throw new UsageError('excess-arguments', `keys ${what} takes no further argument: "${more}".`);
  for (const [option, flag] of Object.entries(FLAGS) as [keyof typeof FLAGS, string][])
    if (audit.options[option] !== undefined && !options.includes(option))
      throw new UsageError(
        'conflicting-options',
        `${flag} does not belong to audit keys ${what}. See backstory audit keys --help.`,
      );
  audit.locate();
  await does(audit);
}

interface KeyAction {
  readonly does: (audit: AuditCall) => Promise<void>;
  /** Whether a key can be named. */
  readonly names?: boolean;
  readonly options: readonly (keyof typeof FLAGS)[];
}

/** Options that are not for all that is done to keys. */
const FLAGS = {
  key: '--key',
  keys: '--keys',
  newKey: '--new-key',
  retire: '--retire',
  reason: '--reason',
  out: '--out',
} as const;

const KEY_ACTIONS: Readonly<Record<string, KeyAction>> = {
  create: { does: create, options: ['key'] },
  add: { does: add, options: ['key', 'newKey'] },
  rotate: { does: rotate, options: ['key', 'newKey', 'retire', 'reason'] },
  revoke: { does: revoke, names: true, options: ['key', 'reason'] },
  list: { does: list, options: ['keys'] },
  public: { does: writePublic, names: true, options: ['keys', 'out'] },
};

async function create(audit: AuditCall): Promise<void> {
  const { folder, options } = audit;
  if (await folder.hasKeys())
    throw new UsageError(
      'keys-there',
      `${folder.keysFile} is there already: add another key with "backstory audit keys add".`,
    );
  const key = makeKey(audit, options.key ?? audit.call.io.env['BACKSTORY_AUDIT_KEY'], '--key');
  await keeping(key, () => folder.beginKeys(KeyRing.begin(key, new Date())));
  await tell(audit, key, [
    `It signs seals from now on. Whoever has it can sign: keep it apart from the log and from ${folder.folder}.`,
    `Give ${folder.keysFile} to those who will check.`,
  ]);
}

async function add(audit: AuditCall): Promise<void> {
  const { folder } = audit;
  const signer = audit.signingKey();
  // Before there is a new key: a folder without a ring is told.
  await folder.keys();
  const key = newKey(audit);
  const add = { action: 'add', publicKey: key.publicKey } as const;
  await keeping(key, () => folder.changeKeys((ring) => ring.with(add, signer, new Date())));
  await tell(audit, key, [
    'It may sign seals as well; without it a key that is lost or stolen cannot be replaced.',
  ]);
}

async function rotate(audit: AuditCall): Promise<void> {
  const { reason, retire } = audit.options;
  const signer = audit.signingKey();
  await audit.withStorage({ readOnly: false }, async (storage) => {
    const { folder } = audit;
    const keyId = retire === undefined ? signer.keyId : called(await folder.keys(), retire).keyId;
    const key = newKey(audit);
    const rotation = {
      folder: folder.folder,
      signer,
      keyId,
      next: key,
      ...(reason !== undefined && { reason }),
    };
    const { lastSeal } = await keeping(key, () => rotateKey(storage, rotation));
    const good = lastSeal === 0 ? 'it has signed no seal' : `its seals up to seal ${lastSeal} stay good`;
    await tell(audit, key, [`Key ${keyId.slice(0, 16)} is retired: ${good}. Destroy it.`]);
  });
}

async function revoke(audit: AuditCall): Promise<void> {
  const { folder, options } = audit;
  const [, , name = ''] = audit.call.arguments as [string, string, string?];
  const { keyId } = called(await folder.keys(), name);
  const { reason } = options;
  const change = { action: 'revoke', keyId, ...(reason !== undefined && { reason }) } as const;
  await folder.changeKeys((ring) => {
    requireAnother(ring, keyId);
    return ring.with(change, audit.signingKey(), new Date());
  });
  await audit.call.report.answer({ revoked: keyId }, () => [
    `Key ${keyId.slice(0, 16)} is revoked. What it signed counts only where a seal by another key contains it.`,
    'Verify against an anchor, seal with another key, and give the new key ring to those who check.',
  ]);
}

/** @throws UsageError */
function requireAnother({ keys: all }: KeyRing, keyId: string): void {
  if (all.some((key) => key.status === 'in-force' && key.keyId !== keyId)) return;
  throw new UsageError(
    'last-key',
    'It is the last key in force, and nobody could seal without it: make another one first, with "backstory audit keys add".',
  );
}

async function list(audit: AuditCall): Promise<void> {
  const { keys: all } = await audit.ring();
  const shown = all.map(({ publicKey, ...key }) => ({ ...key, publicKey: publicKeyPem(publicKey) }));
  await audit.call.report.answer({ keys: shown }, (paper) => keyTable(all, paper));
}

async function writePublic(audit: AuditCall): Promise<void> {
  const { call, options } = audit;
  const [, , name] = call.arguments as [string, string, string?];
  const ring = await audit.ring();
  const key = name === undefined ? await sealingKey(audit, ring) : called(ring, name);
  const pem = publicKeyPem(key.publicKey);
  if (options.out !== undefined) await audit.write(options.out, [pem]);
  await call.report.answer({ keyId: key.keyId, pem }, () =>
    options.out === undefined
      ? pem.trimEnd().split('\n')
      : [`The public key ${key.keyId.slice(0, 16)} is in ${options.out}`],
  );
}

/** That of the last seal: it is what a package, or a proof, of now is checked with. @throws UsageError where that is not one key */
async function sealingKey({ folder }: AuditCall, { keys: all }: KeyRing): Promise<RingKey> {
  const last = await folder.head();
  const signed = all.find(({ keyId }) => keyId === last?.keyId);
  const [only, ...more] = signed ? [signed] : all.filter(({ status }) => status === 'in-force');
  if (only && more.length === 0) return only;
  throw new UsageError(
    'no-key',
    `${only ? 'Several keys' : 'No key'} of this ring ${only ? 'are' : 'is'} in force, and none has signed the last seal: name one, see "backstory audit keys list".`,
  );
}

function newKey(audit: AuditCall): KeptKey {
  return makeKey(audit, audit.options.newKey, '--new-key');
}

/** A private key that lies in a file. */
interface KeptKey extends SigningKey {
  readonly file: string;
}

/** A key that no ring names in the end is taken away again: it would be taken for one that signs. */
async function keeping<T>({ file }: KeptKey, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    fs.rmSync(file, { force: true });
    throw error;
  }
}

/** Readable by nobody else, and never over another file: it may be a key. */
function makeKey(audit: AuditCall, given: string | undefined, option: string): KeptKey {
  if (given === undefined)
    throw new UsageError('no-key', `Say with ${option} where the new private key is to be written.`);
  const file = audit.file(given);
  const pem = newPrivateKey(audit.passphrase);
  try {
    fs.writeFileSync(file, pem, { mode: 0o600, flag: 'wx' });
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const why =
      code === 'EEXIST' ? 'is there already: nothing is written over a key' : `cannot be written: ${message}`;
    throw new UsageError('unwritable-key', `${file} ${why}.`);
  }
  return { ...readPrivateKey(pem, audit.passphrase), file };
}

function called({ keys: all }: KeyRing, name: string): RingKey {
  const found = all.filter(({ keyId }) => name.length >= 8 && keyId.startsWith(name));
  if (found.length === 1) return found[0]!;
  throw new UsageError(
    'unknown-key',
    `Give the id of a key, its first 8 digits at least: there are ${all.map(({ keyId }) => keyId.slice(0, 16)).join(', ')}.`,
  );
}

async function tell(
  { call, passphrase }: AuditCall,
  { keyId }: SigningKey,
  lines: readonly string[],
): Promise<void> {
  const encrypted =
    passphrase === undefined ? ', not encrypted (BACKSTORY_AUDIT_PASSPHRASE would do that)' : ', encrypted';
  await call.report.answer({ keyId }, () => [`Key ${keyId.slice(0, 16)} was made${encrypted}.`, ...lines]);
}

function keyTable(all: readonly RingKey[], paper: Paper): readonly string[] {
  return columns(
    all,
    [
      { head: 'key', text: ({ keyId }) => keyId.slice(0, 16) },
      { head: 'is', text: ({ status }) => status },
      { head: 'since', text: ({ addedAt }) => addedAt },
      { head: 'until', text: ({ endedAt }) => endedAt ?? '' },
      { head: 'last seal', text: ({ lastSeal }) => lastSeal ?? '', align: 'right' },
      { head: 'why', text: ({ reason }) => reason ?? '' },
    ],
    paper,
  );
}
