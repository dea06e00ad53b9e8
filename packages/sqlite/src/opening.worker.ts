import { newId } from '@backstory/core';
import { sqlite, type DriverName } from '@backstory/sqlite';

/** Opens a file as its own process, says one thing about it, and exits without closing anything. */
async function main([file, driver, task = 'identify']: readonly string[]): Promise<string> {
  const options = { driver: driver as DriverName };
  if (task === 'read-as-another-user') await becomeAnother(options);
  const storage = await sqlite(file!, options).open({ readOnly: task === 'read-as-another-user' });
  const { events } = storage;
  if (task === 'append') {
    const id = newId();
    const metadata = { correlationId: id, source: 'test', occurredAt: new Date().toISOString() };
    const event = { id, type: 'appended', schemaVersion: 1, data: '{}', metadata: JSON.stringify(metadata) };
    await events.append([{ stream: 'a-1', expected: 'any', events: [event] }]);
    await storage.close();
    return 'appended';
  }
  if (task === 'identify') return (await events.identity()).logId;
  let count = 0;
  for await (const page of events.readAll()) count += page.events.length;
  return `${count} events`;
}

/** What is loaded on first use may not be readable to the other user, so it is used before. */
async function becomeAnother(options: { readonly driver: DriverName }): Promise<void> {
  await sqlite(`${process.cwd()}/does-not-exist/a.db`, options)
    .open()
    .catch(() => undefined);
  if (process.getuid?.() !== 0) return;
  process.setgid?.(65_534);
  process.setuid?.(65_534);
}

main(process.argv.slice(2)).then(
  (said) => {
    process.stdout.write(said, () => process.exit(0));
  },
  (error: unknown) => {
    process.stdout.write(String(error), () => process.exit(1));
  },
);
