import fs from 'node:fs';
import path from 'node:path';
import { StoreUnusable, memory, type OpenStorage } from '@backstory/core';
import { KeyRing, publicKeyPem, readHead, trustKey, writeHead } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { sqlite } from '@backstory/sqlite';
import { behindItsBack } from '../../../test/support/behind-its-back.js';
import { auditFolders, fillLog, seal, verify, type KeyedFolder } from '../../../test/support/sealed-log';
import { eventsOf, sqliteFiles } from '../../../test/support/sqlite-files';
import { AuditFolder, readAnchor } from './audit-folder.js';
import { KeyNotInForce, SealDiverged, SealerBusy } from './errors.js';
import { findingText } from './finding-text.js';
import type { Finding } from './finding.js';
import { GiveWay } from './give-way.js';
import { proveConsistency } from './prove.js';
import { rotateKey } from './rotate-key.js';
import { writeOpening } from './seal-format.js';
import { sealedIn } from './sealed-lines.js';
import { verifyLog } from './verify-log.js';

const files = sqliteFiles();
const folders = auditFolders();
let file: string;
let storage: OpenStorage;
let keyed: KeyedFolder;

beforeEach(async () => {
  file = files.newFile();
  storage = await files.opened(sqlite(file, { driver: 'libsql' }).open());
  keyed = await folders.newFolder();
});

/** Of an event that nobody recorded, all but its position. */
const FORGED = `stream, category, 99, 'forged', type, schema_version, data, metadata, recorded_at,
  correlation_id, causation_id, append_index FROM events WHERE position = 18`;

// eslint-disable-next-line require-yield -- what fails gives nothing
async function* throwing(error: Error): AsyncGenerator<never> {
  throw error;
}

const brief = (findings: readonly Finding[]) =>
  findings.map((it) => {
    if (it.kind === 'altered') return `altered ${it.position} ${it.parts.join('+')}`;
    if (it.kind === 'moved')
      return `moved ${it.from}→${it.position}${it.parts.map((part) => ` ${part}`).join('')}`;
    if ('event' in it) return `${it.kind} ${it.position}`;
    if (it.kind === 'segment') return `segment ${it.sequence}: ${it.after}–${it.upTo}`;
    if (it.kind === 'seal') return `seal ${it.sequence} ${it.problem}`;
    if (it.kind === 'store') return `store ${it.message}`;
    if (it.kind === 'truncated') return `truncated ${it.head} of ${it.position}`;
    return it.kind;
  });

describe('sealing', () => {
  describe('beside others who append', () => {
    let others: jest.SpyInstance<boolean>;
    let rest: jest.SpyInstance;
    beforeEach(() => {
      others = jest.spyOn(GiveWay.prototype, 'othersAppend', 'get').mockReturnValue(true);
      rest = jest.spyOn(GiveWay.prototype, 'afterWork').mockResolvedValue();
    });
    afterEach(() => jest.restoreAllMocks());

    /** Where each portion begins. */
    const portions = (store: OpenStorage['events']) => {
      const read = jest.spyOn(store, 'readTexts');
      // The first looks whether there is anything, others at one event.
      const ofMany = () => read.mock.calls.slice(1).filter(([{ after, upTo }]) => upTo - after > 1);
      return () => ofMany().map(([{ after }]) => after);
    };

    test('gives way after each piece, and listens no longer', async () => {
      const close = jest.spyOn(GiveWay.prototype, 'close');
      await fillLog(storage, 5_000);
      const begun = portions(storage.events);
      await seal(storage, keyed);
      expect(begun()).toEqual([0, 2_048, 4_096]);
      expect(rest).toHaveBeenCalledTimes(3);
      expect(close).toHaveBeenCalledTimes(1);
    });

    test('breaks off what it began when they do', async () => {
      others.mockReturnValueOnce(false);
      await fillLog(storage, 5_000);
      const begun = portions(storage.events);
      const { sealed } = await seal(storage, keyed);
      expect(begun()).toEqual([0, 2_048, 4_096]);
      expect(sealed).toBe(5_000);
      expect(await verify(storage, keyed)).toMatchObject({ ok: true, sealedEvents: 5_000 });
    });

    test('nothing is sealed of a log that another one has replaced when it was read', async () => {
      await fillLog(storage, 100);
      const other = await files.opened(sqlite(files.newFile(), { driver: 'libsql' }).open());
      await fillLog(other, 100);
      let now = storage.events;
      const store = Object.create(storage.events) as OpenStorage['events'];
      let reads = 0;
      store.readTexts = async function* (part) {
        const nth = ++reads;
        yield* now.readTexts!(part);
        // The first looks whether there is anything.
        if (nth === 2) now = other.events;
      };
      await expect(seal({ ...storage, events: store }, keyed)).rejects.toThrow(
        'position 100 is another event than was sealed',
      );
    });

    test('nothing is sealed of two logs, one of which takes the place of the other', async () => {
      await fillLog(storage, 5_000);
      const other = await files.opened(sqlite(files.newFile(), { driver: 'libsql' }).open());
      await fillLog(other, 5_000);
      let now = storage.events;
      const store = Object.create(storage.events) as OpenStorage['events'];
      store.readTexts = (part) => {
        if (part.after > 0) now = other.events;
        return now.readTexts!(part);
      };
      await expect(seal({ ...storage, events: store }, keyed)).rejects.toThrow(
        'position 2048 is another event than was sealed',
      );
      expect(fs.readdirSync(path.join(keyed.folder, 'seals'))).not.toContain('000001.seal');
    });
  });

  test('covers the whole log, then what follows, and nothing when nothing followed', async () => {
    await fillLog(storage, 30);
    const first = await seal(storage, keyed);
    expect(first).toMatchObject({
      sealed: 30,
      rebuilt: [],
      head: { sequence: 1, treeSize: 30, position: 30 },
    });
    expect(await seal(storage, keyed)).toEqual({ head: first.head, sealed: 0, rebuilt: [] });
    await fillLog(storage, 5);
    const second = await seal(storage, keyed);
    // Five events, and the record of the first seal.
    expect(second).toMatchObject({
      sealed: 6,
      head: { sequence: 2, fromSize: 30, treeSize: 36, position: 36 },
    });
    expect(await eventsOf(storage.events, { streams: ['_audit'] })).toMatchObject([
      {
        type: 'audit.sealed',
        data: writeHead(first.head!),
        position: 31,
      },
      { type: 'audit.sealed', position: 37 },
    ]);
    expect(await verify(storage, keyed)).toMatchObject({
      ok: true,
      seals: 2,
      sealedEvents: 36,
      sealedPosition: 36,
      head: 37,
      located: true,
      findings: [],
    });
    expect(fs.readdirSync(path.join(keyed.folder, 'seals'))).toEqual(['000001.seal', '000002.seal']);
    expect(await readAnchor(path.join(keyed.folder, 'head.json'))).toEqual(second.head);
  });

  test('positions of which there are none for long take no time', async () => {
    const other = await memory().open();
    await fillLog(other, 6);
    const events = (await eventsOf(other.events)).map((event) => ({
      ...event,
      position: event.position * 1e8,
    }));
    const gaps = await files.opened(sqlite(files.newFile()).open());
    await gaps.events.restore([{ events, through: 6e8 }]);
    const read = jest.spyOn(gaps.events, 'readTexts');
    const { head } = await seal(gaps, await folders.newFolder());
    expect(head).toMatchObject({ treeSize: 6, position: 6e8 });
    expect(read.mock.calls.length).toBeLessThan(40);
  });

  test('what was made no UTF-8 at the end is told as what it is', async () => {
    await fillLog(storage, 10);
    await seal(storage, keyed);
    behindItsBack(file, `UPDATE events SET data = CAST(x'22fe22' AS TEXT) WHERE position = 10`);
    await fillLog(storage, 1, 20);
    await expect(seal(storage, keyed)).rejects.toThrow(
      'the event at position 10 is not the one that was sealed',
    );
  });

  test('an empty log has nothing to seal', async () => {
    expect(await seal(storage, keyed)).toEqual({ head: undefined, sealed: 0, rebuilt: [] });
    expect(await verify(storage, keyed)).toMatchObject({ ok: false, findings: [{ kind: 'never-sealed' }] });
  });

  test('every size of seal gives the tree that one seal of everything gives', async () => {
    for (let i = 0; i < 12; i++) {
      await fillLog(storage, 1 + (i % 3), i * 3);
      await seal(storage, keyed);
    }
    const found = await verify(storage, keyed);
    expect(found).toMatchObject({ ok: true, seals: 12 });
    // Without the files everything is computed from the log alone.
    const trust = await new AuditFolder(keyed.folder).keys();
    expect(await verifyLog(storage.events, { trust })).toMatchObject({ ok: true, seals: 12, located: false });
  });

  test('is refused to a key that is not in force', async () => {
    await fillLog(storage, 3);
    const other = readPrivateKey(newPrivateKey());
    await expect(seal(storage, { ...keyed, key: other })).rejects.toThrow(KeyNotInForce);
    const audit = new AuditFolder(keyed.folder);
    const ring = (await audit.keys()).with(
      { action: 'add', publicKey: other.publicKey },
      keyed.key,
      new Date(),
    );
    await audit.writeKeys(ring.with({ action: 'revoke', keyId: keyed.key.keyId }, other, new Date()));
    await expect(seal(storage, keyed)).rejects.toThrow(KeyNotInForce);
    expect(await seal(storage, { ...keyed, key: other })).toMatchObject({ sealed: 3 });
  });

  test('is done by one process at a time', async () => {
    await fillLog(storage, 3);
    const lease = await storage.state.acquire('audit:seal', { owner: 'other', ttlMs: 60_000 });
    await expect(seal(storage, keyed)).rejects.toThrow(SealerBusy);
    await storage.state.release(lease!);
    expect(await seal(storage, keyed)).toMatchObject({ sealed: 3 });
  });

  test('what was interrupted is begun again', async () => {
    await storage.events.restore(largePages(3_000));
    const stop = new AbortController();
    const progress: number[] = [];
    const interrupted = seal(storage, keyed, {
      signal: stop.signal,
      onProgress: (through) => void (progress.push(through), stop.abort()),
    });
    await expect(interrupted).rejects.toThrow(/abort/);
    expect(progress).toEqual([1_024]);
    // As after a power cut in the middle of a line.
    fs.appendFileSync(path.join(keyed.folder, 'seals/next.part'), '0123 torn');
    const { head } = await seal(storage, keyed);
    expect(head).toMatchObject({ sequence: 1, treeSize: 3_000 });
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, sealedEvents: 3_000 });
  });

  test('a seal that was signed and not recorded is recorded as it is', async () => {
    await fillLog(storage, 5);
    const failing = Object.create(storage.events, { readTexts: {} }) as typeof storage.events;
    failing.append = () => Promise.reject(new Error('the power failed'));
    await expect(seal({ ...storage, events: failing }, keyed)).rejects.toThrow('the power failed');
    const part = fs.readFileSync(path.join(keyed.folder, 'seals/next.part'), 'utf8');
    const signed = readHead(part.trimEnd().split('\n').at(-1)!);
    await fillLog(storage, 2, 5);
    expect(await seal(storage, keyed)).toMatchObject({ head: { sequence: 2, fromSize: 5 }, sealed: 3 });
    expect((await new AuditFolder(keyed.folder).seal(1)).head).toEqual(signed);
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, seals: 2 });
  });

  test('seals that were lost are made again from the log, or refused where it has changed', async () => {
    await fillLog(storage, 5);
    await seal(storage, keyed);
    await fillLog(storage, 5, 5);
    await seal(storage, keyed);
    const seals = path.join(keyed.folder, 'seals');
    const texts = ['000001.seal', '000002.seal'].map((it) => fs.readFileSync(path.join(seals, it), 'utf8'));
    fs.rmSync(seals, { recursive: true });
    expect(await seal(storage, keyed)).toMatchObject({ sealed: 0, rebuilt: [1, 2] });
    expect(['000001.seal', '000002.seal'].map((it) => fs.readFileSync(path.join(seals, it), 'utf8'))).toEqual(
      texts,
    );
    fs.rmSync(seals, { recursive: true });
    behindItsBack(file, "UPDATE events SET data = '{}' WHERE position = 3");
    await expect(seal(storage, keyed)).rejects.toThrow(SealDiverged);
  });

  const UNSIGNED = `${'A'.repeat(86)}==`;
  const part = () => path.join(keyed.folder, 'seals/next.part');

  test('what somebody put in place of a seal under way is not signed', async () => {
    await fillLog(storage, 5);
    const { logId } = await storage.events.identity();
    const made = `${'0'.repeat(64)} ${'0'.repeat(64)} [1,1,"account-0",1,"made-up","account.paid",1,0,1]`;
    fs.mkdirSync(path.dirname(part()), { recursive: true });
    fs.writeFileSync(
      part(),
      `${writeOpening({ logId, sequence: 1, fromSize: 0, fromPosition: 0 })}\n${made}\n`,
    );
    expect(await seal(storage, keyed)).toMatchObject({ sealed: 5 });
    expect(await verify(storage, keyed)).toMatchObject({ ok: true });
  });

  test('a finished seal that nobody signed is not recorded', async () => {
    await fillLog(storage, 5);
    const failing = Object.create(storage.events, { readTexts: {} }) as typeof storage.events;
    failing.append = () => Promise.reject(new Error('the power failed'));
    await expect(seal({ ...storage, events: failing }, keyed)).rejects.toThrow('the power failed');
    const text = fs.readFileSync(part(), 'utf8');
    fs.writeFileSync(part(), text.replace(/"signature":"[^"]*"/, `"signature":"${UNSIGNED}"`));
    const { head } = await seal(storage, keyed);
    expect(head).toMatchObject({ sequence: 1 });
    expect(head!.signature).not.toBe(UNSIGNED);
    expect(await verify(storage, keyed)).toMatchObject({ ok: true });
  });

  test('a last seal that nobody signed is not continued, though file and log agree on it', async () => {
    await fillLog(storage, 5);
    const { head } = await seal(storage, keyed);
    await fillLog(storage, 5, 5);
    const sealFile = path.join(keyed.folder, 'seals/000001.seal');
    fs.writeFileSync(sealFile, fs.readFileSync(sealFile, 'utf8').replace(head!.signature, UNSIGNED));
    behindItsBack(
      file,
      `UPDATE events SET data = replace(data, '${head!.signature}', '${UNSIGNED}') WHERE stream = '_audit'`,
    );
    await expect(seal(storage, keyed)).rejects.toThrow(/its signature is wrong/);
  });

  test('no seal is written over', async () => {
    await fillLog(storage, 5);
    const { head } = await seal(storage, keyed);
    fs.writeFileSync(part(), '');
    await expect(new AuditFolder(keyed.folder).publish(head!)).rejects.toThrow(
      /no seal is ever written over/,
    );
    expect(await verify(storage, keyed)).toMatchObject({ ok: true });
  });

  test('one seal that was lost among others is made again, and head.json stays the last one', async () => {
    for (const from of [0, 5, 10]) {
      await fillLog(storage, 5, from);
      await seal(storage, keyed);
    }
    const lost = path.join(keyed.folder, 'seals/000002.seal');
    const head = path.join(keyed.folder, 'head.json');
    const [text, last] = [lost, head].map((it) => fs.readFileSync(it, 'utf8'));
    fs.rmSync(lost);
    fs.writeFileSync(head, 'edited');
    expect(await seal(storage, keyed)).toMatchObject({ sealed: 0, rebuilt: [2], head: { sequence: 3 } });
    expect([lost, head].map((it) => fs.readFileSync(it, 'utf8'))).toEqual([text, last]);
    fs.writeFileSync(lost, 'garbage\n');
    await expect(new AuditFolder(keyed.folder).seal(2)).rejects.toThrow(/keep it: the next/);
  });

  test('a ring that changed is sealed at once, and seals of a revoked key are made again once vouched for', async () => {
    await fillLog(storage, 5);
    await seal(storage, keyed);
    const spare = await stolen();
    expect(await verify(storage, keyed)).toMatchObject({ ok: false });
    const { head } = await seal(storage, { ...keyed, key: spare });
    expect(head).toMatchObject({ sequence: 2, keyId: spare.keyId });
    expect(await seal(storage, { ...keyed, key: spare })).toMatchObject({ sealed: 0 });
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, vouched: [1] });
    fs.rmSync(path.join(keyed.folder, 'seals'), { recursive: true });
    expect(await seal(storage, { ...keyed, key: spare })).toMatchObject({ sealed: 0, rebuilt: [1, 2] });
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, vouched: [1], located: true });
  });

  test('a lost seal of a revoked key that nothing vouches for is not made again', async () => {
    await fillLog(storage, 5);
    await seal(storage, keyed);
    const spare = await stolen();
    fs.rmSync(path.join(keyed.folder, 'seals'), { recursive: true });
    await expect(seal(storage, { ...keyed, key: spare })).rejects.toThrow(
      /seal signed by another key\. Nothing was sealed/,
    );
  });

  test('a seal that was recorded before its key was revoked is published, and vouched for', async () => {
    await fillLog(storage, 5);
    const publish = jest
      .spyOn(AuditFolder.prototype, 'publish')
      .mockRejectedValueOnce(new Error('the power failed'));
    await expect(seal(storage, keyed)).rejects.toThrow('the power failed');
    publish.mockRestore();
    const spare = await stolen();
    expect(await seal(storage, { ...keyed, key: spare })).toMatchObject({
      head: { sequence: 2 },
      rebuilt: [],
    });
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, vouched: [1], located: true });
  });

  test('a ring that somebody shortened seals nothing', async () => {
    await fillLog(storage, 5);
    const audit = new AuditFolder(keyed.folder);
    const before = await audit.keys();
    const spare = await stolen();
    await seal(storage, { ...keyed, key: spare });
    await audit.writeKeys(before);
    await expect(seal(storage, keyed)).rejects.toThrow(/by a key that you do not believe/);
  });

  /** The key is revoked by a second one, which is given. */
  async function stolen() {
    const audit = new AuditFolder(keyed.folder);
    const spare = readPrivateKey(newPrivateKey());
    const added = (await audit.keys()).with(
      { action: 'add', publicKey: spare.publicKey },
      keyed.key,
      new Date(),
    );
    await audit.writeKeys(added.with({ action: 'revoke', keyId: keyed.key.keyId }, spare, new Date()));
    return spare;
  }

  test('stops where the log is not the one that was sealed', async () => {
    await fillLog(storage, 9);
    await seal(storage, keyed);
    await fillLog(storage, 2);
    behindItsBack(file, "UPDATE events SET data = '{}' WHERE position = 9");
    await expect(seal(storage, keyed)).rejects.toThrow(/position 9 is not the one/);
    behindItsBack(file, 'DELETE FROM events WHERE position >= 9');
    await expect(seal(storage, keyed)).rejects.toThrow(SealDiverged);
    const other = await files.opened(sqlite(files.newFile()).open());
    await fillLog(other, 10);
    await expect(seal(other, keyed)).rejects.toThrow(/it is log .* was sealed/);
  });

  test('a large log is hashed beside reading, to the same seal', async () => {
    await storage.events.restore(largePages(50_000));
    const { head } = await seal(storage, keyed);
    expect(head).toMatchObject({ treeSize: 50_000 });
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, sealedEvents: 50_000 });
  });
});

function* largePages(events: number) {
  for (let from = 0; from < events; from += 1_000) {
    yield {
      through: from + 1_000,
      events: Array.from({ length: 1_000 }, (_, k) => {
        const position = from + k + 1;
        const metadata = `{"correlationId":"c","source":"s","occurredAt":"2026-11-20T12:00:00.000Z"}`;
        const place = {
          stream: `a-${position}`,
          version: 1,
          position,
          appendIndex: 0,
          recordedAt: new Date(position),
        };
        return {
          id: `id-${position}`,
          type: 't',
          schemaVersion: 1,
          data: `{"n":${position}}`,
          metadata,
          ...place,
        };
      }),
    };
  }
}

describe('verifying', () => {
  beforeEach(async () => {
    await fillLog(storage, 20);
    await seal(storage, keyed);
    await fillLog(storage, 20, 20);
    await seal(storage, keyed);
    await fillLog(storage, 3, 40);
  });
  const found = async () => brief((await verify(storage, keyed)).findings);
  const anchor = () => readAnchor(path.join(keyed.folder, 'head.json'));

  test('a seal file that was altered is to blame alone where the log still gives what was signed', async () => {
    const sealFile = path.join(keyed.folder, 'seals/000001.seal');
    const text = fs.readFileSync(sealFile, 'utf8');
    const lines = text.split('\n');
    const digit = lines[2]!.startsWith('0') ? '1' : '0';
    for (const changed of [
      lines.with(2, `${digit}${lines[2]!.slice(1)}`),
      lines.toSpliced(3, 1),
      lines.toSpliced(3, 0, lines[4]!),
    ]) {
      fs.writeFileSync(sealFile, changed.join('\n'));
      expect(await found()).toEqual(['seal 1 file']);
    }
    behindItsBack(file, "UPDATE events SET data = '{}' WHERE position = 7");
    expect(await found()).toEqual(expect.arrayContaining(['seal 1 altered', 'altered 7 data']));
  });

  test('a seal that is made while the log is verified is no end that was cut off', async () => {
    const before = await storage.events.identity();
    await seal(storage, keyed);
    const sealing = Object.create(storage.events) as typeof storage.events;
    let asked = 0;
    sealing.identity = async () => (asked++ === 0 ? before : storage.events.identity());
    const trust = await new AuditFolder(keyed.folder).keys();
    // The head as it was first asked for ends before what the last seal covers.
    await fillLog(storage, 3, 43);
    await seal(storage, keyed);
    expect(await verifyLog(sealing, { trust, folder: keyed.folder })).toMatchObject({ ok: true, seals: 4 });
  });

  test('a seal of another log that was put beside ours hides nothing of what was done to this one', async () => {
    behindItsBack(file, "UPDATE events SET data = '{}' WHERE position = 7");
    const other = await files.opened(sqlite(files.newFile(), { driver: 'libsql' }).open());
    const folder = await folders.newFolder();
    await fillLog(other, 5);
    for (let i = 0; i < 4; i++) {
      await seal(other, folder);
      await fillLog(other, 5);
    }
    const name = 'seals/000004.seal';
    fs.copyFileSync(path.join(folder.folder, name), path.join(keyed.folder, name));
    const { findings } = await verify(storage, keyed);
    expect(brief(findings)).toEqual(['seal 4 foreign', 'altered 7 data']);
    expect(findings[0]).toMatchObject({ place: path.join(keyed.folder, name) });
  });

  test('an anchor of another log is said to be one', async () => {
    const other = await files.opened(sqlite(files.newFile(), { driver: 'libsql' }).open());
    const folder = await folders.newFolder();
    await fillLog(other, 5);
    const { head } = await seal(other, folder);
    const { findings } = await verify(storage, keyed, { anchors: [head!] });
    expect(brief(findings)).toEqual(['seal 1 foreign']);
    expect(findingText(findings[0]!)).toContain('it is of another log: give an anchor of this one');
    const sealed = await sealedIn(new AuditFolder(keyed.folder));
    await expect(proveConsistency(sealed, head!)).rejects.toThrow(/is of log .*give a head of this log/);
    await expect(proveConsistency(sealed, sealed.head)).rejects.toThrow(
      /Seal 2 cannot be held against itself/,
    );
  });

  test.each<[string, string, string[]]>([
    [
      'data, to the letter',
      `UPDATE events SET data = replace(data, '.50', '.5') WHERE position = 7`,
      ['altered 7 data'],
    ],
    [
      'keys in another order',
      `UPDATE events SET data = replace(data, '"x":1,"y":2', '"y":2,"x":1') WHERE position = 25`,
      ['altered 25 data'],
    ],
    [
      'metadata',
      `UPDATE events SET metadata = replace(metadata, 'user-', 'User-') WHERE position = 1`,
      ['altered 1 metadata'],
    ],
    ['a time', `UPDATE events SET recorded_at = recorded_at + 1 WHERE position = 20`, ['altered 20 header']],
    ['an id', `UPDATE events SET id = 'other' WHERE position = 3`, ['altered 3 header']],
    ['a type', `UPDATE events SET type = 'account.closed' WHERE position = 3`, ['altered 3 header']],
    [
      'a stream',
      `UPDATE events SET stream = 'account-x', version = 1 WHERE position = 3`,
      ['altered 3 header'],
    ],
    ['a schema version', `UPDATE events SET schema_version = 2 WHERE position = 41`, ['altered 41 header']],
    ['a place in an append', `UPDATE events SET append_index = 9 WHERE position = 2`, ['altered 2 header']],
    ['an event taken out', `DELETE FROM events WHERE position = 12`, ['missing 12']],
    ['the first', `DELETE FROM events WHERE position = 1`, ['missing 1']],
    ['the record of a seal', `DELETE FROM events WHERE position = 21`, ['seal 1 unrecorded', 'missing 21']],
    [
      'two that changed places',
      `UPDATE events SET position = 1000 WHERE position = 5; UPDATE events SET position = 5 WHERE position = 9;
       UPDATE events SET position = 9 WHERE position = 1000`,
      ['moved 9→5', 'moved 5→9'],
    ],
    [
      'one moved, and changed as well',
      `UPDATE events SET position = 1000 WHERE position = 5; UPDATE events SET position = 5 WHERE position = 9;
       UPDATE events SET position = 9, data = '{}' WHERE position = 1000`,
      ['moved 9→5', 'moved 5→9 data'],
    ],
    [
      'JSON that is broken',
      `UPDATE events SET data = '{"amount":', metadata = 'no' WHERE position = 30`,
      ['altered 30 data+metadata'],
    ],
  ])('finds %s', async (_, sql, findings) => {
    behindItsBack(file, sql);
    expect(await found()).toEqual(findings);
  });

  test.each<[string, string, RegExp]>([
    [
      'rows below the beginning',
      `INSERT INTO events SELECT -7, ${FORGED}`,
      /^store rows at positions that no log has: 1$/,
    ],
    ...['9007199254740993', '9223372036854775807'].map((position): [string, string, RegExp] => [
      `a row at position ${position}`,
      `INSERT INTO events SELECT ${position}, ${FORGED}`,
      /^store its last position is 9\d+, and no log has that\nstore rows at positions that no log has: 1$/,
    ]),
    [
      'an index that leaves something out',
      `DROP INDEX events_stream; CREATE UNIQUE INDEX events_stream ON events (stream, version) WHERE position <> 7`,
      /^store events_stream is not what it was made as$/,
    ],
    ['an index that is gone', 'DROP INDEX events_type', /^store events_type is gone/],
    [
      'an index more',
      'CREATE INDEX more ON events (version)',
      /^store more is an index of events that is none/,
    ],
    [
      'a view in place of the table',
      'ALTER TABLE events RENAME TO hidden; CREATE VIEW events AS SELECT * FROM hidden',
      /^store events is not what it was made as$/m,
    ],
    ...(
      [
        ['events_stream', 'stream, version'],
        ['events_id', 'id'],
        ['events_type', 'type'],
        ['events_category', 'category'],
        ['events_correlation', 'correlation_id'],
      ] as const
    ).map(([index, columns]): [string, string, RegExp] => {
      const make = `CREATE ${columns === 'id' || columns.includes(',') ? 'UNIQUE ' : ''}INDEX ${index} ON events (${columns})`;
      return [
        `${index}, made to look whole`,
        `DROP INDEX ${index}; ${make} WHERE position <> 7; PRAGMA writable_schema = ON;
         UPDATE sqlite_schema SET sql = '${make}' WHERE name = '${index}'; PRAGMA writable_schema = RESET`,
        new RegExp(`^store index ${index} has 45 entries for 46 events$`),
      ];
    }),
    [
      'the index of causes, made to look whole',
      `DROP INDEX events_causation; UPDATE events SET causation_id = 'c',
         metadata = json_insert(metadata, '$.causationId', 'c') WHERE position > 45;
       CREATE INDEX events_causation ON events (causation_id) WHERE causation_id <> 'c'; PRAGMA writable_schema = ON;
       UPDATE sqlite_schema SET sql = 'CREATE INDEX events_causation ON events (causation_id) WHERE causation_id IS NOT NULL'
         WHERE name = 'events_causation'; PRAGMA writable_schema = RESET`,
      /^store index events_causation has 0 entries for 1 events$/,
    ],
  ])('finds %s, though every sealed event is as it was', async (_, sql, finding) => {
    await seal(storage, keyed);
    expect(await found()).toEqual([]);
    behindItsBack(file, sql);
    await storage.close();
    storage = await files.opened(sqlite(file, { driver: 'libsql' }).open());
    const { findings, ok } = await verify(storage, keyed);
    expect(ok).toBe(false);
    expect(brief(findings).join('\n')).toMatch(finding);
    expect(findingText(findings[0]!)).toContain('some reads of this log may give other events');
  });

  test.each([2 ** 53, Infinity, NaN, -1, 1.5])(
    'a log that says it ends at %d is not sealed on',
    async (head) => {
      await fillLog(storage, 5, 100);
      const store = storage.events;
      const events = Object.create(store) as typeof store;
      events.identity = async () => ({ ...(await store.identity()), head });
      expect(brief((await verify({ ...storage, events }, keyed)).findings)).toContain(
        `store its last position is ${head}, and no log has that`,
      );
      await expect(seal({ ...storage, events }, keyed)).rejects.toThrow(
        /its last position is .*, and no log has that/,
      );
    },
  );

  test('finds an event that was put in, and where those after it went', async () => {
    behindItsBack(
      file,
      `UPDATE events SET position = -position - 1 WHERE position > 18;
      UPDATE events SET position = -position WHERE position < 0;
      INSERT INTO events SELECT 19, ${FORGED}`,
    );
    const { findings } = await verify(storage, keyed);
    expect(brief(findings).slice(0, 3)).toEqual(['inserted 19', 'moved 19→20', 'moved 20→21']);
    expect(findings[0]).toMatchObject({ event: { id: 'forged', version: 99 } });
    // The last one stands where nothing is sealed yet.
    expect(brief(findings).slice(-2)).toEqual(['moved 40→41', 'missing 41']);
  });

  test('names which fields of a header were what', async () => {
    behindItsBack(file, `UPDATE events SET recorded_at = 5, type = 'x' WHERE position = 20`);
    const { findings } = await verify(storage, keyed);
    const { recordedAt } = (await eventsOf(storage.events, { after: 18, limit: 1 }))[0]!;
    expect(findings).toMatchObject([
      {
        event: { position: 20, type: 'account.paid' },
        fields: [
          { field: 'type', sealed: 'account.paid', found: 'x' },
          { field: 'recordedAt', found: 5 },
        ],
      },
    ]);
    expect(recordedAt.getTime()).toBeGreaterThan(5);
  });

  test('what is no date is not said to be one', async () => {
    behindItsBack(file, 'UPDATE events SET recorded_at = 9000000000000000 WHERE position = 20');
    const { findings } = await verify(storage, keyed);
    expect(findings).toMatchObject([{ fields: [{ field: 'recordedAt', found: null }] }]);
    expect(findingText(findings[0]!)).toMatch(/recordedAt 20\d\d-.*Z → no time$/);
  });

  test('finds an end that was cut off, also where only an anchor says so', async () => {
    const head = await anchor();
    behindItsBack(file, 'DELETE FROM events WHERE position > 30');
    expect((await found()).slice(0, 3)).toEqual(['seal 2 unrecorded', 'truncated 30 of 41', 'missing 31']);
    const trust = await new AuditFolder(keyed.folder).keys();
    // Nothing in the log says that there was more …
    expect(brief((await verifyLog(storage.events, { trust })).findings)).toEqual([]);
    // … but the head that was kept elsewhere.
    const anchored = await verifyLog(storage.events, { trust, anchors: [head] });
    expect(brief(anchored.findings)).toEqual(['seal 2 unrecorded', 'truncated 30 of 41', 'segment 2: 20–41']);
  });

  test('without the seals finds the part that is damaged, and that the others are not', async () => {
    const trust = await new AuditFolder(keyed.folder).keys();
    await seal(storage, keyed);
    behindItsBack(file, "UPDATE events SET data = '{}' WHERE position = 30");
    const result = await verifyLog(storage.events, { trust });
    expect(result).toMatchObject({ ok: false, located: false, seals: 3 });
    expect(brief(result.findings)).toEqual(['segment 2: 20–41']);
  });

  test('a history that was rewritten with the key is found by an anchor', async () => {
    const head = await anchor();
    const rewritten = await files.opened(sqlite(files.newFile()).open());
    const pages = [
      { events: await eventsOf(storage.events, { includeSystem: true, upTo: 20 }), through: 20 },
    ];
    pages[0]!.events[4] = { ...pages[0]!.events[4]!, data: '{"amount":1}' };
    await rewritten.events.restore(pages);
    const own = { ...keyed, folder: `${keyed.folder}-rewritten` };
    fs.mkdirSync(own.folder);
    fs.copyFileSync(path.join(keyed.folder, 'keys.jsonl'), path.join(own.folder, 'keys.jsonl'));
    await seal(rewritten, own);
    await fillLog(rewritten, 30, 20);
    await seal(rewritten, own);
    expect((await verify(rewritten, own)).ok).toBe(true);
    expect(brief((await verify(rewritten, own, { anchors: [head] })).findings)).toContain('seal 2 foreign');
  });

  test('a log that was restored is another one, unless that is known', async () => {
    const restored = await files.opened(sqlite(files.newFile()).open());
    await restored.events.restore([
      { events: await eventsOf(storage.events, { includeSystem: true }), through: 45 },
    ]);
    expect(brief((await verify(restored, keyed)).findings)).toEqual(['other-log']);
    expect((await verify(restored, keyed, { restored: true })).ok).toBe(true);
  });

  test('seals that were changed themselves are told, wherever they were', async () => {
    const name = path.join(keyed.folder, 'seals/000002.seal');
    const text = fs.readFileSync(name, 'utf8');
    const lines = text.split('\n');
    const after = async (changed: string) => {
      fs.writeFileSync(name, changed);
      return found();
    };
    expect(
      await after(
        lines
          .with(
            3,
            lines[3]!.replace(/^./, (it) => (it === '0' ? '1' : '0')),
          )
          .join('\n'),
      ),
    ).toEqual(['seal 2 file']);
    expect(await after(lines.toSpliced(3, 1).join('\n'))).toEqual(['seal 2 file']);
    expect(await after(lines.with(3, 'no line').join('\n'))).toEqual(['seal 2 file']);
    expect(await after(text.replace('"peaks":["', '"peaks":["0'))).toContain('seal 2 damaged');
    expect(await after(text.replace('"epoch":1', '"epoch":2'))).toEqual(
      expect.arrayContaining(['seal 2 replaced', 'seal 2 signature']),
    );
    expect(await after(text.slice(0, -1))).toEqual(['seal 2 damaged']);
    expect(await after(text.slice(0, 500))).toContain('seal 2 damaged');
    expect(await after('')).toContain('seal 2 damaged');
    fs.rmSync(name);
    expect(await found()).toEqual([]);
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, located: false });
    fs.writeFileSync(name, text);
    fs.rmSync(path.join(keyed.folder, 'seals/000001.seal'));
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, located: false });
    fs.copyFileSync(name, path.join(keyed.folder, 'seals/000007.seal'));
    expect(await found()).toEqual(['seal 7 damaged']);
  });

  test('a chain that lacks a seal, or has one that is signed by nobody we believe', async () => {
    const folder = { ...keyed, folder: `${keyed.folder}-copy` };
    fs.cpSync(keyed.folder, folder.folder, { recursive: true });
    behindItsBack(file, "DELETE FROM events WHERE stream = '_audit'");
    fs.rmSync(path.join(folder.folder, 'seals/000001.seal'));
    expect(brief((await verify(storage, folder)).findings)).toEqual([
      'seal 2 unrecorded',
      'seal 1 missing',
      'missing 21',
    ]);
    const trust = trustKey(publicKeyPem(readPrivateKey(newPrivateKey()).publicKey));
    expect(brief((await verify(storage, keyed, { trust })).findings)).toEqual(
      expect.arrayContaining(['seal 1 unknown-key', 'seal 2 unknown-key']),
    );
  });

  test('seals of a key that was revoked count as far as a later seal contains them', async () => {
    const audit = new AuditFolder(keyed.folder);
    const next = readPrivateKey(newPrivateKey());
    const ring = (await audit.keys())
      .with({ action: 'add', publicKey: next.publicKey }, keyed.key, new Date())
      .with({ action: 'revoke', keyId: keyed.key.keyId, reason: 'stolen' }, keyed.key, new Date());
    await audit.writeKeys(ring);
    expect(await found()).toEqual(['seal 1 revoked-key', 'seal 2 revoked-key']);
    await seal(storage, { ...keyed, key: next });
    expect(await verify(storage, keyed)).toMatchObject({ ok: true, vouched: [1, 2] });
    // Who has only the ring of before cannot know, and is told that there is another.
    const before = KeyRing.read(ring.write().split('\n').slice(0, 1).join('\n') + '\n');
    expect(brief((await verify(storage, keyed, { trust: before })).findings)).toEqual(['seal 3 unknown-key']);
  });

  test('a key takes the place of another, and seals, while the log is verified', async () => {
    const audit = new AuditFolder(keyed.folder);
    const next = readPrivateKey(newPrivateKey());
    const meanwhile = Object.create(storage.events) as typeof storage.events;
    meanwhile.readStream = async function* (...asked) {
      delete (meanwhile as Partial<typeof meanwhile>).readStream;
      await rotateKey(storage, { folder: keyed.folder, signer: keyed.key, keyId: keyed.key.keyId, next });
      await seal(storage, { ...keyed, key: next });
      yield* storage.events.readStream(...asked);
    };
    const against = { trust: () => audit.keys(), folder: keyed.folder };
    expect(await verifyLog(meanwhile, against)).toMatchObject({ ok: true, seals: 3 });
  });

  test('keeps details of so many, and counts the rest', async () => {
    behindItsBack(file, "UPDATE events SET data = '{}' WHERE position <= 40");
    const result = await verify(storage, keyed, { maxFindings: 5 });
    expect(result.count).toBe(42);
    expect(brief(result.findings)).toEqual([
      'seal null no-head',
      'seal 1 unrecorded',
      'altered 1 data',
      'altered 2 data',
      'altered 3 data',
      'altered 4 data',
      'altered 5 data',
    ]);
  });

  test('what the store cannot read is a finding, and what is behind it is compared', async () => {
    const failing = Object.create(storage.events, { readTexts: {} }) as typeof storage.events;
    failing.readAll = async function* (query) {
      for await (const page of storage.events.readAll(query)) {
        if (page.events.some(({ position }) => position === 17 || position === 29))
          throw new RangeError('no date');
        yield page;
      }
    };
    behindItsBack(file, "UPDATE events SET data = '{}' WHERE position = 35");
    const trust = await new AuditFolder(keyed.folder).keys();
    const result = await verifyLog(failing, { trust, folder: keyed.folder });
    expect(brief(result.findings)).toEqual(['unreadable 17', 'unreadable 29', 'altered 35 data']);
    expect(result.findings[0]).toMatchObject({ message: 'no date', event: { position: 17 } });
    failing.identity = () => Promise.reject(new RangeError('too large'));
    expect(brief((await verifyLog(failing, { trust, folder: keyed.folder })).findings)).toContain(
      'unreadable-log',
    );
  });

  test.each(['data', 'type'])(
    'a table without its %s is one finding, however many positions there are',
    async (column) => {
      const other = await files.opened(memory().open());
      await fillLog(other, 5);
      const events = (await eventsOf(other.events)).map((it) => ({ ...it, position: it.position * 1e9 }));
      file = files.newFile();
      storage = await files.opened(sqlite(file, { driver: 'libsql' }).open());
      await storage.events.restore([{ events, through: 5e9 }]);
      keyed = await folders.newFolder();
      await seal(storage, keyed);
      expect(await found()).toEqual([]);
      behindItsBack(file, `ALTER TABLE events RENAME COLUMN ${column} TO another`);
      const { findings } = await verify(storage, keyed, { signal: AbortSignal.timeout(5_000) });
      expect(findings.filter(({ kind }) => kind === 'unreadable-log')).toHaveLength(1);
      expect(findings.filter(({ kind }) => kind === 'unreadable')).toEqual([]);
      const byEvents = Object.create(storage.events, { readTexts: {} }) as typeof storage.events;
      byEvents.readAll = () => throwing(new RangeError('no such column'));
      const trust = await new AuditFolder(keyed.folder).keys();
      const alone = { trust, folder: keyed.folder, signal: AbortSignal.timeout(5_000) };
      expect(brief((await verifyLog(byEvents, alone)).findings)).not.toContain('unreadable 1000000000');
    },
  );

  test.each(['readTexts', 'readAll', 'examine', 'identity', 'readStream'] as const)(
    'a user who may not do %s is told so, and nothing is said of the log',
    async (method) => {
      const refused = new StoreUnusable('the log', 'read-only', 'this user may not do that.');
      const failing = Object.create(storage.events, method === 'readAll' ? { readTexts: {} } : {}) as {
        [name in typeof method]: () => unknown;
      };
      failing[method] = () => (method === 'identity' ? Promise.reject(refused) : throwing(refused));
      const trust = await new AuditFolder(keyed.folder).keys();
      const against = { trust, folder: keyed.folder };
      await expect(verifyLog(failing as unknown as typeof storage.events, against)).rejects.toThrow(refused);
    },
  );

  test('bytes in place of a text are a finding, sealed or not, and nothing that is sealed', async () => {
    const bytes = Object.create(storage.events, { readTexts: {} }) as typeof storage.events;
    bytes.readAll = async function* (query) {
      for await (const page of storage.events.readAll(query)) {
        const events = page.events.map((event) =>
          event.position === 17 || event.position === 43
            ? { ...event, data: Buffer.from(event.data) as unknown as string }
            : event,
        );
        yield { ...page, events };
      }
    };
    const trust = await new AuditFolder(keyed.folder).keys();
    const { findings } = await verifyLog(bytes, { trust, folder: keyed.folder });
    expect(brief(findings)).toEqual(['unreadable 17', 'unreadable 43']);
    const [sealed, unsealed] = findings.map(findingText);
    expect(sealed).not.toContain('not sealed yet');
    expect(unsealed).toMatch(
      /not sealed yet, and neither it nor what follows can be: put it back .* backup\.$/,
    );
    await expect(seal({ ...storage, events: bytes }, keyed)).rejects.toThrow(/position 43 holds bytes/);
  });

  test('misspelt options are refused', async () => {
    const trust = await new AuditFolder(keyed.folder).keys();
    await expect(verifyLog(storage.events, { trust, achors: [] } as never)).rejects.toThrow(/achors/);
    await expect(seal(storage, keyed, { keys: 1 } as never)).rejects.toThrow(/keys/);
  });
});
