import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import type { OpenStorage, StoredEvent } from '@backstory/core';
import { eventsIn } from '@backstory/core/administration';
import { writeHeader } from '@backstory/proof/seal';
import { queryAt } from '../../../test/support/postgres-cluster.js';
import { startPostgres, type PostgresServer } from '../../../test/support/postgres-server.js';
import { anEvent, eventsOf, record } from '../../../test/support/sqlite-files.js';
import { textsIn } from './event-texts.js';
import { postgres } from './postgres.js';

let server: PostgresServer;
let url: string;
let storage: OpenStorage;
beforeAll(async () => {
  server = await startPostgres();
});
beforeEach(async () => {
  url = await server.createDatabase();
  storage = await postgres(url).open();
  for (const stream of ['a-1', 'a-2', 'a-3'])
    await record(storage.events, stream, anEvent('one'), anEvent('two'));
  await queryAt(url, 'alter table backstory.events disable trigger all');
});
afterEach(() => storage.close());
afterAll(() => server?.stop());

const READS = {
  'the log': async (events: OpenStorage['events']) => eventsOf(events),
  'a stream': async (events: OpenStorage['events']) => {
    const read: StoredEvent[] = [];
    for await (const page of events.readStream('a-2')) read.push(...page.events);
    return read;
  },
  'texts for audits': async (events: OpenStorage['events']) => {
    let count = 0;
    for await (const page of events.readTexts!({ after: 0, upTo: 6, first: 6, pageSize: 6 }))
      count += page.count;
    return count;
  },
};

/** All columns but the last. */
const VALUES = `concat_ws(e'\\x1f', position, stream, version, id, type, schema_version, append_index, 0, data)`;

describe.each(Object.entries(READS))('%s with', (_, read) => {
  test.each([
    [
      'a column that is null',
      `alter column type drop not null`,
      `update events set type = null where position = 4`,
    ],
    ['a control character in a name', '', `update events set type = e'a\\x1fb' where position = 4`],
    [
      'metadata that goes on behind a NUL',
      'alter column metadata type text',
      `create cast (bytea as text) without function;
       update events set metadata = (convert_to(metadata, 'UTF8') || '\\x00ff41'::bytea)::text where position = 4`,
    ],
    [
      'an event within another, in place of it',
      'alter column type drop not null, alter column data type text',
      `update events set data = concat_ws(e'\\x1f', data, metadata, (select ${VALUES} from events where position = 4))
         where position = 3;
       update events set type = null where position = 4`,
    ],
  ])('%s is damaged, and says what to do', async (__, ddl, sql) => {
    if (ddl) await queryAt(url, `alter table backstory.events ${ddl}`);
    await queryAt(url, `set search_path = backstory; ${sql}`);
    await expect(read(storage.events)).rejects.toThrow('run "backstory audit verify"');
  });
});

test.each(['"\\', '\u0001\t'])('names full of what JSON escapes have room in texts: %j', (escaped) => {
  const name = escaped.repeat(150);
  const events = Array.from({ length: 100 }, (_, i) =>
    [i, name, 1, name, name, 1, 0, 0, '{}', '{}'].join('\u001f'),
  );
  const texts = Buffer.from(textsIn(`${events.join('\u001f')}\u001f`, 100)).toString();
  expect(texts.split(JSON.stringify(name))).toHaveLength(301);
});

test('headers are those of the proof package, whatever stands in names', () => {
  const name = fc.array(
    fc.oneof(
      fc.integer({ min: 1, max: 0x1e }).map((code) => String.fromCharCode(code)),
      fc.constantFrom('"', '\\', '\u007f', '\u2028', 'é', '🧾', '-', 'n'),
      fc
        .string({ unit: 'grapheme', maxLength: 3 })
        .filter((text) => !text.includes('\u001f') && !text.includes('\0')),
    ),
    { maxLength: 40 },
  );
  const event = fc.tuple(fc.nat(), name, fc.nat(), name, name, fc.nat(), fc.nat(), fc.nat());
  fc.assert(
    fc.property(fc.array(event, { minLength: 1, maxLength: 5 }), (events) => {
      const rows = events.map(
        ([position, stream, version, id, type, schemaVersion, appendIndex, recordedAt]) => {
          const names = { stream: stream.join(''), id: id.join(''), type: type.join('') };
          return { position, version, schemaVersion, appendIndex, recordedAt, ...names };
        },
      );
      const text = rows.map(
        (it) =>
          `${[it.position, it.stream, it.version, it.id, it.type, it.schemaVersion, it.appendIndex, it.recordedAt, '{}', '[]'].join('\u001f')}\u001f`,
      );
      const texts = Buffer.from(textsIn(text.join(''), rows.length)).toString();
      const lengths = (it: string) =>
        [Buffer.byteLength(it), 2, 2].map((n) => `${String(n).padStart(10, '0')} `).join('');
      const headers = rows.map(writeHeader);
      expect(texts).toBe(headers.map((it) => `${lengths(it)}${it}{}[]`).join(''));
    }),
  );
});

test('no control character of a number, which somebody has made a text, stands in a header as it is', () => {
  const text = `${['7', 's', '1\n2', 'i', 't', 1, 0, 0, '{}', '{}'].join('\u001f')}\u001f`;
  expect(Buffer.from(textsIn(text, 1)).toString()).toContain('[1,7,"s",1\\n2,"i"');
});

test('no value of an event keeps the text of its page in memory', () => {
  setFlagsFromString('--expose-gc');
  const gc = runInNewContext('gc') as () => void;
  const kept: string[][] = [];
  gc();
  const before = process.memoryUsage().heapUsed;
  for (let page = 0; page < 50; page++) {
    const name = (what: string) => `${what}-${page}-`.padEnd(40, 'x');
    const names = [name('stream'), '1', name('id'), name('type')];
    const event = ['1', ...names, '1', '0', '0', name('data'), name('metadata')];
    const large = [...event.slice(0, 8), 'x'.repeat(2 ** 20), ...event.slice(9)];
    const [, { id, stream, type, data, metadata }] = eventsIn([...large, ...event, ''].join('\u001f'), 2) as [
      StoredEvent,
      StoredEvent,
    ];
    kept.push([id, stream, type, data, metadata]);
  }
  gc();
  const mebibytes = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  expect(kept.flat().every((value) => value.length === 40)).toBe(true);
  expect(mebibytes).toBeLessThan(5);
});
