import { describeEachStorage } from './support/each-storage.js';
import { anEvent, record } from './support/sqlite-files.js';

describeEachStorage(({ storage, opened }) => {
  test('a log says how much there is of it, whoever recorded it', async () => {
    const shared = await storage();
    const [one, another] = [await opened(shared), await opened(shared)];
    expect(await one.events.extent!()).toMatchObject({ streams: 0 });
    await record(one.events, 'a-1', anEvent());
    await record(another.events, 'a-1', anEvent());
    await record(another.events, '_system-1', anEvent());
    const { streams, bytes } = await one.events.extent!();
    expect(streams).toBe(2);
    await record(another.events, 'b-1', { ...anEvent(), data: JSON.stringify('x'.repeat(500_000)) });
    const later = await one.events.extent!();
    expect(later.streams).toBe(3);
    // What is in memory has no size of its own.
    if (bytes !== undefined) expect(later.bytes).toBeGreaterThan(bytes);
  });

  test('a log that is closed says so', async () => {
    const { events } = await opened(await storage());
    await events.close();
    await expect(events.extent!()).rejects.toThrow('closed');
  });
});
