import { memory } from './memory.js';

test('what one opening writes another sees', async () => {
  const storage = memory();
  const [one, other] = [await storage.open(), await storage.open()];
  await one.state.transaction([], (state) => state.put('c', 'k', 'v'));
  expect(await other.state.read((state) => state.get('c', 'k'))).toBe('v');
});

test('opened read-only it is read and refuses to be changed', async () => {
  const storage = memory();
  const { events, state } = await storage.open({ readOnly: true });
  const refusal = { code: 'BACKSTORY_STORE_UNUSABLE', problem: 'read-only' };
  await expect(events.append([])).rejects.toMatchObject(refusal);
  await expect(events.adopt()).rejects.toMatchObject(refusal);
  await expect(events.restore([])).rejects.toMatchObject(refusal);
  await expect(state.transaction([], async () => 1)).rejects.toMatchObject(refusal);
  await expect(state.acquire('l', { owner: 'o', ttlMs: 1 })).rejects.toMatchObject(refusal);
  expect(await events.identity()).toMatchObject({ head: 0 });
  expect(await state.read((view) => view.count('c'))).toBe(0);
});

test('what was closed is used no more; other openings of the same storage are', async () => {
  const storage = memory();
  const [one, other] = [await storage.open(), await storage.open()];
  await one.close();
  const closed = { code: 'BACKSTORY_STORE_CLOSED' };
  await expect(one.events.identity()).rejects.toMatchObject(closed);
  await expect(one.state.read(async () => 1)).rejects.toMatchObject(closed);
  expect(await other.events.identity()).toMatchObject({ head: 0 });
  await other.close();
});

test('a page of any length is restored', async () => {
  const { events } = await memory().open();
  const metadata = '{"correlationId":"c","source":"s","occurredAt":"2026-01-02T03:04:05.678Z"}';
  const stamped = { type: 't', schemaVersion: 1, data: '{}', metadata, recordedAt: new Date(0) };
  const restored = Array.from({ length: 150_000 }, (_, i) => {
    return { ...stamped, id: `${i}`, stream: 'a-1', version: i + 1, position: i + 1, appendIndex: 0 };
  });
  expect(await events.restore([{ events: restored, through: 150_000 }])).toMatchObject({ head: 150_000 });
});

test('what is appended while a restore is read is not overwritten', async () => {
  const { events } = await memory().open();
  const metadata = '{"correlationId":"c","source":"s","occurredAt":"2026-01-02T03:04:05.678Z"}';
  const event = { id: 'i', type: 't', schemaVersion: 1, data: '{}', metadata };
  async function* pages() {
    await events.append([{ stream: 'a-1', expected: 'any', events: [event] }]);
    yield { events: [], through: 0 };
  }
  await expect(events.restore(pages())).rejects.toMatchObject({ code: 'BACKSTORY_LOG_NOT_EMPTY' });
  expect(await events.identity()).toMatchObject({ head: 1 });
});
