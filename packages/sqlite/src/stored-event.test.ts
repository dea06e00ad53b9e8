import { pathToFileURL } from 'node:url';
import type { OpenStorage, StoredEvent } from '@backstory/core';
import { anEvent, eventsOf, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers, driverFor } from './choose-driver.js';
import { openStorage } from './sqlite.js';

const files = sqliteFiles();

const READS = {
  'the log': (events: OpenStorage['events']) => eventsOf(events),
  'events of two types': (events: OpenStorage['events']) => eventsOf(events, { types: ['one', 'two'] }),
  'a stream': async (events: OpenStorage['events']) => {
    const read: StoredEvent[] = [];
    for await (const page of events.readStream('a-2')) read.push(...page.events);
    return read;
  },
};

describe.each(availableDrivers())('with %s', (name) => {
  /** A log of six events in three streams, changed behind the store's back. */
  async function changed(...statements: readonly string[]): Promise<OpenStorage['events']> {
    const file = files.newFile();
    const driver = await driverFor(name, 'test');
    const { events } = await files.opened(openStorage(driver, file, {}));
    for (const stream of ['a-1', 'a-2', 'a-3']) await record(events, stream, anEvent('one'), anEvent('two'));
    const connection = driver.open(pathToFileURL(file).href);
    for (const statement of ['DROP TRIGGER events_never_change', ...statements]) connection.exec(statement);
    connection.close();
    return events;
  }

  describe.each(Object.entries(READS))('%s with', (_, read) => {
    it.each([
      ['a control character in a name', `id = 'a' || char(31) || 'b'`],
      ['bytes that are no UTF-8', `data = CAST(x'22ff22' AS TEXT)`],
    ])('%s is damaged, and says what to do', async (__, change) => {
      const events = await changed(`UPDATE events SET ${change} WHERE position = 4`);
      await expect(read(events)).rejects.toThrow('run "backstory audit verify"');
    });

    it('a text that goes on behind a NUL is read to its end', async () => {
      const events = await changed(`UPDATE events SET data = '1' || char(0) || '2' WHERE position = 4`);
      const found = (await read(events)).find(({ position }) => position === 4);
      expect(found?.data).toBe('1\u00002');
    });
  });
});
