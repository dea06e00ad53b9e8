import fs from 'node:fs';
import path from 'node:path';
import type { EventStore, StoredEvent } from '@backstory/core';
import { auditFolders } from '../../../test/support/sealed-log';
import { fillShop, openShop, type ShopApp } from '../../../test/support/shop';
import { metadataOf, type ReportQuery } from './audit-entries.js';
import { AuditFolder } from './audit-folder.js';
import { exportPackage } from './export-package.js';
import { sealLog } from './seal-log.js';
import { sealedIn } from './sealed-lines.js';

const folders = auditFolders();
let app: ShopApp;
let into: string;
let audit: AuditFolder;

beforeEach(async () => {
  ({ app } = await openShop());
  await fillShop(app);
  const keyed = await folders.newFolder();
  await sealLog(app, keyed);
  audit = new AuditFolder(keyed.folder);
  into = path.join(keyed.folder, 'package');
});
afterEach(() => app.close());

async function exported(events: EventStore = app.events, query: ReportQuery = {}) {
  const [sealed, keys] = [await sealedIn(audit), await audit.keys()];
  return exportPackage(
    { events, aggregates: app.aggregates },
    { into, sealed, keys, verified: 'nothing had changed', ...query },
  );
}

/** A store that gives the event at a position otherwise. */
function otherwise(at: number, change: object): EventStore {
  const store = Object.create(app.events) as EventStore;
  store.readAll = async function* (query) {
    for await (const page of app.events.readAll(query)) {
      const events = page.events.map((event) => (event.position === at ? { ...event, ...change } : event));
      yield { ...page, events };
    }
  };
  return store;
}

test.each([
  ['whose data is another', { data: '{"other":1}' }, /is not as it was sealed/],
  ['whose metadata is another', { metadata: '{"actor":"eve"}' }, /is not as it was sealed/],
  ['that stands elsewhere', { position: 1_000 }, /is sealed and was asked for, and the log does not give it/],
])('an event %s is in no package, of which then nothing is left', async (_, change, message) => {
  await expect(exported(otherwise(2, change))).rejects.toThrow(message);
  expect(fs.readdirSync(into)).toEqual([]);
  expect(await exported()).toMatchObject({ events: 6, folder: into });
});

test('an event that was never sealed where it stands is in no package', async () => {
  const more = Object.create(app.events) as EventStore;
  more.readAll = async function* (query) {
    for await (const page of app.events.readAll(query))
      yield {
        ...page,
        events: page.events.flatMap((event) => [event, { ...event, position: 1_000 + event.position }]),
      };
  };
  await expect(exported(more)).rejects.toThrow(/was never sealed where it stands/);
  expect(fs.readdirSync(into)).toEqual([]);
});

test('a package is made in no folder that holds something', async () => {
  fs.mkdirSync(into);
  fs.writeFileSync(path.join(into, 'mine'), '');
  await expect(exported()).rejects.toThrow(/must be a new or an empty folder/);
  expect(fs.readdirSync(into)).toEqual(['mine']);
});

test('a place where nothing can be written is said', async () => {
  fs.writeFileSync(into, '');
  await expect(exported()).rejects.toThrow(/package cannot be written \(/);
});

test('a file that a package is made of and that cannot be read is said to be one', async () => {
  const store = Object.create(app.events) as EventStore;
  // eslint-disable-next-line require-yield -- it fails before there is a page
  store.readAll = async function* () {
    throw Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO', syscall: 'read' });
  };
  await expect(exported(store)).rejects.toThrow(/^A file cannot be read: EIO/);
  expect(fs.readdirSync(into)).toEqual([]);
});

test('a package lacks no event that is sealed and was asked for, whatever an index leaves out', async () => {
  const events: StoredEvent[] = [];
  for await (const page of app.events.readAll()) events.push(...page.events);
  const hidden = events[3]!;
  const hiding = Object.create(app.events) as EventStore;
  hiding.readAll = async function* (query) {
    for await (const page of app.events.readAll(query))
      yield { ...page, events: page.events.filter(({ position }) => position !== hidden.position) };
  };
  const { stream, type, recordedAt, position } = hidden;
  const asked: readonly ReportQuery[] = [
    {},
    { streams: [stream] },
    { types: [type] },
    { from: recordedAt, to: recordedAt },
    { upTo: position },
    { actor: metadataOf(events[0]!).actor! },
  ];
  for (const query of asked)
    await expect(exported(hiding, query)).rejects.toThrow(
      / is sealed and was asked for, and the log does not give it/,
    );
  const others: readonly ReportQuery[] = [
    { streams: events.map((it) => it.stream).filter((it) => it !== stream) },
    { types: events.map((it) => it.type).filter((it) => it !== type) },
    { upTo: position - 1 },
  ];
  for (const query of others) {
    await expect(exported(hiding, query)).resolves.toMatchObject({ folder: into });
    fs.rmSync(into, { recursive: true });
  }
  const { events: count } = await exported(app.events, { from: recordedAt, to: recordedAt });
  expect(count).toBe(events.filter((it) => it.recordedAt.getTime() === recordedAt.getTime()).length);
});
