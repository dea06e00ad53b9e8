import type { OpenStorage } from '@backstory/core';
import { checkProof, writeProof } from '@backstory/proof';
import { sqlite } from '@backstory/sqlite';
import { behindItsBack } from '../../../test/support/behind-its-back.js';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from '../../../test/support/sealed-log.js';
import { eventsOf, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { AuditFolder } from './audit-folder.js';
import { eventCalled, proveEvent } from './prove.js';
import { sealedIn } from './sealed-lines.js';

const files = sqliteFiles();
const folders = auditFolders();
let file: string;
let storage: OpenStorage;
let keyed: KeyedFolder;
let audit: AuditFolder;
let id: string;

beforeEach(async () => {
  file = files.newFile();
  storage = await files.opened(sqlite(file, { driver: 'libsql' }).open());
  keyed = await folders.newFolder();
  audit = new AuditFolder(keyed.folder);
  await fillLog(storage, 20);
  await seal(storage, keyed);
  id = (await eventsOf(storage.events))[6]!.id;
});

const proof = async (payload = false) =>
  proveEvent(await sealedIn(audit), id, payload ? await eventCalled(storage.events, id) : undefined);

const erase = () => behindItsBack(file, `UPDATE events SET data = '{}' WHERE position = 7`);

test('proofs of an event whose payload is erased, made before and after, are good', async () => {
  const [before, shown] = [await proof(), await proof(true)];
  erase();
  const after = await proof();
  await fillLog(storage, 5, 20);
  await seal(storage, keyed);
  const later = await proof();
  expect(later.head.sequence).toBe(2);
  const trust = await audit.keys();
  for (const each of [before, shown, after, later])
    expect(checkProof(writeProof(each), trust)).toMatchObject({ kind: 'inclusion', event: { id } });
  expect(after).toEqual(before);
});

test('what is erased can be shown by nobody any more, and verify names just that event', async () => {
  erase();
  await expect(proof(true)).rejects.toMatchObject({ code: 'BACKSTORY_NOT_PROVABLE', reason: 'damaged' });
  const { findings, count } = await verify(storage, keyed);
  expect(count).toBe(1);
  expect(findings).toMatchObject([{ kind: 'altered', position: 7, parts: ['data'], event: { id } }]);
  await fillLog(storage, 5, 20);
  await seal(storage, keyed);
  expect((await verify(storage, keyed)).count).toBe(1);
});
