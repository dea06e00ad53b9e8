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
