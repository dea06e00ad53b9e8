import type { EventStore, OpenStorage } from '@backstory/core';
import type { FoldableEvent } from '@backstory/core/administration';
import { anEvent, record, sqliteFiles } from '../../../test/support/sqlite-files.js';
import { availableDrivers, driverFor } from './choose-driver.js';
import { openStorage } from './sqlite.js';

const files = sqliteFiles();

describe.each(availableDrivers())('with %s', (name) => {
  const open = async (): Promise<OpenStorage> =>
    files.opened(openStorage(await driverFor(name, 'test'), files.newFile(), {}));

  it('what a fold takes of short streams read together is what it is one by one', async () => {
    const { events } = await open();
    const asked: { stream: string; version: number }[] = [];
    for (let i = 0; i < 60; i++) {
      const [stream, version] = [`a-${i}`, 1 + (i % 30)];
      await record(events, stream, ...Array.from({ length: version }, () => anEvent()));
      asked.push({ stream, version });
    }
    await record(events, 'b-"\u00e4\u{1f600}', anEvent());
    asked.reverse().push({ stream: 'b-"\u00e4\u{1f600}', version: 1 });
    const read = await events.readShortStreams!(asked);
    expect(read.size).toBe(61);
    for (const { stream } of asked) expect(read.get(stream)).toEqual(await oneByOne(events, stream));
  });

  it('of a short stream no more is read than was asked for, and nothing where there is less', async () => {
    const { events } = await open();
    await record(events, 'a-1', anEvent(), anEvent(), anEvent());
    const read = (version: number) => events.readShortStreams!([{ stream: 'a-1', version }]);
    expect((await read(2)).get('a-1')!.map((it) => it.version)).toEqual([1, 2]);
    expect((await read(4)).has('a-1')).toBe(false);
    expect(await events.readShortStreams!([{ stream: 'a-2', version: 1 }])).toEqual(new Map());
  });

  it('a stream that is long, or that has a large event, is not read with others', async () => {
    const { events } = await open();
    const large = { ...anEvent(), data: JSON.stringify('x'.repeat(10_000)) };
    await record(events, 'a-1', anEvent(), large, anEvent());
    await record(events, 'a-2', anEvent());
    await record(events, 'a-3', ...Array.from({ length: 101 }, () => anEvent()));
    const asked = [
      { stream: 'a-1', version: 3 },
      { stream: 'a-2', version: 1 },
      { stream: 'a-3', version: 101 },
    ];
    expect([...(await events.readShortStreams!(asked)).keys()]).toEqual(['a-2']);
  });
});

async function oneByOne(events: EventStore, stream: string): Promise<FoldableEvent[]> {
  const all: FoldableEvent[] = [];
  for await (const page of events.readStream(stream))
    for (const { version, position, type, schemaVersion, data } of page.events)
      all.push({ stream, version, position, type, schemaVersion, data });
  return all;
}
