import { Context, DomainEvent, defineBackstory, memory, type App } from 'backstory';
import type { RecordedEvent } from '@backstory/core';
import { Command, CommandHandler } from '@backstory/process';
import { REMEMBERED_MS } from './asked-once';

@DomainEvent('order.placed')
class Placed {}
@DomainEvent('reminder.sent')
class Reminded {
  constructor(readonly text: string) {}
}
@Command('reminder.send')
class Remind {
  constructor(readonly text: string) {}
}

const MINUTE = 60_000;
const BEGIN = Date.parse('2026-11-20T12:00:00.000Z');
let now: number;
let sent: (readonly [text: string, commandId: string])[];
let whileSending: () => Promise<unknown>;
class Reminding {
  constructor(private readonly app: App) {}
  @CommandHandler(Remind) async send({ text }: Remind, { commandId }: { commandId: string }) {
    sent.push([text, commandId]);
    await whileSending();
    await this.app.record('reminder-1', [new Reminded(text)]);
  }
}

let app: App;
beforeEach(async () => {
  now = BEGIN;
  sent = [];
  whileSending = async () => {};
  app = await defineBackstory({
    name: 'shop',
    store: memory(),
    events: [Placed, Reminded],
    commands: [Reminding],
    schedules: { clock: () => now, attempts: 2, delayMs: 1_000 },
  }).open();
});
afterEach(() => app.close());

const placed = { id: 'e-1', type: 'order.placed', metadata: {} } as unknown as RecordedEvent;
/** One run of a handler; the same event again is the same run again. */
const handle = <T>(work: () => Promise<T>, event: Partial<RecordedEvent> = {}) =>
  Context.handling({ ...placed, ...event }, { subscription: 's', handler: 'h' }).run(work);
const remind = (text = 'pay') => app.schedule(new Remind(text), { after: MINUTE, id: 'reminder' });
const due = async () => {
  now += MINUTE;
  return app.schedules.fireDue();
};
const recorded = async () => {
  const found: unknown[] = [];
  for await (const { events } of app.events.readStream('reminder-1'))
    found.push(...events.map(({ data }) => JSON.parse(data) as unknown));
  return found;
};

describe('a handler that runs again', () => {
  test('does not schedule again what was carried out meanwhile', async () => {
    await handle(() => remind());
    expect(await due()).toBe(1);
    expect(await handle(() => remind())).toMatchObject({ id: 'reminder', state: 'done' });
    expect(await app.schedules.list()).toEqual([]);
    expect(await due()).toBe(0);
    expect(sent).toHaveLength(1);
  });

  test('does not schedule again what was cancelled meanwhile', async () => {
    await handle(() => remind());
    expect(await app.schedules.cancel('reminder')).toBe('cancelled');
    await handle(() => remind());
    expect(await app.schedules.list()).toEqual([]);
  });

  test('does not take the place of what took its place', async () => {
    await handle(() => remind('first'));
    await handle(() => remind('second'), { id: 'e-2' });
    expect(await handle(() => remind('first'))).toMatchObject({ state: 'done' });
    await due();
    expect(sent.map(([text]) => text)).toEqual(['second']);
  });

  test('keeps what it scheduled in place of what it cancelled', async () => {
    await remind('old');
    const later = async () => [await app.schedules.cancel('reminder'), (await remind('new')).state] as const;
    expect(await handle(later)).toEqual(['cancelled', 'waiting']);
    const [kept] = await app.schedules.list();
    now += 5;
    expect(await handle(later)).toEqual(['cancelled', 'waiting']);
    expect(await app.schedules.list()).toEqual([kept]);
  });

  test('is told of a cancelling what it was told before, and cancels nothing that came after', async () => {
    expect(await handle(() => app.schedules.cancel('reminder'))).toBe('unknown');
    await handle(() => remind(), { id: 'e-2' });
    expect(await handle(() => app.schedules.cancel('reminder'))).toBe('unknown');
    expect(await app.schedules.list()).toHaveLength(1);
  });

  test('a command that it repeats does so as well', async () => {
    @Command('order.place')
    class Place {}
    class Placing {
      @CommandHandler(Place) place() {
        return remind();
      }
    }
    app.commands.register(new Placing());
    await app.dispatch(new Place(), { commandId: 'request-7' });
    await due();
    await app.dispatch(new Place(), { commandId: 'request-7' });
    expect(await due()).toBe(0);
  });

  test('after longer than is remembered schedules the same command: it records nothing new', async () => {
    await handle(() => remind());
    await due();
    await app.state.transaction([], (tx) => forget(tx));
    await handle(() => remind());
    expect(await due()).toBe(1);
    const ids = new Set(sent.map(([, commandId]) => commandId));
    expect([sent.length, ids.size]).toEqual([2, 1]);
    expect(await recorded()).toEqual([{ text: 'pay' }]);
  });
});

test('what comes again and again has an id for each of its times', async () => {
  await handle(() => app.schedule(new Remind('pay'), { every: MINUTE }));
  await due();
  await due();
  expect(new Set(sent.map(([, commandId]) => commandId)).size).toBe(2);
});

test('what was asked for is forgotten after a while, a little at a time', async () => {
  const each = 40;
  const times = 10;
  for (let i = 0; i < each * times; i++) {
    await handle(() => app.schedules.cancel('none'), { id: `e-${i}` });
    now += REMEMBERED_MS / each;
  }
  const kept = await app.state.read((view) => view.list('schedules.asked'));
  expect(kept.length).toBeGreaterThanOrEqual(each);
  expect(kept.length).toBeLessThan(3 * each);
});

test('what was asked for outside of handlers and commands is not remembered: nobody asks again', async () => {
  await remind();
  await app.schedules.cancel('reminder');
  expect(await app.state.read((view) => view.list('schedules.asked'))).toEqual([]);
});

describe('a schedule that is replaced while it is carried out', () => {
  test.each([
    ['and succeeds', undefined],
    ['and fails', new Error('refused')],
  ])('%s leaves the one in its place as it is', async (_, error) => {
    whileSending = async () => {
      await Context.none.run(() => remind('next'));
      if (error) throw error;
    };
    await remind('first');
    now += MINUTE;
    whileSending = onlyOnce(whileSending);
    await app.schedules.fireDue();
    expect(await app.schedules.list()).toMatchObject([
      { id: 'reminder', state: 'waiting', attempts: 0, due: new Date(now + MINUTE) },
    ]);
    await due();
    expect(sent.map(([text]) => text)).toEqual(['first', 'next']);
    expect(await app.schedules.list()).toEqual([]);
  });
});

function onlyOnce(work: () => Promise<unknown>): () => Promise<unknown> {
  let isDone = false;
  return async () => {
    if (isDone) return;
    isDone = true;
    await work();
  };
}

async function forget(tx: Parameters<Parameters<App['state']['transaction']>[1]>[0]): Promise<void> {
  for (const { key } of await tx.list('schedules.asked')) await tx.delete('schedules.asked', key);
}
