import {
  Recorder,
  StoreUnavailable,
  memory,
  type OpenStorage,
  type StateStore,
  type Storage,
} from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { StoreClosed } from '@backstory/core/store';
import { DomainEvent, EventHandler, EventTypes, instant } from '@backstory/events';
import {
  GenerationUnusable,
  NotCaughtUp,
  Projection,
  ProjectionChanged,
  projection,
  type GenerationStatus,
  type ProjectionOptions,
  type Projections,
} from '@backstory/projection';
import { Deposited, Withdrawn, recording } from './support/bank-events.js';
import { describeEachStorage, type TestStorage } from './support/each-storage.js';
import { IN_TIME, eventually } from './support/eventually.js';
import { projectionsOn, totals } from './support/projecting.js';

/** What is wrong with the handlers, as long as it is. */
let bug: ((event: Deposited) => void) | undefined;
beforeEach(() => {
  bug = undefined;
});

/** Sums by account, as code of a version makes them; that of version 2 forgets what is 13, which others may do unsaid. */
function sums(
  version: number,
  options: Partial<ProjectionOptions> = {},
  forgotten = version === 2 ? 13 : undefined,
) {
  return projection('sums', {
    version,
    ...options,
    initial: { sum: 0, seen: [] as number[] },
    events: { Deposited, Withdrawn },
    fold: {
      Deposited: ({ sum, seen }, event) => {
        bug?.(event);
        const { amount } = event;
        return { sum: sum + (amount === forgotten ? 0 : amount), seen: [...seen, amount] };
      },
      Withdrawn: ({ sum, seen }, { amount }) => ({ sum: sum - amount, seen }),
    },
  });
}

describeEachStorage(generationsAre);

function generationsAre(stores: TestStorage): void {
  let storage: Storage;
  let opened: OpenStorage;
  let record: ReturnType<typeof recording>;
  const running: Projections[] = [];
  const run = async (...args: Parameters<typeof projectionsOn>) => {
    const projections = projectionsOn(...args);
    running.push(projections);
    await projections.start();
    return projections;
  };
  const head = async () => (await opened.events.identity()).head;
  beforeEach(async () => {
    storage = await stores.storage();
    opened = await stores.opened(storage);
    record = recording(opened.events);
    await record('1', new Deposited(5), new Deposited(13));
    await record('2', new Deposited(1));
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
  });

  it('what is read is compared with the log, and what code without a new version made of it is named', async () => {
    const first = await run(opened, [sums(1)]);
    await first.caughtUp('sums', await head(), IN_TIME);
    expect(await first.verifyWithLog('sums')).toEqual({
      ...{ projection: 'sums', generation: 1, version: 1, position: 3 },
      ...{ isEqual: true, documents: 2, different: 0, differences: [] },
    });
    const changed = projectionsOn(opened, [sums(1, {}, 1)]);
    running.push(changed);
    const { differences, ...found } = await changed.verifyWithLog('sums');
    expect(found).toMatchObject({ isEqual: false, documents: 2, different: 1 });
    expect(differences).toEqual([{ key: 'account-2', path: 'sum', live: 1, other: 0 }]);
    await expect(first.verifyWithLog('sums', { maxFolded: 1 })).rejects.toThrow(GenerationUnusable);
    await expect(first.verifyWithLog('sums', { signal: AbortSignal.abort() })).rejects.toThrow(/abort/);
    const newer = projectionsOn(opened, [sums(2)]);
    running.push(newer);
    await expect(newer.verifyWithLog('sums')).rejects.toThrow(
      /code of version 1 made it, and the code here is version 2/,
    );
  });

  it('what is filled is compared with the log before anybody reads it: also what code that was changed has gone on with', async () => {
    await (await run(opened, [sums(1)])).close();
    const before = projectionsOn(opened, [sums(2)]);
    running.push(before);
    await before.fill('sums');
    await before.close();
    await record('1', new Deposited(1));
    const changed = projectionsOn(opened, [sums(2, {}, 1)]);
    running.push(changed);
    await changed.fill('sums');
    const { differences, ...found } = await changed.verifyWithLog('sums', { generation: 2 });
    expect(found).toMatchObject({ generation: 2, version: 2, isEqual: false, documents: 2 });
    expect(differences).toEqual([
      { key: 'account-1', path: 'sum', live: 5, other: 18 },
      { key: 'account-2', path: 'sum', live: 1, other: 0 },
    ]);
    await changed.drop('sums', { generation: 2 });
    await expect(changed.verifyWithLog('sums', { generation: 2 })).rejects.toThrow(/there is none/);
    await changed.fill('sums');
    expect(await changed.verifyWithLog('sums', { generation: 3 })).toMatchObject({
      ...{ generation: 3, isEqual: true },
    });
  });

  it('a failing handler stops the projection before its event, visibly, and what is before it is kept', async () => {
    bug = ({ amount }) => {
      if (amount === 13) throw new Error('unlucky');
    };
    const projections = await run(opened, [sums(1)]);
    const status = await eventually(async () => {
      const now = await projections.status('sums');
      return now.state === 'faulted' && now;
    });
    expect(status).toMatchObject({
      position: 1,
      reason: expect.stringMatching(/before position 2.*unlucky/),
    });
    expect(await projections.named('sums').get('account-1')).toEqual({ sum: 5, seen: [5] });
    expect(await projections.named('sums').get('account-2')).toBeUndefined();
    // Not after these ten minutes, but at once.
    const late = projections.caughtUp('sums', await head(), { timeoutMs: 600_000 });
    await expect(late).rejects.toThrow(NotCaughtUp);
    await expect(late).rejects.toThrow(/position 1 and not yet at 3 \(faulted.*unlucky/);
    await projections.caughtUp('sums', 1, IN_TIME);
    bug = undefined;
    await projections.resume('sums');
    await projections.caughtUp('sums', await head(), IN_TIME);
    expect(await projections.named('sums').get('account-1')).toEqual({ sum: 18, seen: [5, 13] });
    expect(await projections.status('sums')).toMatchObject({ state: 'live', lag: { seconds: 0 } });
  });

  it('paused it folds nothing, and resumed it goes on', async () => {
    const projections = await run(opened, [sums(1)]);
    await projections.caughtUp('sums', await head(), IN_TIME);
    await projections.pause('sums', { actor: 'ann', reason: 'audit' });
    await record('1', new Deposited(7));
    await expect(projections.caughtUp('sums', await head(), { timeoutMs: 600_000 })).rejects.toThrow(
      /paused: by ann: audit/,
    );
    await projections.resume('sums');
    await projections.caughtUp('sums', await head(), IN_TIME);
    expect(await projections.named('sums').get('account-1')).toMatchObject({ sum: 25 });
  });

  it('of one that is filled it is told how far it is, how fast, and how long it will take', async () => {
    const projections = await run(opened, [sums(1)]);
    await record('3', ...Array.from({ length: 117 }, () => new Deposited(1)));
    const told: GenerationStatus[] = [];
    const filled = await projections.fill('sums', {
      eventsPerSecond: 50,
      onProgress: (status) => void told.push(status),
    });
    expect(filled).toMatchObject({ generation: 2, role: 'building', events: 120, progress: 1, documents: 3 });
    expect(told.at(-1)).toEqual(filled);
    const events = told.map((it) => it.events);
    expect(events).toEqual([...events].sort((a, b) => a - b));
    // After its first batch nobody knows yet how fast it is.
    const between = told.filter((it) => it.rate > 0 && it.events < 120);
    expect(between.length).toBeGreaterThan(0);
    for (const { rate, lag, remaining, progress, position } of between) {
      expect(remaining).toBe(Math.ceil(lag.events / rate));
      expect(progress).toBeCloseTo(position / (position + lag.events), 10);
    }
  });

  it('it is caught up with events that it does not handle', async () => {
    const projections = await run(opened, [totals()]);
    const only = projection('withdrawals', {
      version: 1,
      initial: { count: 0 },
      events: { Withdrawn },
      fold: { Withdrawn: ({ count }) => ({ count: count + 1 }) },
    });
    const others = await run(await stores.opened(storage), [only]);
    await record('2', new Withdrawn(1), new Deposited(4), new Deposited(5));
    await others.caughtUp(only, await head(), IN_TIME);
    await projections.caughtUp('totals', await head(), IN_TIME);
    expect(await others.of(only).get('account-2')).toEqual({ count: 1 });
  });

  it('a higher version is built beside, compared, swapped, and taken back', async () => {
    const first = await run(opened, [sums(1)]);
    await first.caughtUp('sums', await head(), IN_TIME);
    await first.close();
    const second = await run(opened, [sums(2)]);
    await second.filled('sums', 2);
    expect(await second.named('sums').get('account-1')).toMatchObject({ sum: 18 });
    expect(await second.status('sums')).toMatchObject({ state: 'frozen', version: 1, code: 2 });
    const found = await second.verify('sums');
    expect(found).toMatchObject({
      isEqual: false,
      position: 3,
      documents: 2,
      different: 1,
      differences: [{ key: 'account-1', path: 'sum', live: 18, other: 5 }],
    });
    expect(found.live.hash).toBe((await second.content('sums', 1)).hash);
    expect(found.other.hash).toBe((await second.content('sums', 2)).hash);
    await record('3', new Deposited(9));
    await second.filled('sums', 2);
    await eventually(async () => (await second.status('sums')).generations[1]!.position >= 4);
    expect(await second.verify('sums')).toMatchObject({ position: 3, documents: 2, different: 1 });
    await second.swap('sums');
    expect(await second.named('sums').get('account-1')).toMatchObject({ sum: 5 });
    expect(await second.named('sums').count()).toBe(3);
    const back = await second.rollback('sums');
    expect(back).toMatchObject({ generation: 1, was: 2, position: 3 });
    expect(back.behind).toBeGreaterThan(0);
    expect(await second.named('sums').get('account-1')).toMatchObject({ sum: 18 });
    await expect(second.drop('sums', { generation: 1 })).rejects.toThrow(/is read/);
    expect(await second.drop('sums')).toBe(2);
    await expect(second.swap('sums')).rejects.toThrow(GenerationUnusable);
    expect((await second.status('sums')).generations.map((it) => it.generation)).toEqual([1]);
  });

  it('what a lower version is filling does not take the place of a higher one by itself', async () => {
    const first = await run(opened, [sums(1)]);
    await first.caughtUp('sums', await head(), IN_TIME);
    await first.pause('sums', { actor: 'ann' });
    const swapping = (version: number) => sums(version, { changed: 'swap' });
    // It is begun, and not filled yet.
    await (await run(opened, [swapping(2)])).close();
    const third = await run(opened, [swapping(3)]);
    await third.resume('sums', { actor: 'ann' });
    const live = async () => (await third.status('sums')).generations.find((it) => it.role === 'live');
    await eventually(async () => (await live())?.generation === 3);
    const second = await run(opened, [swapping(2)]);
    await second.filled('sums', 2);
    const control = await opened.state.read((view) => view.get('backstory.projections', 'sums'));
    expect(control).not.toContain('swaps');
    await second.close();
    expect(await live()).toMatchObject({ generation: 3, version: 3 });
  });

  it('how fast one is filled may be changed while it is, and counts at once', async () => {
    for (let i = 0; i < 20; i++) await record('3', ...Array.from({ length: 50 }, () => new Deposited(1)));
    const batches: number[] = [];
    const observer: Observer = {
      ...silent,
      project: (begin, work) => {
        const { isBuilding, events } = begin();
        if (isBuilding) batches.push(events);
        return work(() => undefined);
      },
    };
    const projections = await run(opened, [sums(1)], { observer });
    await projections.rebuild('sums', { eventsPerSecond: 10 });
    await eventually(() => batches.length > 1);
    expect(batches.every((events) => events === 1)).toBe(true);
    for (const eventsPerSecond of [1_000, 1, 1_000_000])
      await projections.rebuild('sums', { eventsPerSecond });
    expect(await projections.filled('sums', 2)).toMatchObject({ events: 1_003 });
    expect(Math.max(...batches)).toBeGreaterThan(100);
  });

  it('one that is behind is compared where the other is, and does not take its place', async () => {
    const running1 = await run(opened, [sums(1)]);
    await running1.caughtUp('sums', await head(), IN_TIME);
    const { position } = (await running1.status('sums')).generations[0]!;
    const tool = projectionsOn(await stores.opened(storage), [sums(1)]);
    running.push(tool);
    await running1.close();
    expect(await tool.rebuild('sums')).toBe(2);
    expect(await tool.rebuild('sums')).toBe(2);
    expect(await tool.verify('sums', { maxFolded: 2 })).toMatchObject({
      isEqual: true,
      position,
      documents: 2,
      different: 0,
    });
    await expect(tool.verify('sums', { maxFolded: 1 })).rejects.toThrow(
      /more than 1 documents would have to be folded/,
    );
    const strange = projectionsOn(opened, []);
    running.push(strange);
    await expect(strange.swap('sums')).rejects.toThrow(
      /it is at position 0, and what is read is at \d+: no process feeds it: start one whose code has version 1/,
    );
    const filled = await tool.fill('sums', { eventsPerSecond: 1_000 });
    expect(filled).toMatchObject({ generation: 2, documents: 2, events: 3 });
    const control = () => opened.state.read((view) => view.get('backstory.projections', 'sums'));
    expect(await control()).toContain('"eventsPerSecond":1000');
    expect(await tool.swap('sums')).toMatchObject({ generation: 2, was: 1, behind: 0 });
    expect(await control()).not.toContain('eventsPerSecond');
  });

  it('one that lacks nothing but events of others takes its place, and one that lacks more does not', async () => {
    const first = await run(opened, [sums(1)]);
    const tool = projectionsOn(await stores.opened(storage), [sums(2)]);
    running.push(tool);
    await tool.fill('sums');
    await others(opened);
    const upTo = await head();
    await eventually(async () => (await first.status('sums')).position >= upTo);
    expect((await tool.status('sums')).generations[1]!.position).toBeLessThan(upTo);
    expect(await tool.swap('sums')).toMatchObject({ generation: 2, was: 1 });
    expect(await tool.rollback('sums')).toMatchObject({ generation: 1, was: 2 });
    await tool.drop('sums');
    await tool.fill('sums');
    await record('1', new Deposited(1));
    await first.caughtUp('sums', await head(), IN_TIME);
    const strange = projectionsOn(opened, []);
    running.push(strange);
    await expect(strange.swap('sums')).rejects.toThrow(/what is read is at \d+: no process feeds it/);
    expect(await tool.swap('sums')).toMatchObject({ generation: 3, was: 1, behind: 0 });
    expect(await tool.named('sums').get('account-1')).toMatchObject({ seen: [5, 13, 1] });
  });

  it.each([
    ['events of others', () => others(opened)],
    ['its own events', () => record('1', new Withdrawn(1))],
  ])('one that takes its place by itself does so also while %s come without end', async (_, happens) => {
    const first = await run(opened, [sums(1)]);
    let isOver = false;
    const writer = (async () => {
      for (; !isOver; await new Promise((next) => setTimeout(next, 20))) await happens();
    })();
    const second = await run(await stores.opened(storage), [sums(2, { changed: 'swap' })], { leaseMs: 400 });
    try {
      await eventually(async () => (await second.status('sums')).generation === 2);
    } finally {
      isOver = true;
      await writer;
    }
    await second.caughtUp('sums', await head(), IN_TIME);
    expect((await first.status('sums')).generation).toBe(2);
  });

  it('after a fault mended code fills it, and the fault from before is told no more', async () => {
    await run(opened, [sums(1)]);
    bug = ({ amount }) => {
      if (amount === 13) throw new Error('unlucky');
    };
    const broken = projectionsOn(await stores.opened(storage), [sums(1)]);
    running.push(broken);
    await expect(broken.fill('sums')).rejects.toThrow(/unlucky/);
    bug = undefined;
    const mended = projectionsOn(await stores.opened(storage), [sums(1)]);
    running.push(mended);
    expect(await mended.fill('sums')).toMatchObject({ generation: 2, events: 3 });
  });

  it('one that is being dropped, or that was given up, is not waited for', async () => {
    const projections = projectionsOn(opened, [sums(1)]);
    running.push(projections);
    await run(opened, [sums(1)]).then((it) => it.close());
    await projections.rebuild('sums');
    const become = (role: string) =>
      opened.state.transaction([], async (tx) => {
        const text = (await tx.get('backstory.projections', 'sums'))!;
        await tx.put('backstory.projections', 'sums', text.replace('"building"', `"${role}"`));
      });
    await become('retired');
    await expect(projections.filled('sums', 2)).rejects.toThrow(/another one is read since/);
    await opened.state.transaction([], async (tx) => {
      const text = (await tx.get('backstory.projections', 'sums'))!;
      await tx.put('backstory.projections', 'sums', text.replace('"retired"', '"dropping"'));
    });
    await expect(projections.filled('sums', 2)).rejects.toThrow(/it was dropped meanwhile/);
  });

  it('one that no process feeds is not waited for without end', async () => {
    const first = await run(opened, [sums(1)]);
    await first.caughtUp('sums', await head(), IN_TIME);
    const tool = projectionsOn(await stores.opened(storage), [sums(2)]);
    running.push(tool);
    const generation = await tool.rebuild('sums');
    let looks = 0;
    const onProgress = () => {
      // It waits a millisecond at least after each.
      if (++looks > 100) throw new Error('still waiting');
    };
    const waiting = tool.filled('sums', generation, { everyMs: 1, unfedMs: 20, onProgress });
    await expect(waiting).rejects.toThrow(
      /generation 2: no process feeds it: start one whose code has version 2/,
    );
    await expect(waiting).rejects.toBeInstanceOf(GenerationUnusable);
  });

  it('its status says by what code it is fed while that is another, and that nobody does so after that', async () => {
    const first = await run(opened, [sums(1)]);
    await first.caughtUp('sums', await head(), IN_TIME);
    const second = await run(await stores.opened(storage), [sums(2)]);
    await second.filled('sums', 2);
    await record('1', new Deposited(4));
    await second.caughtUp('sums', await head(), IN_TIME);
    expect(await second.named('sums').get('account-1')).toMatchObject({ sum: 22 });
    const made = 'it was made by version 1, the code is of version 2, and';
    expect(await second.status('sums')).toMatchObject({
      ...{ state: 'live', version: 1, code: 2 },
      reason: `${made} a process of version 1 feeds it`,
    });
    expect(await first.status('sums')).not.toHaveProperty('reason');
    await first.close();
    await eventually(async () => (await second.status('sums')).state === 'frozen');
    expect(await second.status('sums')).toMatchObject({ reason: `${made} no process feeds it` });
    await record('1', new Deposited(5));
    await second.filled('sums', 2);
    expect(await second.named('sums').get('account-1')).toMatchObject({ sum: 22 });
  });

  it('a page goes on in the generation that it began in', async () => {
    const first = await run(opened, [sums(1)]);
    await first.caughtUp('sums', await head(), IN_TIME);
    const page = await first.named('sums').find({ limit: 1 });
    expect(page).toMatchObject({ generation: 1, documents: [{ key: 'account-1', document: { sum: 18 } }] });
    await first.close();
    const second = await run(opened, [sums(2, { changed: 'swap' })]);
    await eventually(async () => (await second.status('sums')).generation === 2);
    const next = await second.named('sums').find({ limit: 1, after: page.next! });
    expect(next).toMatchObject({ generation: 1, documents: [{ key: 'account-2' }] });
    expect(await second.named('sums').find({ limit: 1 })).toMatchObject({
      generation: 2,
      documents: [{ document: { sum: 5 } }],
    });
    await second.drop('sums');
    await expect(second.named('sums').find({ limit: 1, after: page.next! })).rejects.toThrow(/begin again/);
  });

  it('as of a position or an instant it is what the events up to there make of it', async () => {
    const source = sums(1);
    const projections = await run(opened, [source, totals()]);
    const documents = projections.of(source);
    const [first] = await positions(opened);
    expect(await documents.asOf(first!).get('account-1')).toEqual({ sum: 5, seen: [5] });
    expect(await documents.asOf(0).get('account-1')).toBeUndefined();
    const now = await documents.asOf(new Date(Date.now() + 1_000)).evaluate('account-1');
    expect(now).toMatchObject({
      document: { sum: 18 },
      position: 3,
      cost: { read: 'stream', events: 2, folded: 2 },
    });
    const all = await projections.named('totals').asOf(2).evaluate('all');
    expect(all).toMatchObject({ document: { sum: 18 }, cost: { read: 'log', events: 2, folded: 2 } });
    await expect(projections.named('totals').asOf(3, { maxEvents: 2 }).get('all')).rejects.toThrow(
      /maxEvents/,
    );
    await expect(documents.asOf(99).get('all')).rejects.toThrow(/from 0 to /);
  });

  it('as of an instant between two recordings it is what the first of them made', async () => {
    const source = sums(1);
    const projections = await run(opened, [source]);
    const recordedAt = async (position: number) => {
      for await (const page of opened.events.readAll({ after: position - 1, limit: 1 }))
        return page.events[0]!.recordedAt.getTime();
      throw new Error('no such event');
    };
    const before = await recordedAt(await head());
    await eventually(() => Date.now() > before + 5);
    await record('1', new Deposited(7));
    const after = await recordedAt(await head());
    const sumAt = async (at: number) => {
      const { document, position } = await projections.of(source).asOf(new Date(at)).evaluate('account-1');
      return [document?.sum, position];
    };
    expect(after).toBeGreaterThan(before + 2);
    expect(await sumAt(before + 1)).toEqual([18, 3]);
    expect(await sumAt(after - 1)).toEqual([18, 3]);
    expect(await sumAt(after)).toEqual([25, 4]);
    expect(await sumAt(Date.UTC(2020))).toEqual([undefined, 0]);
  });

  it('every value that a place of a document had comes with the event that brought it', async () => {
    await record('1', new Withdrawn(2));
    const source = sums(1);
    const projections = await run(opened, [source, totals()]);
    const steps = async (key: string, path?: string, when?: number) => {
      const found: unknown[] = [];
      for await (const { event, before, after } of projections
        .of(source)
        .asOf(when ?? (await head()))
        .history(key, path))
        found.push([event.stream, event.version, before, after]);
      return found;
    };
    expect(await steps('account-1', 'sum')).toEqual([
      ['account-1', 1, undefined, 5],
      ['account-1', 2, 5, 18],
      ['account-1', 3, 18, 16],
    ]);
    expect(await steps('account-1', 'seen[1]')).toEqual([['account-1', 2, undefined, 13]]);
    expect(await steps('account-1', 'seen', 1)).toEqual([['account-1', 1, undefined, [5]]]);
    expect(await steps('account-2')).toEqual([['account-2', 1, undefined, { sum: 1, seen: [1] }]]);
    expect(await steps('account-9')).toEqual([]);
  });
}

/** What no projection here handles. */
async function others({ events }: OpenStorage): Promise<void> {
  const own = [new EventTypes([Audited]).encode(new Audited())];
  await new Recorder(events, { source: 'test' }).record([
    { stream: 'audit-1', expected: 'any', events: own },
  ]);
}

@DomainEvent('audit.made')
class Audited {}

async function positions({ events }: OpenStorage): Promise<readonly number[]> {
  const found: number[] = [];
  for await (const page of events.readAll()) found.push(...page.events.map(({ position }) => position));
  return found;
}

describe('what a version stands for', () => {
  let opened: OpenStorage;
  const running: Projections[] = [];
  beforeEach(async () => {
    opened = await memory().open();
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
    await opened.close();
  });
  const run = async (...args: Parameters<typeof projectionsOn>) => {
    const projections = projectionsOn(...args);
    running.push(projections);
    await projections.start();
    return projections;
  };

  it('other events or indexes under the same version are refused', async () => {
    await run(opened, [sums(1)]);
    const fewer = projection('sums', {
      version: 1,
      initial: { sum: 0 },
      events: { Deposited },
      fold: { Deposited: (document) => document },
    });
    await expect(run(opened, [fewer])).rejects.toThrow(ProjectionChanged);
    await expect(run(opened, [sums(1, { indexes: ['sum'] })])).rejects.toThrow(
      /raise its version from 1 to 2/,
    );
  });

  it('another name for an event under the same version is refused: what has it was passed by', async () => {
    @DomainEvent('till.opened')
    class Opened {}
    @DomainEvent('till.opened', { aliases: ['till.begun'] })
    class OpenedOrBegun {}
    const tills = (event: typeof Opened) =>
      projection('tills', {
        version: 1,
        initial: { opened: 0 },
        events: { event },
        fold: { event: ({ opened }) => ({ opened: opened + 1 }) },
      });
    await run(opened, [tills(Opened)]);
    await expect(run(opened, [tills(OpenedOrBegun)])).rejects.toThrow(
      /may be recorded as till.begun, till.opened, and then as till.opened: raise its version/,
    );
  });

  it('what an event has led to is waited for no longer than is said, where what is read does not fold it', async () => {
    const deposits = projection('sums', {
      version: 1,
      initial: { sum: 0 },
      events: { Deposited },
      fold: { Deposited: ({ sum }, { amount }) => ({ sum: sum + amount }) },
    });
    const before = await run(opened, [deposits]);
    await recording(opened.events)('1', new Withdrawn(5));
    const now = projectionsOn(opened, [sums(2)]);
    running.push(now);
    await before.caughtUp('sums', 1, IN_TIME);
    for await (const { events } of opened.events.readAll()) {
      const recorded = new EventTypes([Withdrawn]).decode(events[0]!);
      const waiting = now.named('sums').resultsOf(recorded, { timeoutMs: 120 });
      await expect(waiting).rejects.toThrow(OTHER_VERSION);
      const stopped = new AbortController();
      const broken = now.named('sums').resultsOf(recorded, { signal: stopped.signal });
      setTimeout(() => stopped.abort(new Error('given up')), 120);
      await expect(broken).rejects.toThrow('given up');
    }
  });

  const OTHER_VERSION = /\(what is read was made by code of version 1, and the code here, of version 2,/;

  it('the way back leads to what was read before, though something newer was given up in between', async () => {
    await recording(opened.events)('1', new Deposited(5));
    const projections = await run(opened, [sums(1)]);
    const swapped = async () => {
      await projections.fill('sums');
      return projections.swap('sums');
    };
    expect(await swapped()).toMatchObject({ generation: 2, was: 1 });
    expect(await projections.rollback('sums')).toMatchObject({ generation: 1, was: 2 });
    expect(await swapped()).toMatchObject({ generation: 3, was: 1 });
    expect(await projections.rollback('sums')).toMatchObject({ generation: 1, was: 3 });
    expect(await projections.rollback('sums')).toMatchObject({ generation: 3, was: 1 });
  });

  it('a higher version may be refused until it was rebuilt', async () => {
    await run(opened, [sums(1)]);
    await expect(run(opened, [sums(2, { changed: 'refuse' })])).rejects.toThrow(
      /backstory projections rebuild/,
    );
    const tool = projectionsOn(opened, [sums(2, { changed: 'refuse' })]);
    running.push(tool);
    expect(await tool.fill('sums')).toMatchObject({ generation: 2, role: 'building' });
    await tool.swap('sums');
    await run(opened, [sums(2, { changed: 'refuse' })]);
  });

  it('code of a lower version leaves what is there alone', async () => {
    await run(opened, [sums(2)]);
    const old = await run(opened, [sums(1)]);
    expect((await old.status('sums')).generations).toHaveLength(1);
  });

  it('code of another version than what is read was made by is told so, where it cannot make it out', async () => {
    await recording(opened.events)('1', new Deposited(5));
    const first = await run(opened, [sums(1, { indexes: ['sum'] })]);
    await first.caughtUp('sums', 1, IN_TIME);
    const dated = projection('sums', {
      version: 2,
      indexes: ['since'],
      initial: { sum: new Date(0), since: 0 },
      fields: { sum: instant },
      events: { Deposited },
      fold: {
        Deposited: (_document, _event, { recordedAt, position }) => ({ sum: recordedAt, since: position }),
      },
    });
    const second = await run(opened, [dated]);
    const made =
      /generation 1: code of version 1 made it, and the code here is of version 2, which cannot read it: .*sum/s;
    await expect(second.of(dated).get('account-1')).rejects.toThrow(made);
    await expect(second.of(dated).find()).rejects.toThrow(made);
    await expect(second.of(dated).find({ orderBy: 'since' })).rejects.toThrow(
      /no index on since: there are those on sum \(generation 1, which version 1 made; the code here is of version 2/,
    );
    await second.filled('sums', 2);
    await second.swap('sums');
    expect(await second.of(dated).get('account-1')).toEqual({ sum: expect.any(Date), since: 1 });
  });

  it('waiting for no position, or for no time, is refused', async () => {
    const projections = await run(opened, [sums(1)]);
    await expect(projections.caughtUp('sums', undefined as never)).rejects.toThrow(
      /position: must be a position/,
    );
    await expect(projections.caughtUp('sums', 1, { timeoutMs: NaN })).rejects.toThrow(
      /timeoutMs: must be a number/,
    );
  });

  it.each([true, false])(
    'filling ends with the reason of its signal, or when the projections are closed, and keeps what is filled (run here: %s)',
    async (isRunHere) => {
      await recording(opened.events)('1', ...Array.from({ length: 50 }, () => new Deposited(1)));
      const first = await run(opened, [sums(1)]);
      await first.caughtUp('sums', 50, IN_TIME);
      if (!isRunHere) await first.close();
      const filling = isRunHere ? first : projectionsOn(opened, [sums(1)]);
      running.push(filling);
      const stop = new AbortController();
      // It would take most of a minute.
      const slow = { eventsPerSecond: 1 };
      const stopped = filling.fill('sums', {
        ...slow,
        signal: stop.signal,
        onProgress: ({ events }) => events > 0 && stop.abort(new Error('enough')),
      });
      await expect(stopped).rejects.toThrow(/^enough$/);
      const closed = filling.fill('sums', { ...slow, onProgress: () => void filling.close() });
      await expect(closed).rejects.toThrow(StoreClosed);
      await expect(filling.fill('sums')).rejects.toThrow(StoreClosed);
      const next = await run(opened, [sums(1)]);
      const [, second] = (await next.status('sums')).generations;
      expect(second).toMatchObject({ generation: 2, role: 'building' });
      expect(second!.events).toBeGreaterThan(0);
    },
  );

  it('how many differences are listed is a whole number, and may be none', async () => {
    await recording(opened.events)('1', new Deposited(13));
    await recording(opened.events)('2', new Deposited(13));
    const first = await run(opened, [sums(1)]);
    await first.caughtUp('sums', 2, IN_TIME);
    const second = await run(opened, [sums(2)]);
    await second.filled('sums', 2);
    const listed = async (limit: number) => {
      const { different, differences } = await second.verify('sums', { limit });
      return [different, differences.length];
    };
    expect([await listed(0), await listed(1), await listed(3)]).toEqual([
      [2, 0],
      [2, 1],
      [2, 2],
    ]);
    for (const limit of [-1, NaN, 1.5, '5' as never]) {
      const message = /limit: must be a whole number from 0/;
      await expect(second.verify('sums', { limit })).rejects.toThrow(message);
      await expect(first.verifyWithLog('sums', { limit })).rejects.toThrow(message);
    }
    await expect(second.verify('sums', { maxFolded: 0 })).rejects.toThrow(/maxFolded: must be a whole/);
  });

  it('documents in memory are of the process, and folded anew when it starts', async () => {
    await recording(opened.events)('1', new Deposited(5));
    for (let i = 0; i < 2; i++) {
      const projections = await run(opened, [sums(1, { target: 'memory' })]);
      await projections.caughtUp('sums', 1, IN_TIME);
      expect(await projections.named('sums').get('account-1')).toMatchObject({ sum: 5 });
    }
    expect(await opened.state.read((view) => view.list('backstory.projections'))).toEqual([]);
  });

  it('documents in memory are rebuilt beside those that are read, compared, swapped and taken back', async () => {
    await recording(opened.events)('1', new Deposited(5), new Deposited(6));
    const projections = await run(opened, [sums(1, { target: 'memory' })]);
    await projections.caughtUp('sums', 2, IN_TIME);
    const filled = await projections.fill('sums', { reason: 'a trial' });
    expect(filled).toMatchObject({ generation: 2, role: 'building', documents: 1, events: 2 });
    expect(await projections.verify('sums')).toMatchObject({ isEqual: true, documents: 1 });
    expect(await projections.swap('sums')).toMatchObject({ generation: 2, was: 1, behind: 0 });
    expect(await projections.status('sums')).toMatchObject({ generation: 2, state: 'live' });
    expect(await projections.named('sums').get('account-1')).toEqual({ sum: 11, seen: [5, 6] });
    await recording(opened.events)('1', new Deposited(7));
    await projections.caughtUp('sums', (await opened.events.identity()).head, IN_TIME);
    expect(await projections.named('sums').get('account-1')).toMatchObject({ sum: 18 });
    expect(await projections.rollback('sums')).toMatchObject({ generation: 1, was: 2 });
    await projections.caughtUp('sums', (await opened.events.identity()).head, IN_TIME);
    expect(await projections.named('sums').get('account-1')).toMatchObject({ sum: 18 });
    expect(await projections.drop('sums')).toBe(2);
    expect((await projections.status('sums')).generations).toMatchObject([{ generation: 1 }]);
  });

  it('starting twice feeds once', async () => {
    const lookups: string[] = [];
    const observer: Observer = { ...silent, consumer: (facts) => void lookups.push(facts().change) };
    const projections = await run(opened, [sums(1)], { observer });
    await projections.start();
    expect(lookups).toEqual(['started']);
  });

  it('what happens is told to the observer', async () => {
    const told: string[] = [];
    const observer: Observer = {
      ...silent,
      project: async (begin, work) => {
        const { projection: name, generation, from, to } = begin();
        return work((end) => {
          const { applied, skipped } = end();
          told.push(`project ${name} ${generation} ${from}-${to} ${applied} ${skipped}`);
        });
      },
      generation: (facts) => void told.push(`generation ${facts().generation} ${facts().change}`),
      consumer: (facts) => void told.push(`${facts().consumer} ${facts().change}`),
      checkpoint: (facts) => void told.push(`checkpoint ${facts().consumer} ${facts().through}`),
      lease: (facts) => void told.push(`lease ${facts().lease} ${facts().change}`),
      page: (facts) => void told.push(`page ${facts().follower}`),
    };
    await recording(opened.events)('1', new Deposited(5), new Deposited(6));
    const projections = await run(opened, [sums(1)], { observer });
    await projections.caughtUp('sums', 2, IN_TIME);
    await projections.rebuild('sums');
    await projections.filled('sums', 2);
    await projections.verify('sums');
    await projections.verifyWithLog('sums');
    await eventually(() => told.includes('generation 2 filled'));
    await projections.swap('sums');
    await projections.rollback('sums');
    await projections.drop('sums');
    await projections.close();
    for (const line of [
      'projection sums started',
      'lease projection/sums/1 acquired',
      'page projection sums',
      'project sums 1 1-2 2 0',
      'checkpoint projection sums 2',
      'generation 1 created',
      'generation 2 created',
      'generation 2 filled',
      'generation 2 verified',
      'generation 1 verified',
      'generation 2 swapped',
      'generation 1 rolled-back',
      'generation 2 dropped',
      'lease projection/sums/1 released',
      'projection sums stopped',
    ])
      expect(told).toContain(line);
  });
});

describe('what keeps it from going on, and who goes on', () => {
  let opened: OpenStorage;
  let told: string[];
  const running: Projections[] = [];
  const observer: Observer = {
    ...silent,
    consumer: (facts) => {
      const { consumer, change, reason } = facts();
      told.push(`${consumer} ${change}: ${reason}`);
    },
  };
  beforeEach(async () => {
    told = [];
    opened = await memory().open();
    await recording(opened.events)('1', new Deposited(5));
  });
  afterEach(async () => {
    for (const it of running.splice(0)) await it.close();
    await opened.close();
  });
  const run = async (state = opened.state) => {
    const projections = projectionsOn({ ...opened, state }, [sums(1)], { observer, leaseMs: 300 });
    running.push(projections);
    await projections.start();
    return projections;
  };
  const saying = (what: RegExp) => eventually(() => told.find((it) => what.test(it)));

  it('that it was paused, and goes on, is told to the observer', async () => {
    const projections = await run();
    await projections.pause('sums', { actor: 'ann', reason: 'audit' });
    await saying(/^projection sums paused: audit$/);
    await projections.resume('sums', { actor: 'ann', reason: 'done' });
    await saying(/^projection sums resumed: done$/);
  });

  it('that it stopped before an event is told to the observer, and that it was resumed', async () => {
    bug = () => {
      throw new Error('unlucky');
    };
    const projections = await run();
    await saying(/^projection sums faulted: .*before position 1.*unlucky/);
    bug = undefined;
    await projections.resume('sums', { actor: 'ann' });
    await saying(/^projection sums resumed: undefined$/);
    await projections.caughtUp('sums', 1, IN_TIME);
    expect(told.filter((it) => it.includes('faulted'))).toHaveLength(1);
  });

  it('that something cannot be reached, and can be again, is told to the observer', async () => {
    let isGone = false;
    const { state } = opened;
    const flaky: StateStore = Object.assign(Object.create(state) as StateStore, {
      transaction: (...[fences, work]: Parameters<StateStore['transaction']>) =>
        isGone && fences.length > 0
          ? Promise.reject(new StoreUnavailable('memory', 'gone'))
          : state.transaction(fences, work),
    });
    const projections = await run(flaky);
    await projections.caughtUp('sums', 1, IN_TIME);
    isGone = true;
    await recording(opened.events)('1', new Deposited(6));
    await saying(/^projection sums paused: .*gone/);
    isGone = false;
    await saying(/^projection sums resumed: undefined$/);
  });

  it('that another process gave no sign of life, and its work is gone on with, is told to the observer', async () => {
    await run().then((it) => it.close());
    told = [];
    await opened.state.acquire('projection/sums/1', { owner: 'gone', ttlMs: 300 });
    const projections = await run();
    await saying(/^projection sums taken-over: generation 1, of a process that gave no sign of life$/);
    await projections.caughtUp('sums', 1, IN_TIME);
  });
});

@Projection('wrong', { version: 1 })
class Wrong {
  @EventHandler(Deposited) deposited(): Promise<void> {
    return Promise.resolve();
  }
}

it('a fold that returns a promise fails', async () => {
  const opened = await memory().open();
  const projections = projectionsOn(opened, [Wrong]);
  await projections.start();
  await recording(opened.events)('1', new Deposited(5));
  const status = await eventually(async () => {
    const now = await projections.status('wrong');
    return now.state === 'faulted' && now;
  });
  expect(status.reason).toMatch(/deposited failed at account\.deposited of account-1: it returned a promise/);
  await projections.close();
  await opened.close();
});
