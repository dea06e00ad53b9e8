import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import type { OpenStorage } from '@backstory/core';
import { KeyRing, writeHead } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { sqlite } from '@backstory/sqlite';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from '../../../test/support/sealed-log';
import { sqliteFiles } from '../../../test/support/sqlite-files';
import { AuditFolder, readAnchor } from './audit-folder.js';
import { AuditFileDamaged, AuditFileUnwritable } from './errors.js';

const files = sqliteFiles();
const folders = auditFolders();
let storage: OpenStorage;
let keyed: KeyedFolder;
const here = (...names: string[]) => path.join(keyed.folder, ...names);

beforeEach(async () => {
  storage = await files.opened(sqlite(files.newFile(), { driver: 'libsql' }).open());
  keyed = await folders.newFolder();
  await fillLog(storage, 5);
});

test('nothing is written through a link that somebody laid', async () => {
  const victim = here('victim');
  fs.writeFileSync(victim, 'precious');
  fs.mkdirSync(here('seals'));
  for (const link of [here('keys.jsonl.new'), here('head.json.new'), here('seals/next.part')])
    fs.symlinkSync(victim, link);
  const audit = new AuditFolder(keyed.folder);
  await audit.writeKeys(await audit.keys());
  await seal(storage, keyed);
  expect(fs.readFileSync(victim, 'utf8')).toBe('precious');
  expect(fs.lstatSync(here('seals/000001.seal')).isFile()).toBe(true);
  expect(await verify(storage, keyed)).toMatchObject({ ok: true });
});

test('a link to a signed seal under way is not made a seal', async () => {
  const failing = Object.create(storage.events) as typeof storage.events;
  failing.append = () => Promise.reject(new Error('the power failed'));
  await expect(seal({ ...storage, events: failing }, keyed)).rejects.toThrow('the power failed');
  fs.renameSync(here('seals/next.part'), here('elsewhere'));
  fs.symlinkSync(here('elsewhere'), here('seals/next.part'));
  await seal(storage, keyed);
  expect(fs.lstatSync(here('seals/000001.seal')).isFile()).toBe(true);
});

test('what stands in the place of a seal and is none is a finding, and said', async () => {
  const { head } = await seal(storage, keyed);
  const file = here('seals/000001.seal');
  const text = fs.readFileSync(file);
  const places: [string, () => void][] = [
    ['a link that leads nowhere', () => fs.symlinkSync(here('nowhere'), file)],
    ['a folder', () => fs.mkdirSync(file)],
    ...(process.platform === 'win32'
      ? []
      : ([['a pipe', () => void spawnSync('mkfifo', [file])]] as [string, () => void][])),
  ];
  for (const [what, put] of places) {
    fs.rmSync(file, { recursive: true, force: true });
    put();
    const { findings } = await verify(storage, keyed);
    expect({ what, findings }).toMatchObject({ what, findings: [{ kind: 'seal', problem: 'damaged' }] });
    await expect(seal(storage, keyed)).rejects.toThrow(AuditFileDamaged);
  }
  fs.rmSync(file, { recursive: true, force: true });
  fs.writeFileSync(file, text);
  expect(await verify(storage, keyed)).toMatchObject({ ok: true, sealedPosition: head!.position });
});

test('a seal has one name: files under others are said, and none is read', async () => {
  const { head } = await seal(storage, keyed);
  const names = [
    '000000.seal',
    '0000001.seal',
    '1.seal',
    '9007199254740993.seal',
    '999999999999999999999.seal',
  ];
  for (const name of names) fs.copyFileSync(here('seals/000001.seal'), here('seals', name));
  const { findings, seals } = await verify(storage, keyed);
  const said = names.map((name) => ({
    kind: 'seal',
    sequence: null,
    problem: 'misnamed',
    place: here('seals', name),
  }));
  expect({ findings, seals }).toEqual({ findings: said, seals: 1 });
  expect(await seal(storage, keyed)).toEqual({ head, sealed: 0, rebuilt: [] });
});

test('a disk that is full, and a place where nothing can be written, are said with what to do', async () => {
  const full = Object.assign(new Error('ENOSPC: no space left on device, write'), {
    code: 'ENOSPC',
    syscall: 'write',
  });
  const write = jest.spyOn(fs, 'writeSync').mockImplementation(() => {
    throw full;
  });
  await expect(seal(storage, keyed)).rejects.toThrow(/next\.part cannot be written \(ENOSPC.*: make room/);
  write.mockRestore();
  fs.rmSync(here('seals'), { recursive: true });
  fs.writeFileSync(here('seals'), '');
  await expect(seal(storage, keyed)).rejects.toThrow(/seals cannot be read/);
  await expect(
    new AuditFolder(here('seals')).writeKeys(KeyRing.begin(keyed.key, new Date())),
  ).rejects.toThrow(AuditFileUnwritable);
  fs.rmSync(here('seals'));
  expect(await seal(storage, keyed)).toMatchObject({ sealed: 5 });
  expect(fs.readdirSync(keyed.folder).sort()).toEqual(['head.json', 'keys.jsonl', 'seals']);
});

test('an anchor that came by mail has other line breaks', async () => {
  const { head } = await seal(storage, keyed);
  fs.writeFileSync(here('kept.json'), `${writeHead(head!)}\r\n`);
  expect(await readAnchor(here('kept.json'))).toEqual(head);
});

test('a key that is revoked while the log is read signs nothing', async () => {
  const audit = new AuditFolder(keyed.folder);
  const spare = readPrivateKey(newPrivateKey());
  const ring = (await audit.keys()).with(
    { action: 'add', publicKey: spare.publicKey },
    keyed.key,
    new Date(),
  );
  await audit.writeKeys(ring);
  const reading = Object.create(storage.events) as typeof storage.events;
  const revoked = ring.with({ action: 'revoke', keyId: keyed.key.keyId }, spare, new Date());
  reading.readTexts = async function* (query) {
    await audit.writeKeys(revoked);
    yield* storage.events.readTexts!(query);
  };
  reading.readAll = async function* (query) {
    await audit.writeKeys(revoked);
    yield* storage.events.readAll(query);
  };
  await expect(seal({ ...storage, events: reading }, keyed)).rejects.toThrow(/is revoked/);
  expect(await audit.sequences()).toEqual([]);
  expect(await seal(storage, { ...keyed, key: spare })).toMatchObject({ sealed: 5 });
});

test('of changes to the key ring at the same time none is lost', async () => {
  const audit = new AuditFolder(keyed.folder);
  const keys = Array.from({ length: 8 }, () => readPrivateKey(newPrivateKey()));
  const changes = await Promise.allSettled(
    keys.map(({ publicKey }) =>
      audit.changeKeys((ring) => ring.with({ action: 'add', publicKey }, keyed.key, new Date())),
    ),
  );
  const made = keys.filter((_, i) => changes[i]!.status === 'fulfilled').map(({ keyId }) => keyId);
  expect(made.length).toBeGreaterThan(0);
  const ring = await audit.keys();
  expect(ring.keys.map(({ keyId }) => keyId).sort()).toEqual([keyed.key.keyId, ...made].sort());
  fs.writeFileSync(here('keys.jsonl.lock'), '');
  await expect(audit.changeKeys((it) => it)).rejects.toThrow(
    /keys\.jsonl\.lock .*: another process is at it/,
  );
  fs.rmSync(here('keys.jsonl.lock'));
  await audit.changeKeys((it) => it);
  await expect(audit.beginKeys(ring)).rejects.toThrow(/keys\.jsonl cannot be written \(it is there\)/);
  expect(fs.readdirSync(keyed.folder)).toEqual(['keys.jsonl']);
});

test('whoever was stopped while reading until another one went on records nothing', async () => {
  const late = Object.create(storage.events) as typeof storage.events;
  late.readTexts = async function* (query) {
    if (fs.existsSync(here('seals/next.part'))) fs.renameSync(here('seals/next.part'), here('own.part'));
    yield* storage.events.readTexts!(query);
  };
  await expect(seal({ ...storage, events: late }, keyed)).rejects.toThrow(/Another process is sealing/);
  expect(fs.existsSync(here('own.part'))).toBe(true);
  expect(await storage.events.identity()).toMatchObject({ head: 5 });
});

test('whoever was stopped until another one went on publishes nothing of that one', async () => {
  const late = Object.create(storage.events) as typeof storage.events;
  late.append = async (writes) => {
    const result = await storage.events.append(writes);
    // Another one has begun its own seal meanwhile.
    fs.renameSync(here('seals/next.part'), here('own.part'));
    fs.writeFileSync(here('seals/next.part'), 'begun by another');
    return result;
  };
  await expect(seal({ ...storage, events: late }, keyed)).rejects.toThrow(/Another process is sealing/);
  expect(fs.readFileSync(here('seals/next.part'), 'utf8')).toBe('begun by another');
  expect(await seal(storage, keyed)).toMatchObject({ rebuilt: [1] });
  expect(await verify(storage, keyed)).toMatchObject({ ok: true });
});
