import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  AuditFolder,
  findingText,
  proveEvent,
  readAnchor,
  sealLog,
  sealedIn,
  verifyLog,
} from '@backstory/audit';
import { KeyRing, checkProof, writeProof } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { defineBackstory, sqlite } from 'backstory';
import { Account } from '../../examples/bank/backstory.config';

let folder: string;
beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(os.tmpdir(), 'audit-guide-'));
});
afterEach(() => fs.rm(folder, { recursive: true }));

// The code of packages/audit/README.md.
test('a log is sealed, verified, and an event of it proven', async () => {
  const store = sqlite(path.join(folder, 'bank.db'));
  const app = await defineBackstory({ name: 'bank', store, aggregates: [Account] }).start();
  await app.repository(Account).update('42', (account) => account.deposit(100), { create: true });
  const key = readPrivateKey(newPrivateKey());

  const eventId = await firstId(app.events);

  const audit = new AuditFolder(folder);
  await audit.writeKeys(KeyRing.begin(key, new Date()));
  const { head } = await sealLog(app, { folder, key });

  const kept = await readAnchor(audit.headFile);
  const { ok, findings } = await verifyLog(app.events, {
    folder,
    trust: () => audit.keys(),
    anchors: [kept],
  });
  for (const finding of findings) console.error(findingText(finding));

  const proof = await proveEvent(await sealedIn(audit), eventId);

  expect(kept).toEqual(head);
  expect({ ok, findings }).toEqual({ ok: true, findings: [] });
  expect(checkProof(writeProof(proof), await audit.keys())).toEqual(proof);
  await app.close();
});

async function firstId(events: Parameters<typeof verifyLog>[0]): Promise<string> {
  for await (const page of events.readAll({ limit: 1 })) return page.events[0]!.id;
  throw new Error('there is none');
}
