import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  follow,
  sqlite,
  type App,
} from 'backstory';
import { silent, type Observer } from '@backstory/core/observe';

@DomainEvent('light.switched')
class Switched {
  constructor(readonly on: boolean) {}
}

@Aggregate('light')
class Light extends EventSourcedAggregate {
  on = false;
  flip() {
    this.raise(new Switched(!this.on));
  }
  @EventHandler(Switched) protected switched(event: Switched) {
    this.on = event.on;
  }
}

@Aggregate('lamp', { snapshots: { every: 2 } })
class Lamp extends Light {}

interface Heard {
  readonly seam: string;
  readonly start?: unknown;
  readonly end?: unknown;
  readonly error?: unknown;
}

/** Writes down everything it is told, with the trace that it pretends is active. */
function recording(heard: Heard[]): Observer {
  const around =
    (seam: string) =>
    async (start: () => unknown, work: (end: (facts: () => unknown) => void) => Promise<unknown>) => {
      let ended: unknown;
      const row = { seam, start: start() };
      try {
        const result = await work((facts) => (ended = facts()));
        heard.push({ ...row, end: ended });
        return result;
      } catch (error) {
        heard.push({ ...row, error });
        throw error;
      }
    };
  const told = (seam: string) => (facts: () => unknown) => void heard.push({ seam, start: facts() });
  const seams = Object.keys(silent).map((seam) => [seam, AROUND.has(seam) ? around(seam) : told(seam)]);
  return { ...Object.fromEntries(seams), trace: () => ({ traceparent: TRACE }) } as Observer;
}

const AROUND = new Set(['command', 'record', 'load', 'snapshot', 'publish', 'handle', 'project']);
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

describe('observation', () => {
  let folder: string;
  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'observe-'));
  });
  afterEach(() => fs.rm(folder, { recursive: true }));

  const define = (observer?: Observer) =>
    defineBackstory({
      name: 'lights',
      store: sqlite(path.join(folder, 'l.db')),
      aggregates: [Light],
      ...(observer && { observer }),
    });

  test('tells of a command once: loading, recording, and the batch it was committed in', async () => {
    const heard: Heard[] = [];
    const { ids } = await define(recording(heard)).run((app) =>
      app.repository(Light).update('1', (light) => light.flip(), { create: true, command: 'flip' }),
    );
    expect(heard.map(({ seam }) => seam)).toEqual(['load', 'appendBatch', 'record', 'command']);
    const [load, batch, record, command] = heard;
    expect(load).toMatchObject({
      start: { aggregate: 'Light', stream: 'light-1' },
      end: { version: 0, eventsFolded: 0, from: 'stream' },
    });
    expect(batch!.start).toMatchObject({ appends: 1, events: 1, failed: 0, queued: 0 });
    expect(record).toMatchObject({
      start: {
        appendId: ids[0],
        writes: [{ stream: 'light-1', category: 'light', types: ['light.switched'], correlationId: ids[0] }],
      },
      end: { position: 1, versions: [1], repeated: false, sends: 1 },
    });
    expect(command).toMatchObject({
      start: { command: 'flip', aggregate: 'Light', stream: 'light-1' },
      end: { attempts: 1, events: 1, version: 1, repeated: false },
    });
  });

  test('tells of a failure by its error, and of a follower by its pages', async () => {
    const heard: Heard[] = [];
    const observer = recording(heard);
    await define(observer).run(async (app) => {
      await app.record('light-1', [new Switched(true)]);
      await expect(app.record('light-1', [new Switched(true)], { expected: 'none' })).rejects.toThrow();
      for await (const _page of follow(app.events, { name: 'lamp', observer })) break;
    });
    expect(heard.filter(({ seam }) => seam === 'record')[1]).toMatchObject({
      error: { code: 'BACKSTORY_VERSION_CONFLICT' },
    });
    expect(heard.filter(({ seam }) => seam === 'page')).toEqual([
      { seam: 'page', start: { follower: 'lamp', events: 1, through: 1 } },
    ]);
  });

  test('stores a trace when a tracer is active, and none when none is', async () => {
    const traceOf = (observer?: Observer) =>
      define(observer).run(async (app) => {
        await app.repository(Light).update('1', (light) => light.flip(), { create: true });
        const events = [];
        for await (const event of app.repository(Light).eventsSince('1')) events.push(event);
        return events.at(-1)!.metadata.traceparent;
      });
    expect(await traceOf(recording([]))).toBe(TRACE);
    expect(await traceOf()).toBeUndefined();
  });

  test('tells of snapshots: what was looked for and found, written, and not of this log', async () => {
    const heard: Heard[] = [];
    const about = { aggregate: 'Lamp', stream: 'lamp-1' };
    const options = {
      name: 'lamps',
      state: sqlite(path.join(folder, 'state.db')),
      aggregates: [Lamp],
      observer: recording(heard),
    };
    const app = (log: string) => defineBackstory({ ...options, store: sqlite(path.join(folder, log)) });
    const flip = (it: App) => it.repository(Lamp).update('1', (lamp) => lamp.flip(), { create: true });
    await app('l.db').run(async (it) => {
      await flip(it);
      await flip(it);
      await it.repository(Lamp).load('1');
    });
    const snapshots = () => heard.splice(0).filter(({ seam }) => seam === 'snapshot' || seam === 'load');
    const bytes: unknown = expect.any(Number);
    expect(snapshots()).toMatchObject([
      { start: { ...about, operation: 'load' }, end: { result: 'miss', bytes: 0 } },
      { seam: 'load', end: { from: 'stream', eventsFolded: 0 } },
      { start: { ...about, operation: 'load' }, end: { result: 'miss', bytes: 0 } },
      { seam: 'load', end: { from: 'stream', eventsFolded: 1 } },
      { start: { ...about, operation: 'load' }, end: { result: 'miss', bytes: 0 } },
      { seam: 'load', end: { from: 'stream', eventsFolded: 2 } },
      { start: { ...about, operation: 'save' }, end: { result: 'written', bytes } },
    ]);
    await app('l.db').run((it) => it.repository(Lamp).load('1'));
    expect(snapshots()).toMatchObject([
      { start: { ...about, operation: 'load' }, end: { result: 'hit', bytes } },
      { seam: 'load', end: { from: 'snapshot', eventsFolded: 0, snapshotVersion: 2, version: 2 } },
    ]);
    await app('l.db').run((it) =>
      it.state.transaction([], async (state) => {
        for (const { key, value } of await state.list('backstory.snapshots'))
          await state.put('backstory.snapshots', key, value.replace('"position":2', '"position":3'));
      }),
    );
    await app('l.db').run((it) => it.repository(Lamp).load('1'));
    const reason = 'the log does not have the event that it was taken after';
    const background = (row: Heard) => ['invalidate', 'save'].includes((row.start as any).operation);
    const told = snapshots();
    expect([...told.filter((row) => !background(row)), ...told.filter(background)]).toMatchObject([
      { start: { ...about, operation: 'load' }, end: { result: 'stale', bytes, reason } },
      { start: { ...about, operation: 'load' }, end: { result: 'miss' } },
      { seam: 'load', end: { from: 'stream', eventsFolded: 2 } },
      { start: { ...about, operation: 'invalidate' }, end: { result: 'stale', reason } },
      { start: { ...about, operation: 'save' }, end: { result: 'written', bytes } },
    ]);
  });

  test('an observer that throws at every seam changes nothing of an update', async () => {
    const fail = () => {
      throw new Error('observer');
    };
    const failing = Object.fromEntries(Object.keys(silent).map((seam) => [seam, fail]));
    await define(failing as unknown as Observer).run(async (app) => {
      const flip = () => app.repository(Light).update('1', (light) => light.flip(), { create: true });
      expect(await flip()).toMatchObject({ version: 1, position: 1, repeated: false });
      expect(await flip()).toMatchObject({ version: 2, position: 2 });
      expect(await app.repository(Light).load('1')).toMatchObject({ on: false, version: 2 });
    });
  });

  test('computes nothing for an observer that does not listen', async () => {
    const facts = jest.fn(() => ({}) as never);
    await silent.record(facts, async (end) => end(facts));
    silent.appendBatch(facts);
    silent.page(facts);
    expect(facts).not.toHaveBeenCalled();
  });
});
