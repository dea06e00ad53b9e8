import fs from 'node:fs';
import path from 'node:path';
import { StoreUnusable, type OpenStorage } from '@backstory/core';
import { headHash, readHead, writeHead, type TreeHead } from '@backstory/proof';
import { MerkleTree, digestIn, hexOf, newPrivateKey, readPrivateKey, signHead } from '@backstory/proof/seal';
import { sqlite } from '@backstory/sqlite';
import { behindItsBack } from '../../../test/support/behind-its-back.js';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from '../../../test/support/sealed-log';
import { sqliteFiles } from '../../../test/support/sqlite-files';
import { AuditFolder } from './audit-folder.js';
import type { Finding } from './finding.js';
import { judgeHeads } from './head-chain.js';
import { proveEvent } from './prove.js';
import { auditVersion, recordHead } from './recorded-heads.js';
import { headerOfLine, readLine, readPeaks, writePeaks } from './seal-format.js';
import { sealedIn } from './sealed-lines.js';
import { verifyLog } from './verify-log.js';

// What a file, a record or a signature says may be good by itself and not fit the others.

const files = sqliteFiles();
const folders = auditFolders();
let file: string;
let storage: OpenStorage;
let keyed: KeyedFolder;
const OTHER = 'ab'.repeat(32);

beforeEach(async () => {
  file = files.newFile();
  storage = await files.opened(sqlite(file, { driver: 'libsql' }).open());
  keyed = await folders.newFolder();
  await fillLog(storage, 20);
  await seal(storage, keyed);
  await fillLog(storage, 20, 20);
  await seal(storage, keyed);
});

const sealFile = (sequence: number) => new AuditFolder(keyed.folder).sealFile(sequence);

/** The last seal says something else, in its file and in the log, and is signed by the key. */
function resigned(sequence: number, change: Partial<TreeHead> | 'root') {
  const lines = fs.readFileSync(sealFile(sequence), 'utf8').trimEnd().split('\n');
  const [peaksLine, headLine] = lines.slice(-2) as [string, string];
  const { keyId: _, signature: __, ...head } = readHead(headLine);
  const peaks = change === 'root' ? [digestIn(OTHER)!, ...readPeaks(peaksLine)!.slice(1)] : undefined;
  const root = peaks && hexOf(MerkleTree.from(head.treeSize, peaks).root());
  const other = writeHead(
    signHead({ ...head, ...(change === 'root' ? { root: root! } : change) }, keyed.key),
  );
  const text = [...lines.slice(0, -2), peaks ? writePeaks(peaks) : peaksLine, other, ''].join('\n');
  fs.writeFileSync(sealFile(sequence), text);
  behindItsBack(file, `UPDATE events SET data = '${other}' WHERE data = '${headLine}'`);
  const { headFile } = new AuditFolder(keyed.folder);
  if (fs.readFileSync(headFile, 'utf8') === `${headLine}\n`) fs.writeFileSync(headFile, `${other}\n`);
}

const brief = (findings: readonly Finding[]) =>
  findings.map((it) => {
    if (it.kind === 'seal') return `seal ${it.sequence} ${it.problem}`;
    return it.kind === 'segment' ? `segment ${it.sequence}` : it.kind;
  });
const withFiles = async () => brief((await verify(storage, keyed)).findings);
const withoutFiles = async () => {
  const trust = await new AuditFolder(keyed.folder).keys();
  return brief((await verifyLog(storage.events, { trust })).findings);
};

test.each<[string, Partial<TreeHead> | 'root']>([
  ['root', 'root'],
  ['hash of its lines', { lines: OTHER }],
])('another %s is found, though it is signed and the events are as they were', async (_, change) => {
  resigned(2, change);
  expect(await withFiles()).toEqual(['seal 2 altered']);
  expect(await withoutFiles()).toEqual(['segment 2']);
});

test('a seal whose lines would not be those that were signed is not made again', async () => {
  resigned(2, { lines: OTHER });
  fs.rmSync(sealFile(2));
  await expect(seal(storage, keyed)).rejects.toThrow(/what is in the log up to there is not what was sealed/);
});

test.each<[string, Partial<TreeHead>]>([
  ['begins at another size', { fromSize: 19 }],
  ['begins at another position', { fromPosition: 19 }],
  ['names another before it', { previous: OTHER }],
  ['names none before it', { previous: null }],
])('a seal that %s does not follow the one before', async (_, change) => {
  resigned(2, change);
  expect(await withoutFiles()).toContain('seal 2 chain');
});

test('a seal that begins as another than it ends is none', async () => {
  const text = fs.readFileSync(sealFile(2), 'utf8');
  fs.writeFileSync(sealFile(2), text.replace(/"fromPosition":\d+/, '"fromPosition":1'));
  expect(await withFiles()).toEqual(['seal 2 damaged']);
});

test('a seal of another log that says it is of this one, and is not signed, does not hide that the log was replaced', async () => {
  const other = await files.opened(sqlite(files.newFile()).open());
  const [sealed, found] = [await storage.events.identity(), await other.events.identity()];
  const text = fs.readFileSync(sealFile(1), 'utf8');
  fs.writeFileSync(sealFile(1), text.replaceAll(sealed.logId, found.logId));
  const { findings } = await verify(other, keyed);
  expect(brief(findings)).toContain('other-log');
});

test("a draft that is left beside the seal that it became is in nobody's way", async () => {
  fs.copyFileSync(sealFile(2), path.join(keyed.folder, 'seals/next.part'));
  await fillLog(storage, 3, 40);
  expect((await seal(storage, keyed)).head).toMatchObject({ sequence: 3 });
  expect(await withFiles()).toEqual([]);
});

test('a seal that is made while the log is read is looked for where it can be', async () => {
  await fillLog(storage, 3, 40);
  let sealing: Promise<unknown> | undefined;
  const beside = Object.assign(Object.create(storage.events) as typeof storage.events, {
    async *readStream(...asked: Parameters<typeof storage.events.readStream>) {
      yield* storage.events.readStream(...asked);
      await (sealing ??= seal(storage, keyed));
    },
  });
  expect(await verify({ ...storage, events: beside }, keyed)).toMatchObject({ findings: [] });
  expect(await new AuditFolder(keyed.folder).sequences()).toEqual([1, 2, 3]);
});

test('a seal that does not name the one before it is not made again', async () => {
  resigned(2, { previous: OTHER });
  fs.rmSync(sealFile(2));
  await expect(seal(storage, keyed)).rejects.toThrow(/does not continue seal 2: it does not follow the seal/);
});

test('nothing is proven where a seal before is missing, and it is said how that is made again', async () => {
  fs.rmSync(sealFile(1));
  await expect(sealedIn(new AuditFolder(keyed.folder))).rejects.toThrow(
    /A seal before seal 2 is missing .*"backstory audit seal" makes it again/,
  );
});

test('behind a seal that is lacking, the root of the next but one is compared again', async () => {
  await fillLog(storage, 3, 40);
  await seal(storage, keyed);
  behindItsBack(file, 'DELETE FROM events WHERE position = 21');
  fs.rmSync(sealFile(1));
  expect(await withFiles()).toEqual(['seal 1 missing', 'missing']);
  resigned(3, 'root');
  expect(await withFiles()).toEqual(expect.arrayContaining(['seal 3 altered']));
});

test('a seal of a revoked key is vouched for only by a head that names it', async () => {
  const audit = new AuditFolder(keyed.folder);
  const spare = readPrivateKey(newPrivateKey());
  const ring = (await audit.keys())
    .with({ action: 'add', publicKey: spare.publicKey }, keyed.key, new Date())
    .with({ action: 'revoke', keyId: keyed.key.keyId }, spare, new Date());
  await audit.writeKeys(ring);
  const { head } = await seal(storage, { ...keyed, key: spare });
  const [first, second] = [(await audit.seal(1)).head, (await audit.seal(2)).head];
  expect(judgeHeads([first, second, head!], ring)).toMatchObject({ vouched: [1, 2], problems: new Map() });
  const { keyId: _, signature: __, ...unsigned } = head!;
  const foreign = signHead({ ...unsigned, previous: headHash(first) }, spare);
  expect(judgeHeads([first, second, foreign], ring)).toMatchObject({
    vouched: [],
    problems: new Map([
      [1, 'revoked-key'],
      [2, 'revoked-key'],
    ]),
  });
});

test('nothing is sealed on where the last seal is not the last one recorded', async () => {
  await fillLog(storage, 3, 40);
  behindItsBack(file, `UPDATE events SET type = 'audit.other' WHERE position = 42`);
  await expect(seal(storage, keyed)).rejects.toThrow(/its head is not the last one recorded in the log/);
});

test('a seal that another was recorded before is not recorded', async () => {
  await fillLog(storage, 3, 40);
  const { head } = await new AuditFolder(keyed.folder).seal(2);
  const overtaken = Object.create(storage.events, { readTexts: {} }) as typeof storage.events;
  let reads = 0;
  overtaken.readAll = async function* (query) {
    // After it was looked at what there is to seal.
    if (reads++ === 2) {
      const { keyId: _, signature: __, ...unsigned } = head;
      const other = signHead({ ...unsigned, sequence: 3, previous: headHash(head) }, keyed.key);
      const expected = await auditVersion(storage.events);
      await recordHead(storage.events, other, { expected, actor: undefined });
    }
    yield* storage.events.readAll(query);
  };
  await expect(seal({ ...storage, events: overtaken }, keyed)).rejects.toThrow(
    /the last seal recorded in the log is another one/,
  );
  expect(reads).toBeGreaterThan(2);
  expect(await auditVersion(storage.events)).toBe(3);
});

test('a signed seal gives way to the one that was recorded in its place', async () => {
  await fillLog(storage, 3, 40);
  const failing = Object.create(storage.events) as typeof storage.events;
  failing.append = () => Promise.reject(new Error('the power failed'));
  await expect(seal({ ...storage, events: failing }, keyed)).rejects.toThrow('the power failed');
  const elsewhere = { ...keyed, folder: `${keyed.folder}-elsewhere` };
  fs.cpSync(keyed.folder, elsewhere.folder, { recursive: true });
  fs.rmSync(path.join(elsewhere.folder, 'seals/next.part'));
  const { head } = await seal(storage, elsewhere);
  expect(await seal(storage, keyed)).toMatchObject({ rebuilt: [3], head });
  expect(await verify(storage, keyed)).toMatchObject({ ok: true, seals: 3 });
});

test('nothing is proven from seals that do not lead to the root that was signed', async () => {
  const text = fs.readFileSync(sealFile(1), 'utf8').split('\n');
  const { id } = headerOfLine(readLine(text[2]!)!)!;
  const sealed = await sealedIn(new AuditFolder(keyed.folder));
  await expect(proveEvent(sealed, id)).resolves.toMatchObject({ event: { id } });
  const other = text.with(4, `${'0'.repeat(64)}${text[4]!.slice(64)}`);
  fs.writeFileSync(sealFile(1), other.join('\n'));
  await expect(proveEvent(sealed, id)).rejects.toThrow(/does not lead to the root that seal 2 signed/);
});

test.each([1, 2])(
  'the tree that seal %d ends with, and that is not the signed one, is told',
  async (sequence) => {
    const lines = fs.readFileSync(sealFile(sequence), 'utf8').split('\n');
    const peaks = readPeaks(lines.at(-3)!)!;
    fs.writeFileSync(
      sealFile(sequence),
      lines.with(-3, writePeaks([digestIn(OTHER)!, ...peaks.slice(1)])).join('\n'),
    );
    expect(await withFiles()).toEqual([`seal ${sequence} file`]);
  },
);

test('a store that examines itself for long, with nothing sealed, can be left', async () => {
  const unsealed = await files.opened(sqlite(files.newFile()).open());
  const leaving = new AbortController();
  let pages = 0;
  const slow = Object.assign(Object.create(unsealed.events) as typeof storage.events, {
    async *examine() {
      leaving.abort(new Error('that is enough'));
      while (pages++ < 3) yield [];
    },
  });
  const verifying = verify({ ...unsealed, events: slow }, await folders.newFolder(), {
    signal: leaving.signal,
  });
  await expect(verifying).rejects.toThrow('that is enough');
  expect(pages).toBe(1);
});

test('a store that cannot be examined is a finding, and what else was found stays', async () => {
  behindItsBack(file, `UPDATE events SET data = '{"n":99}' WHERE position = 3`);
  const broken = Object.assign(Object.create(storage.events) as typeof storage.events, {
    async *examine() {
      yield await Promise.reject(new StoreUnusable('a store', 'corrupt', 'a page is damaged'));
    },
  });
  const { findings } = await verify({ ...storage, events: broken }, keyed);
  expect(brief(findings).sort()).toEqual(['altered', 'store']);
});

test('what is recorded as a head and signed by nobody we believe is told, and nothing is held against it', async () => {
  const head = readHead(fs.readFileSync(path.join(keyed.folder, 'head.json'), 'utf8'));
  const expected = await auditVersion(storage.events);
  await recordHead(storage.events, { ...head, sequence: 9 }, { expected, actor: undefined });
  const { findings, seals } = await verify(storage, keyed);
  expect({ seals, found: brief(findings) }).toEqual({ seals: 2, found: ['seal 9 signature'] });
});

test('head.json tells of a last seal that is gone, and is not written over by one before it', async () => {
  const { position } = readHead(fs.readFileSync(path.join(keyed.folder, 'head.json'), 'utf8'));
  behindItsBack(file, `DELETE FROM events WHERE position >= ${position}`);
  fs.rmSync(sealFile(2));
  expect(await withFiles()).toEqual(expect.arrayContaining(['truncated', 'seal 2 unrecorded']));
  await expect(seal(storage, keyed)).rejects.toThrow(/does not continue seal 2: head\.json has it/);
  fs.writeFileSync(path.join(keyed.folder, 'head.json'), '{}');
  expect(await withFiles()).toEqual(['seal null no-head']);
});
