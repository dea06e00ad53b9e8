import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  Big,
  Context,
  VersionConflict,
  defineBackstory,
  memory,
  sqlite,
  type App,
  type Storage,
} from 'backstory';
import { Invoice, Line } from './invoice';

// The code of docs/guides/testing.md.

const lines = [new Line('consulting', 3, new Big('99.90'))];
const due = new Date('2026-12-24T00:00:00.000Z');

const start = (store: Storage) => defineBackstory({ name: 'billing', store, aggregates: [Invoice] }).start();

describe('the application in memory', () => {
  let app: App;
  beforeEach(async () => {
    app = await start(memory());
  });
  afterEach(() => app.close());

  test('a request is recorded with who asked', async () => {
    const invoices = app.repository(Invoice);

    await Context.of({ actor: 'ann', correlationId: 'request-7' }).run(() =>
      invoices.update('1', (invoice) => invoice.issue('bob', lines, due), { create: true }),
    );

    for await (const { type, metadata } of invoices.eventsSince('1')) {
      expect(type).toBe('invoice.issued');
      expect(metadata).toMatchObject({ actor: 'ann', correlationId: 'request-7' });
    }
  });

  test('a request that comes twice is carried out once', async () => {
    const invoices = app.repository(Invoice);
    const issue = () =>
      invoices.update('1', (invoice) => invoice.issue('bob', lines, due), {
        create: true,
        commandId: 'request-7',
      });

    expect(await issue()).toMatchObject({ repeated: false, version: 1 });
    expect(await issue()).toMatchObject({ repeated: true, version: 1 });
  });

  test('of two that save, one has to decide again', async () => {
    const invoices = app.repository(Invoice);
    await invoices.update('1', (invoice) => invoice.issue('bob', lines, due), { create: true });

    const [ann, eve] = await Promise.all([invoices.load('1'), invoices.load('1')]);
    ann.pay(new Big('99.70'), 'bank-77');
    eve.pay(new Big('299.70'), 'bank-78');
    await invoices.save(ann);
    await expect(invoices.save(eve)).rejects.toThrow(VersionConflict);
  });

  test('what is refused leaves no trace', async () => {
    const invoices = app.repository(Invoice);
    const overpaid = invoices.update(
      '1',
      (invoice) => {
        invoice.issue('bob', lines, due);
        invoice.pay(new Big('1000'), 'bank-77');
      },
      { create: true },
    );

    await expect(overpaid).rejects.toThrow('Only 299.70 is open.');
    expect(await invoices.find('1')).toBeUndefined();
  });
});

test('what was recorded is there after a restart', async () => {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'billing-'));
  const file = path.join(folder, 'billing.db');

  const first = await start(sqlite(file));
  await first.repository(Invoice).update('1', (it) => it.issue('bob', lines, due), { create: true });
  await first.close();

  const second = await start(sqlite(file));
  expect(await second.repository(Invoice).load('1')).toMatchObject({ status: 'open', version: 1 });
  await second.close();
  await fs.rm(folder, { recursive: true });
});
