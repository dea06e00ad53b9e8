import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { AuditFolder, sealLog, verifyLog } from '@backstory/audit';
import { postgres } from '@backstory/postgres';
import { readPrivateKey } from '@backstory/proof/seal';
import { sqlite } from '@backstory/sqlite';
import { readFileSync } from 'node:fs';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is alive after every 20,000 events, in MiB. */
class Alive {
  readonly samples: number[] = [];
  private next = 20_000;

  readonly look = (through: number): void => {
    if (through < this.next) return;
    this.next += 20_000;
    collect();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    this.samples.push((heapUsed + arrayBuffers) / 2 ** 20);
  };
}

async function main([task, file, folder]: readonly string[]): Promise<void> {
  const isUrl = file!.startsWith('postgres');
  const storage = await (isUrl ? postgres(file!) : sqlite(file!, { driver: 'libsql' })).open();
  const alive = new Alive();
  const audit = new AuditFolder(folder!);
  if (task === 'seal') {
    const key = readPrivateKey(readFileSync(`${folder}.pem`, 'utf8'));
    const onProgress = (through: number) => {
      process.send?.(through);
      alive.look(through);
    };
    const { head } = await sealLog(storage, { folder: folder!, key, onProgress });
    process.stdout.write(JSON.stringify({ events: head!.treeSize, alive: alive.samples }));
  } else {
    const trust = await audit.keys();
    const result = await verifyLog(storage.events, { folder: folder!, trust, onProgress: alive.look });
    process.stdout.write(
      JSON.stringify({ events: result.sealedEvents, ok: result.ok, alive: alive.samples }),
    );
  }
  await storage.close();
  process.disconnect?.();
}

main(process.argv.slice(2)).catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
