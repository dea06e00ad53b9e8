import { rmSync } from 'node:fs';
import os from 'node:os';
import { AuditFolder, sealLog } from '@backstory/audit';
import { postgres } from '@backstory/postgres';
import { KeyRing } from '@backstory/proof';
import { newPrivateKey, readPrivateKey } from '@backstory/proof/seal';
import { sqlite } from '@backstory/sqlite';
import type { DriverName } from '@backstory/sqlite';

/** Seals a log from its beginning, again and again, until it is killed: with low priority, as the command does. */
async function main([folder, log, driver]: readonly string[]): Promise<void> {
  os.setPriority(os.constants.priority.PRIORITY_BELOW_NORMAL);
  const storage = await (driver ? sqlite(log!, { driver: driver as DriverName }) : postgres(log!)).open();
  const key = readPrivateKey(newPrivateKey());
  for (let round = 0; ; round++) {
    const own = `${folder}-${round}`;
    await new AuditFolder(own).writeKeys(KeyRing.begin(key, new Date()));
    const stop = new AbortController();
    // Without its record, so that the log is the same for the next round.
    const onProgress = (through: number, head: number) => {
      process.send?.(through);
      if (through >= head) stop.abort();
    };
    await sealLog(storage, { folder: own, key, onProgress, signal: stop.signal }).catch(() => undefined);
    rmSync(own, { recursive: true, force: true });
  }
}

void main(process.argv.slice(2));
