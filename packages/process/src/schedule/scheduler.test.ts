import {
  Aggregate,
  Context,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  StoreUnavailable,
  defineBackstory,
  memory,
  sqlite,
  type App,
  type RecordedEvent,
  type Storage,
} from 'backstory';
import { readRecorded } from '@backstory/core';
import { silent, type Observer } from '@backstory/core/observe';
import { postgres } from '@backstory/postgres';
import {
  Command,
  CommandHandler,
  handles,
  type CommandContext,
  type SchedulerOptions,
} from '@backstory/process';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres-server';
import { sqliteFiles } from '../../../../test/support/sqlite-files';

@DomainEvent('order.given-up')
class GivenUp {
  constructor(readonly why: string) {}
}
@DomainEvent('reminder.sent')
class Reminded {
  constructor(readonly text: string) {}
}

@Aggregate('order')
class Order extends EventSourcedAggregate {
  givenUp = 0;
  giveUp(why: string) {
    this.raise(new GivenUp(why));
  }
  @EventHandler(GivenUp) protected gave() {
    this.givenUp++;
  }
}

@Command('order.give-up', {
  version: 2,
  aliases: ['order.abandon'],
  upcast: { 1: (old: { id: string }) => ({ ...old, why: 'old' }) },
})
class GiveUp {
  constructor(
    readonly id: string,
    readonly why: string,
  ) {}
}
class Unnamed {}
@Command('order.hang')
class Hang {}

const MINUTE = 60_000;
const BEGIN = Date.parse('2026-11-20T12:00:00.000Z');

let server: PostgresServer | undefined;
afterAll(() => server?.stop());
const files = sqliteFiles();

let now: number;
let handled: string[];
let failing: Error | undefined;
class Handler {
  @CommandHandler(GiveUp) async giveUp({ id, why }: GiveUp): Promise<void> {
    handled.push(id);
    if (failing) throw failing;
    await this.app.repository(Order).update(id, (order) => order.giveUp(why), { create: true });
  }
  /** Until it is told that its time is over. */
  @CommandHandler(Hang) hang(_: Hang, { signal }: CommandContext) {
    return new Promise((resolve) => signal!.addEventListener('abort', resolve));
  }
  constructor(private readonly app: App) {}
}

const define = (store: Storage, schedules: SchedulerOptions = {}, observer?: Observer) =>
  defineBackstory({
    name: 'shop',
    store,
    aggregates: [Order],
    events: [Reminded],
    commands: [Handler],
    schedules: { clock: () => now, ...schedules },
    ...(observer && { observer }),
  });

/** Not started: what is due is fired by `fireDue`, and by nothing else. */
const opened = async (
  store: Storage,
  work: (app: App) => Promise<void>,
  { options, observer }: { readonly options?: SchedulerOptions; readonly observer?: Observer } = {},
) => {
  const app = await define(store, options, observer).open();
  try {
    await work(app);
  } finally {
    await app.close();
  }
};

beforeEach(() => {
  now = BEGIN;
  handled = [];
  failing = undefined;
});

const log = async (app: App) => {
  const found: RecordedEvent[] = [];
  for await (const { events } of app.events.readAll()) found.push(...events.map((it) => readRecorded(it)));
  return found;
};

describe.each(['memory', 'sqlite', 'postgres'])('schedules on %s', (kind) => {
  let store: Storage;
  beforeEach(async () => {
    store =
      kind === 'memory'
        ? memory()
        : kind === 'sqlite'
          ? sqlite(files.newFile())
          : postgres(await (server ??= await startPostgres()).createDatabase());
  });

  test('a command is carried out when it is due, once, and not before', async () => {
    await opened(store, async (app) => {
      await app.schedule(new GiveUp('7', 'not paid'), { after: 15 * MINUTE });
      now += 15 * MINUTE - 1;
      expect(await app.schedules.fireDue()).toBe(0);
      now += 1;
      expect(await app.schedules.fireDue()).toBe(1);
      expect(await app.schedules.fireDue()).toBe(0);
      expect(await app.schedules.list()).toEqual([]);
      expect((await app.repository(Order).load('7')).givenUp).toBe(1);
    });
  });

  test('it survives a restart, and goes on in the flow that it came from', async () => {
    await opened(store, async (app) => {
      const { ids } = await app.record('cart-1', [new Reminded('pay')]);
      const [cause] = await log(app);
      expect(cause!.id).toBe(ids[0]);
      await Context.handling(cause!, { subscription: 's', handler: 'h' })
        .with({ actor: 'ann', tenant: 'eu' })
        .run(() => app.schedule(new GiveUp('7', 'not paid'), { at: new Date(BEGIN + MINUTE), id: 'pay-7' }));
    });
    now += MINUTE;
    await opened(store, async (app) => {
      expect(await app.schedules.fireDue()).toBe(1);
      const [cause, event] = await log(app);
      expect(event!.metadata).toMatchObject({
        correlationId: cause!.metadata.correlationId,
        causationId: cause!.id,
        actor: 'ann',
        tenant: 'eu',
        command: 'order.give-up',
      });
    });
  });

  test('an event is recorded in its stream when it is due', async () => {
    await opened(store, async (app) => {
      await app.schedule(new Reminded('pay'), { at: new Date(BEGIN), stream: 'reminder-7' });
      expect(await app.schedules.fireDue()).toBe(1);
      expect(await log(app)).toMatchObject([
        { stream: 'reminder-7', type: 'reminder.sent', data: { text: 'pay' } },
      ]);
    });
  });

  test('again and again, on its times; what was missed is made up for once', async () => {
    await opened(store, async (app) => {
      await app.schedule(new GiveUp('7', 'again'), { every: MINUTE, id: 'again' });
      expect((await app.schedules.find('again'))!.due).toEqual(new Date(BEGIN + MINUTE));
      now += MINUTE;
      expect(await app.schedules.fireDue()).toBe(1);
      now += 10 * MINUTE + 5;
      expect(await app.schedules.fireDue()).toBe(1);
      expect((await app.schedules.find('again'))!.due).toEqual(new Date(BEGIN + 12 * MINUTE));
      expect((await app.repository(Order).load('7')).givenUp).toBe(2);
    });
  });

  test('what is cancelled is not carried out; what is unknown cannot be', async () => {
    await opened(store, async (app) => {
      await app.schedule(new GiveUp('7', 'x'), { after: 5, id: 'a' });
      expect(await app.schedules.cancel('a')).toBe('cancelled');
      expect(await app.schedules.cancel('a')).toBe('unknown');
      now += 5;
      expect(await app.schedules.fireDue()).toBe(0);
    });
  });

  test('what is under way cannot be cancelled any more', async () => {
    const { Hold, Holding, open } = holding();
    await opened(store, async (app) => {
      app.commands.register(new Holding());
      await app.schedule(new Hold(), { after: 0, id: 'a' });
      const firing = app.schedules.fireDue();
      while ((await app.schedules.find('a'))!.state !== 'firing') await new Promise(setImmediate);
      expect(await app.schedules.cancel('a')).toBe('firing');
      open();
      expect(await firing).toBe(1);
      expect(await app.schedules.find('a')).toBeUndefined();
    });
  });

  test('what does not end within its time is tried again', async () => {
    await opened(
      store,
      async (app) => {
        await app.schedule(new Hang(), { after: 0, id: 'a' });
        await app.schedules.fireDue();
        expect(await app.schedules.find('a')).toMatchObject({
          state: 'waiting',
          attempts: 1,
          error: expect.stringContaining('Schedule a did not end within 20 ms') as string,
        });
      },
      { options: { timeoutMs: 20 } },
    );
  });

  test('many are listed by their ids, and fired however many are due', async () => {
    await opened(
      store,
      async (app) => {
        for (let i = 0; i < 25; i++)
          await app.schedule(new GiveUp(`${i % 3}`, 'x'), { after: i, id: `s-${i}` });
        expect((await app.schedules.list({ prefix: 's-2' })).map(({ id }) => id)).toEqual([
          's-2',
          's-20',
          's-21',
          's-22',
          's-23',
          's-24',
        ]);
        expect((await app.schedules.list({ after: 's-22', limit: 2 })).map(({ id }) => id)).toEqual([
          's-23',
          's-24',
        ]);
        now += 100;
        expect(await app.schedules.fireDue()).toBe(25);
        expect(await log(app)).toHaveLength(25);
      },
      { options: { concurrency: 4 } },
    );
  });

  test('of two processes one fires, and the other goes on when it is gone', async () => {
    const [first, second] = [await define(store).open(), await define(store).open()];
    await first.schedule(new GiveUp('7', 'x'), { after: 0 });
    await first.schedule(new GiveUp('7', 'x'), { after: 30_000 });
    expect(await first.schedules.fireDue()).toBe(1);
    now += 30_000;
    expect(await second.schedules.fireDue()).toBe(0);
    await first.close();
    expect(await second.schedules.fireDue()).toBe(1);
    expect(handled).toEqual(['7', '7']);
    await second.close();
  });

  test('fires by itself, by the clock of the state store', async () => {
    const options = { pollMs: 5, clock: undefined } as unknown as SchedulerOptions;
    await define(store, options).run(async (app) => {
      await app.schedule(new GiveUp('7', 'x'), { after: 20 });
      while ((await app.repository(Order).find('7')) === undefined)
        await new Promise((later) => setTimeout(later, 5));
      expect(handled).toEqual(['7']);
    });
  });
});

describe('a schedule that fails', () => {
  test('is tried again later and later, then stands in the list as failed until it is asked for', async () => {
    failing = new Error('no such order');
    const told: unknown[] = [];
    const flow = { correlationId: 'order-flow', causationId: 'e-1' };
    const observer = {
      ...silent,
      retry: (facts: () => object) => void told.push(facts()),
      park: (facts: () => object) => void told.push(facts()),
    };
    await opened(
      memory(),
      async (app) => {
        await Context.of(flow).run(() => app.schedule(new GiveUp('7', 'x'), { after: 0, id: 'a' }));
        expect(await app.schedules.fireDue()).toBe(1);
        expect(await app.schedules.find('a')).toMatchObject({
          state: 'waiting',
          attempts: 1,
          error: 'no such order',
          retryAt: new Date(now + 1_000),
          due: new Date(BEGIN),
        });
        now += 1_000;
        expect(await app.schedules.fireDue()).toBe(1);
        now += 1_999;
        expect(await app.schedules.fireDue()).toBe(0);
        now += 1;
        expect(await app.schedules.fireDue()).toBe(1);
        expect(await app.schedules.find('a')).toMatchObject({
          state: 'failed',
          attempts: 3,
          error: 'no such order',
        });
        now += 1_000_000;
        expect(await app.schedules.fireDue()).toBe(0);
        const what = { subscription: 'schedules', handler: 'fire', eventType: 'order.give-up', flow };
        expect(told).toEqual([
          { ...what, eventId: 'a', attempt: 1, delayMs: 1_000 },
          { ...what, eventId: 'a', attempt: 2, delayMs: 2_000 },
          {
            ...{ ...what, key: 'a', eventId: 'a', reason: 'attempts', state: 'dead', was: undefined },
            ...{ error: 'no such order', errorType: 'Error' },
          },
        ]);

        failing = undefined;
        expect(await app.schedules.retry('a')).toMatchObject({ state: 'waiting', attempts: 0 });
        expect(await app.schedules.fireDue()).toBe(1);
        expect((await app.repository(Order).load('7')).givenUp).toBe(1);
        expect(await app.schedules.retry('a')).toBeUndefined();
      },
      { options: { attempts: 3, delayMs: 1_000 }, observer },
    );
  });

  test('because the store is away has not failed', async () => {
    failing = new StoreUnavailable('shop', 'away');
    await opened(
      memory(),
      async (app) => {
        await app.schedule(new GiveUp('7', 'x'), { after: 0, id: 'a' });
        await app.schedules.fireDue();
        expect(await app.schedules.find('a')).toMatchObject({ state: 'waiting', attempts: 0 });
      },
      { options: { attempts: 1 } },
    );
  });

  test('and comes again and again, goes on with its next time', async () => {
    failing = new Error('no such order');
    await opened(
      memory(),
      async (app) => {
        await app.schedule(new GiveUp('7', 'x'), { every: MINUTE, id: 'a' });
        now += MINUTE;
        await app.schedules.fireDue();
        expect(await app.schedules.find('a')).toMatchObject({
          state: 'waiting',
          error: 'no such order',
          due: new Date(BEGIN + 2 * MINUTE),
        });
      },
      { options: { attempts: 1 } },
    );
  });

  test('holds up no other', async () => {
    await opened(
      memory(),
      async (app) => {
        await app.schedule(new Hang(), { after: 0 });
        await app.schedule(new GiveUp('7', 'x'), { after: 1 });
        await app.schedule(new GiveUp('8', 'x'), { after: 1 });
        now += 1;
        await app.schedules.fireDue();
        expect(handled.sort()).toEqual(['7', '8']);
      },
      { options: { concurrency: 2, timeoutMs: 30 } },
    );
  });
});

/** A command that is under way until it is let go. */
function holding() {
  @Command('order.hold')
  class Hold {}
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  let begun = 0;
  class Holding {
    @CommandHandler(Hold) hold() {
      begun++;
      return opened;
    }
  }
  return { Hold, Holding, open, begun: () => begun };
}

test('what is under way is not begun again, and others are begun meanwhile', async () => {
  const { Hold, Holding, open, begun } = holding();
  await define(memory(), { pollMs: 2 }).run(async (app) => {
    app.commands.register(new Holding());
    const until = async (is: () => boolean) => {
      while (!is()) await new Promise((later) => setTimeout(later, 1));
    };
    await app.schedule(new Hold(), { after: 0 });
    await until(() => begun() === 1);
    await app.schedule(new GiveUp('7', 'x'), { after: 0 });
    await until(() => handled.length === 1);
    expect(begun()).toBe(1);
    open();
  });
});

test('what comes again and again ends with the last time that can be written', async () => {
  const DAY = 24 * 60 * MINUTE;
  await opened(memory(), async (app) => {
    const at = new Date('9999-12-30T12:00:00.000Z');
    await app.schedule(new GiveUp('7', 'x'), { at, every: DAY, id: 'a' });
    now = at.getTime() + DAY;
    expect(await app.schedules.fireDue()).toBe(1);
    expect(await app.schedules.list()).toEqual([]);
    await app.schedule(new GiveUp('8', 'x'), { after: 0 });
    expect(await app.schedules.fireDue()).toBe(1);
    expect(handled).toEqual(['7', '8']);
  });
});

describe('a schedule that is fired twice', () => {
  test('by a process that died before it could write so down, is recorded once', async () => {
    const store = memory();
    await opened(store, async (app) => {
      await app.schedule(new GiveUp('7', 'x'), { after: 0, id: 'a' });
      await app.schedule(new Reminded('x'), { after: 0, id: 'b', stream: 'reminder-1' });
      const transaction = app.state.transaction.bind(app.state);
      let count = 0;
      jest.spyOn(app.state, 'transaction').mockImplementation((fences, work) => {
        if (++count > 1) return Promise.reject(new Error('killed'));
        return transaction(fences, work);
      });
      // Claims, does it, and cannot write down that it is done: every later round fails.
      await expect(app.schedules.fireDue()).rejects.toThrow('killed');
      expect(await log(app)).toHaveLength(2);
    });
    await opened(store, async (app) => {
      expect(await app.schedules.list()).toMatchObject([{ state: 'firing' }, { state: 'firing' }]);
      expect(await app.schedules.fireDue()).toBe(2);
      expect(handled).toEqual(['7', '7']);
      expect(await log(app)).toHaveLength(2);
      expect(await app.schedules.list()).toEqual([]);
    });
  });

  test('but one of the same id, set anew after it was fired, is another', async () => {
    await opened(memory(), async (app) => {
      for (let i = 0; i < 2; i++) {
        await app.schedule(new GiveUp('7', 'x'), { at: new Date(BEGIN), id: 'a' });
        await app.schedules.fireDue();
      }
      expect((await app.repository(Order).load('7')).givenUp).toBe(2);
    });
  });
});

describe('scheduling', () => {
  test('again in the same run of a handler changes nothing; otherwise it takes the place of what has its id', async () => {
    await opened(memory(), async (app) => {
      await app.record('cart-1', [new Reminded('pay')]);
      const [cause] = await log(app);
      const react = () =>
        Context.handling(cause!, { subscription: 's', handler: 'h' }).run(async () => {
          await app.schedule(new GiveUp('7', 'x'), { after: MINUTE });
          await app.schedule(new GiveUp('7', 'x'), { after: MINUTE, id: 'named' });
        });
      await react();
      const before = await app.schedules.list();
      now += 5;
      await react();
      expect(await app.schedules.list()).toEqual(before);
      expect(before).toHaveLength(2);
      await app.schedule(new GiveUp('8', 'y'), { after: MINUTE, id: 'named' });
      expect((await app.schedules.find('named'))!.due).toEqual(new Date(now + MINUTE));
      now += MINUTE;
      await app.schedules.fireDue();
      expect(handled.sort()).toEqual(['7', '8']);
    });
  });

  test('keeps what it is given: stored commands are read through their upcasters, by any of their names', async () => {
    await opened(memory(), async (app) => {
      await app.schedule(new GiveUp('7', 'x'), { after: 0, id: 'a' });
      const [{ value }] = (await app.state.read((view) => view.list('schedules'))) as unknown as [
        { value: string },
      ];
      const stored = JSON.parse(value) as Record<string, unknown>;
      expect(stored).toEqual({
        format: 'backstory.schedule/1',
        id: 'a',
        token: expect.any(String) as string,
        kind: 'command',
        type: 'order.give-up',
        schemaVersion: 2,
        data: '{"id":"7","why":"x"}',
        context: {},
        due: '2026-11-20T12:00:00.000Z',
        tryAt: '2026-11-20T12:00:00.000Z',
        state: 'waiting',
        attempts: 0,
      });
      const old = { ...stored, type: 'order.abandon', schemaVersion: 1, data: '{"id":"7"}' };
      await app.state.transaction([], (tx) => tx.put('schedules', 'a', JSON.stringify(old)));
      await app.schedules.fireDue();
      expect((await log(app)).map(({ data }) => data)).toEqual([{ why: 'old' }]);
    });
  });

  test.each<[string, object, object, string]>([
    [
      'a command without a name',
      new Unnamed(),
      { after: 0 },
      'Unnamed: what is kept for later needs a name that stays',
    ],
    ['an event that is none', new Unnamed(), { after: 0, stream: 'a-1' }, 'Unnamed: is no event'],
    ['a command nobody handles', new Reminded('x'), { after: 0 }, 'Nobody handles the command reminder.sent'],
    [
      'an event nobody knows',
      new Hang(),
      { after: 0, stream: 'a-1' },
      'Event type "order.hang" is not known',
    ],
    ['no time', new Hang(), {}, 'at: is missing: say when'],
    ['two times', new Hang(), { at: new Date(), after: 5 }, 'at: is given together with after'],
    ['an invalid time', new Hang(), { at: new Date(NaN) }, 'at: must be a valid Date'],
    [
      'a time too far',
      new Hang(),
      { after: Number.MAX_SAFE_INTEGER },
      'at: must be in the years 0000 to 9999',
    ],
    ['a time that goes back', new Hang(), { after: -1 }, 'after: must be a number'],
    ['no time between times', new Hang(), { every: 0 }, 'every: must be a number'],
    [
      'a second time too far',
      new Hang(),
      { after: 0, every: 3e14 },
      'every: has no second time in the years',
    ],
    ['an id that is none', new Hang(), { after: 0, id: '' }, 'id: must be a name'],
    ['a stream that is none', new Reminded('x'), { after: 0, stream: '' }, 'stream: is no name'],
    ['an option that is none', new Hang(), { afer: 5 }, 'afer: is no option'],
    ['what is nothing', null as never, { after: 0 }, 'null is not an event'],
  ])('refuses %s', async (_, what, options, message) => {
    await opened(memory(), async (app) => {
      await expect(app.schedule(what, options)).rejects.toThrow(message);
      expect(await app.schedules.list()).toEqual([]);
    });
  });

  test.each([
    ['pollMs', { pollMs: 0 }],
    ['concurrency', { concurrency: 0 }],
    ['attempts', { attempts: 0 }],
    ['delay', { delay: 5 }],
  ])('the option %s is refused', async (option, options) => {
    await expect(define(memory(), options as never).open()).rejects.toMatchObject({
      code: 'BACKSTORY_INVALID_OPTION',
      option,
    });
  });
});

test('a store that goes away pauses it, visibly, and it goes on by itself', async () => {
  const told: string[] = [];
  const observer: Observer = {
    ...silent,
    consumer: (facts) => void told.push(facts().change),
  };
  const options = { pollMs: 2, clock: undefined } as unknown as SchedulerOptions;
  await define(memory(), options, observer).run(async (app) => {
    const until = async (state: string) => {
      while (app.schedules.status.state !== state) await new Promise((later) => setTimeout(later, 1));
    };
    await until('idle');
    const away = jest.spyOn(app.state, 'read').mockRejectedValue(new StoreUnavailable('memory', 'gone'));
    await until('paused');
    expect(app.schedules.status.reason).toMatch('memory is not available: gone');
    away.mockRestore();
    await until('idle');
  });
  expect(told).toEqual(['paused', 'resumed', 'stopped']);
});

test('without anything to do it writes nothing', async () => {
  const app = await define(memory(), { pollMs: 1 }).open();
  const writes = [jest.spyOn(app.state, 'transaction'), jest.spyOn(app.state, 'acquire')];
  app.schedules.start();
  await new Promise((later) => setTimeout(later, 20));
  for (const write of writes) expect(write).not.toHaveBeenCalled();
  await app.close();
});

test('a command bound in one line is scheduled like any other', async () => {
  const giving = handles(GiveUp, {
    on: Order,
    id: ({ id }) => id,
    create: true,
    do: (order, { why }) => order.giveUp(why),
  });
  const shop = defineBackstory({ name: 'shop', store: memory(), aggregates: [Order], commands: [giving] });
  await shop.run(async (app) => {
    await app.schedule(new GiveUp('7', 'not paid'), { after: 0 });
    while ((await app.repository(Order).find('7')) === undefined)
      await new Promise((later) => setTimeout(later, 1));
  });
});

test('observers hear that it begins to fire and that it ends, and nothing where nothing is scheduled', async () => {
  const told: string[] = [];
  const observer: Observer = { ...silent, consumer: (facts) => void told.push(facts().change) };
  await define(memory(), { pollMs: 2 }, observer).run(async () => {});
  expect(told).toEqual([]);
  await define(memory(), { pollMs: 2 }, observer).run(async (app) => {
    await app.schedule(new GiveUp('7', 'x'), { after: 0 });
    while (handled.length === 0) await new Promise((later) => setTimeout(later, 1));
  });
  expect(told).toEqual(['started', 'stopped']);
});
