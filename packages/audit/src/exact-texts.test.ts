import path from 'node:path';
import type { OpenStorage } from '@backstory/core';
import { checkProof, writeProof } from '@backstory/proof';
import { MerkleTree, signHead } from '@backstory/proof/seal';
import { sqlite } from '@backstory/sqlite';
import { behindItsBack } from '../../../test/support/behind-its-back.js';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from '../../../test/support/sealed-log';
import { eventsOf, sqliteFiles } from '../../../test/support/sqlite-files';
import { AuditFolder } from './audit-folder.js';
import { NotProvable } from './errors.js';
import { exportPackage } from './export-package.js';
import { findingText } from './finding-text.js';
import { proveEvent } from './prove.js';
import { auditVersion, recordHead } from './recorded-heads.js';
import { SealDraft } from './seal-draft.js';
import { sealedIn, sealedInLog } from './sealed-lines.js';
import { writeLines } from './write-lines.js';

// Rows that can be read and hashed, and that no proof, which is text, could hold.

const files = sqliteFiles();
const folders = auditFolders();
let file: string;
let storage: OpenStorage;
let keyed: KeyedFolder;
let folder: AuditFolder;

beforeEach(async () => {
  file = files.newFile();
  storage = await files.opened(sqlite(file, { driver: 'libsql' }).open());
  keyed = await folders.newFolder();
  folder = new AuditFolder(keyed.folder);
  await fillLog(storage, 20);
});

/** As releases did that sealed whatever they could read. */
async function sealedAsBefore() {
  const { logId, epoch, head: upTo } = await storage.events.identity();
  const from = { logId, sequence: 1, fromSize: 0, fromPosition: 0 };
  const draft = await SealDraft.open(folder, from, new MerkleTree());
  await writeLines(storage.events, draft, { upTo, exact: false, signal: new AbortController().signal });
  const reached = { treeSize: draft.tree.size, position: upTo, root: draft.root(), lines: draft.linesHash() };
  const chain = { sealedAt: new Date().toISOString(), previous: null, keys: (await folder.keys()).hash };
  const head = signHead({ ...from, epoch, ...reached, ...chain }, keyed.key);
  await draft.finish(head);
  await draft.close();
  await recordHead(storage.events, head, { expected: await auditVersion(storage.events), actor: undefined });
  await folder.publish(head);
}

const TYPE = `type = CAST(x'74ff' AS TEXT)`;

test.each([
  ['a name that is no UTF-8', TYPE],
  ['data that is none', `data = CAST(x'22ff22' AS TEXT)`],
  ['metadata that is none', `metadata = CAST(x'7b2261223a22ff227d' AS TEXT)`],
  ['half a letter at the end of data', `data = CAST(x'22c3' AS TEXT), metadata = CAST(x'bc' AS TEXT)`],
  ['a version that is no exact number', 'version = 1152921504606846977'],
])('%s is told before it is sealed, and never is', async (_, change) => {
  await seal(storage, keyed);
  await fillLog(storage, 5, 20);
  behindItsBack(file, `UPDATE events SET ${change} WHERE position = 24`);
  const { findings } = await verify(storage, keyed);
  const told = findings.filter(({ kind }) => kind === 'unreadable');
  expect(told).toMatchObject([{ position: 24, event: null }]);
  expect(findingText(told[0]!)).toContain('not sealed yet, and neither it nor what follows can be');
  await expect(seal(storage, keyed)).rejects.toThrow(/^The event at position 24 cannot be read/);
});

test.each(['"', '\\', '\u0001', '\n', '\u007f', '\ufffd', 'ü€😀'])(
  '%j in a name is sealed and proven',
  async (text) => {
    const quoted = [...Buffer.from(text)].map((it) => it.toString(16).padStart(2, '0')).join('');
    behindItsBack(file, `UPDATE events SET type = CAST(x'74${quoted}' AS TEXT) WHERE position = 7`);
    await seal(storage, keyed);
    expect(await verify(storage, keyed)).toMatchObject({ ok: true });
    const event = (await eventsOf(storage.events))[6]!;
    const proof = await proveEvent(await sealedIn(folder), event.id);
    expect(checkProof(writeProof(proof), await folder.keys())).toMatchObject({ event: { type: `t${text}` } });
  },
);

test('where such a row was sealed, the others are proven, from seals and log', async () => {
  const all = await eventsOf(storage.events);
  behindItsBack(file, `UPDATE events SET ${TYPE} WHERE position = 7`);
  await sealedAsBefore();
  await fillLog(storage, 5, 20);
  await seal(storage, keyed);
  expect(await verify(storage, keyed)).toMatchObject({ ok: true, findings: [] });
  const keys = await folder.keys();
  for (const sealed of [await sealedIn(folder), await sealedInLog(storage.events)]) {
    const proof = await proveEvent(sealed, all[7]!.id, all[7]);
    expect(checkProof(writeProof(proof), keys)).toEqual(proof);
    await expect(proveEvent(sealed, all[6]!.id)).rejects.toThrow(NotProvable);
    await expect(proveEvent(sealed, all[6]!.id)).rejects.toThrow(
      /position 7 was sealed with what no proof can hold/,
    );
  }
  const of = { sealed: await sealedIn(folder), keys, verified: '' };
  const source = { events: storage.events, aggregates: [] };
  const another = all.find(({ stream }) => stream !== all[6]!.stream)!.stream;
  const into = path.join(folders.base, 'of-another-stream');
  await expect(exportPackage(source, { ...of, into, streams: [another] })).resolves.toBeDefined();
});

test('of bytes that are no UTF-8, and of what they are shown as, each is another name', async () => {
  behindItsBack(file, `UPDATE events SET type = 't' || char(65533) WHERE position = 7`);
  await seal(storage, keyed);
  behindItsBack(file, `UPDATE events SET ${TYPE} WHERE position = 7`);
  const { findings } = await verify(storage, keyed);
  expect(findings).toMatchObject([{ kind: 'altered', position: 7 }]);
});
