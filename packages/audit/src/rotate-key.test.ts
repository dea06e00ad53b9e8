import fs from 'node:fs';
import path from 'node:path';
import type { OpenStorage } from '@backstory/core';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { sqlite } from '@backstory/sqlite';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from '../../../test/support/sealed-log';
import { sqliteFiles } from '../../../test/support/sqlite-files';
import { AuditFolder } from './audit-folder.js';
import { KeyNotInForce, SealerBusy } from './errors.js';
import { auditVersion, recordHead } from './recorded-heads.js';
import { rotateKey } from './rotate-key.js';

const files = sqliteFiles();
const folders = auditFolders();
let storage: OpenStorage;
let keyed: KeyedFolder;
const next = readPrivateKey(newPrivateKey());
const rotate = () =>
  rotateKey(storage, { folder: keyed.folder, signer: keyed.key, keyId: keyed.key.keyId, next });
const retired = async () => (await new AuditFolder(keyed.folder).keys()).keys[0];

beforeEach(async () => {
  storage = await files.opened(sqlite(files.newFile(), { driver: 'libsql' }).open());
  keyed = await folders.newFolder();
  await fillLog(storage, 5);
});

test('a rotated key stays good up to its last seal, wherever that is known', async () => {
  await seal(storage, keyed);
  await fillLog(storage, 5, 5);
  await seal(storage, keyed);
  fs.renameSync(path.join(keyed.folder, 'seals'), path.join(keyed.folder, 'elsewhere'));
  expect(await rotate()).toEqual({ lastSeal: 2 });
  expect(await retired()).toMatchObject({ status: 'retired', lastSeal: 2 });
  await expect(seal(storage, keyed)).rejects.toThrow(KeyNotInForce);
  expect(await seal(storage, { ...keyed, key: next })).toMatchObject({ rebuilt: [1, 2] });
  expect(await verify(storage, keyed)).toMatchObject({ ok: true, seals: 3 });
});

test('a head that somebody put into the log makes no seal of a retired key good', async () => {
  const { head } = await seal(storage, keyed);
  const forged = { ...head!, sequence: 900_000, signature: `${'A'.repeat(86)}==` };
  await recordHead(storage.events, forged, {
    expected: await auditVersion(storage.events),
    actor: undefined,
  });
  expect(await rotate()).toEqual({ lastSeal: 1 });
});

test('what happens to the ring while the log is read stays', async () => {
  const folder = new AuditFolder(keyed.folder);
  const third = readPrivateKey(newPrivateKey());
  const { events } = storage;
  const busy = Object.assign(Object.create(events) as typeof events, {
    async *readStream(...asked: Parameters<typeof events.readStream>) {
      const change = { action: 'add', publicKey: third.publicKey } as const;
      const ring = await folder.keys();
      if (ring.keys.length === 1) await folder.writeKeys(ring.with(change, keyed.key, new Date()));
      yield* events.readStream(...asked);
    },
  });
  const { key: signer } = keyed;
  await rotateKey({ ...storage, events: busy }, { folder: keyed.folder, signer, keyId: signer.keyId, next });
  const { keys } = await folder.keys();
  expect(keys.map(({ keyId, status }) => [keyId, status])).toEqual([
    [signer.keyId, 'retired'],
    [third.keyId, 'in-force'],
    [next.keyId, 'in-force'],
  ]);
});

test('a key that signed nothing has no last seal; one that ended does not end again', async () => {
  expect(await rotate()).toEqual({ lastSeal: 0 });
  await expect(rotate()).rejects.toThrow(KeyNotInForce);
});

test('who is not in force rotates no key of others', async () => {
  const { keyId } = keyed.key;
  await expect(rotateKey(storage, { folder: keyed.folder, signer: next, keyId, next })).rejects.toThrow(
    KeyNotInForce,
  );
  expect(await retired()).toMatchObject({ status: 'in-force' });
});

test('nobody rotates while somebody seals', async () => {
  const lease = await storage.state.acquire('audit:seal', { owner: 'other', ttlMs: 60_000 });
  await expect(rotate()).rejects.toThrow(SealerBusy);
  expect(await retired()).toMatchObject({ status: 'in-force' });
  await storage.state.release(lease!);
  expect(await rotate()).toEqual({ lastSeal: 0 });
});
