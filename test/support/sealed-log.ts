import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { AuditFolder, sealLog, verifyLog, type SealOptions, type VerifyOptions } from '@backstory/audit';
import { Recorder, type OpenStorage } from '@backstory/core';
import { KeyRing } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';

/** An audit folder of its own with a key, gone after the test file. Call it at the top of a test file. */
export function auditFolders() {
  const base = mkdtempSync(path.join(tmpdir(), 'backstory-audit-'));
  let count = 0;
  afterAll(() => rmSync(base, { recursive: true, force: true }));
  return {
    base,
    async newFolder() {
      const folder = path.join(base, String(count++));
      const key = readPrivateKey(newPrivateKey());
      await new AuditFolder(folder).writeKeys(KeyRing.begin(key, new Date()));
      return { folder, key };
    },
  };
}

export type KeyedFolder = Awaited<ReturnType<ReturnType<typeof auditFolders>['newFolder']>>;

export function seal(storage: OpenStorage, keyed: KeyedFolder, more: Partial<SealOptions> = {}) {
  return sealLog(storage, { ...keyed, ...more });
}

export async function verify(
  storage: OpenStorage,
  { folder }: KeyedFolder,
  more: Partial<VerifyOptions> = {},
) {
  const trust = await new AuditFolder(folder).keys();
  return verifyLog(storage.events, { trust, folder, ...more });
}

/** Records events of several streams, with numbers and keys that parse alike in other texts. */
export async function fillLog(storage: OpenStorage, events: number, from = 0): Promise<void> {
  const recorder = new Recorder(storage.events, { source: 'test' });
  for (let i = from; i < from + events;) {
    const length = Math.min(1 + (i % 4), from + events - i);
    const made = Array.from({ length }, (_, k) => ({
      type: `account.${['opened', 'paid', 'noted'][(i + k) % 3]}`,
      data: `{"amount":${i + k}.50,"b":{"x":1,"y":2},"text":"it was ${i + k}, ü \\"quoted\\""}`,
      metadata: { actor: `user-${(i + k) % 5}` },
    }));
    await recorder.record([{ stream: `account-${i % 7}`, expected: 'any', events: made }]);
    i += length;
  }
}
