import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { memory } from '@backstory/core';
import { readEnvelope } from '@backstory/core/store';
import { KeyRing, checkProof, writeProof } from '@backstory/proof';
import { AuditFolder, readAnchor } from './audit-folder.js';
import { proveConsistency, proveEvent } from './prove.js';
import { sealedIn } from './sealed-lines.js';
import { verifyLog } from './verify-log.js';

// Seals of format version 1, with the log that was sealed: readable for ever.
const GOLDEN = path.join(__dirname, 'golden');
const audit = new AuditFolder(GOLDEN);
const events = fs
  .readFileSync(path.join(GOLDEN, 'events.jsonl'), 'utf8')
  .trimEnd()
  .split('\n')
  .map(readEnvelope);

test('a log that was sealed then is verified now', async () => {
  const { events: store } = await memory().open();
  await store.restore([{ events, through: events.at(-1)!.position }]);
  const anchors = [await readAnchor(audit.headFile)];
  const found = await verifyLog(store, {
    folder: GOLDEN,
    trust: await audit.keys(),
    anchors,
    restored: true,
  });
  expect(found).toMatchObject({ ok: true, seals: 2, sealedEvents: 7, located: true, findings: [] });
});

test('and every event of it is proven', async () => {
  const trust = await audit.keys();
  const sealed = await sealedIn(audit);
  for (const event of events.slice(0, 7)) {
    const proof = await proveEvent(sealed, event.id, event);
    expect(checkProof(writeProof(proof), trust)).toMatchObject({
      data: event.data,
      event: { stream: event.stream },
    });
  }
  const proof = await proveConsistency(sealed, (await audit.seal(1)).head);
  expect(checkProof(writeProof(proof), trust)).toEqual(proof);
});

test('every byte of a seal that is changed is noticed', async () => {
  const { events: store } = await memory().open();
  await store.restore([{ events, through: events.at(-1)!.position }]);
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'golden-seal-'));
  fs.cpSync(GOLDEN, folder, { recursive: true });
  const file = path.join(folder, 'seals/000002.seal');
  const bytes = fs.readFileSync(file);
  const trust = KeyRing.read(fs.readFileSync(path.join(folder, 'keys.jsonl'), 'utf8'));
  const passed: number[] = [];
  for (let i = 0; i < bytes.length; i++) {
    const changed = Buffer.from(bytes);
    changed[i]! ^= 1 + (i % 7);
    fs.writeFileSync(file, changed);
    if ((await verifyLog(store, { folder, trust, restored: true })).ok) passed.push(i);
  }
  fs.rmSync(folder, { recursive: true });
  expect(passed).toEqual([]);
});
