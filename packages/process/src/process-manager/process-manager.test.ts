import {
  Aggregate,
  Context,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  memory,
  sqlite,
  type App,
  type RecordedEvent,
  type Storage,
} from 'backstory';
import { readRecorded } from '@backstory/core';
import { postgres } from '@backstory/postgres';
import {
  Command,
  ProcessManager,
  ProcessState,
  handles,
  processReactor,
  processSubscriber,
  ProcessStep,
} from '@backstory/process';
import { eventually } from '../../../../test/support/eventually';
import { startPostgres, type PostgresServer } from '../../../../test/support/postgres-server';
import { sqliteFiles } from '../../../../test/support/sqlite-files';

@DomainEvent('order.placed')
class Placed {
  constructor(
    readonly orderId: string,
    readonly article: string,
  ) {}
}
@DomainEvent('order.given-up')
class GivenUp {
  constructor(
    readonly orderId: string,
    readonly why: string,
  ) {}
}
@DomainEvent('payment.noted')
class PaymentNoted {
  constructor(
    readonly orderId: string,
    readonly what: string,
  ) {}
}
@DomainEvent('shipment.sent')
class Sent {
  constructor(readonly orderId: string) {}
}
@DomainEvent('fulfilment.paid')
class Paid {}

@Aggregate('order')
class Order extends EventSourcedAggregate {
  status = 'none';
  place(article: string) {
    this.raise(new Placed(this.id, article));
  }
  giveUp(why: string) {
    if (this.status === 'placed') this.raise(new GivenUp(this.id, why));
  }
  @EventHandler(Placed) protected placed() {
    this.status = 'placed';
  }
  @EventHandler(GivenUp) protected gaveUp({ why }: GivenUp) {
    this.status = `given up: ${why}`;
  }
}
@Aggregate('payment')
class Payment extends EventSourcedAggregate {
  notes: string[] = [];
  note(what: string) {
    this.raise(new PaymentNoted(this.id, what));
  }
  @EventHandler(PaymentNoted) protected noted({ what }: PaymentNoted) {
    this.notes = [...this.notes, what];
  }
}
@Aggregate('shipment')
class Shipment extends EventSourcedAggregate {
  send(article: string) {
    if (article === 'piano') throw new Error('too heavy');
    this.raise(new Sent(this.id));
  }
  @EventHandler(Sent) protected sent() {
    this.count++;
  }
  count = 0;
}

@Command('payment.note')
class Note {
  constructor(
    readonly orderId: string,
    readonly what: string,
  ) {}
}
@Command('order.give-up')
class GiveUp {
  constructor(
    readonly orderId: string,
    readonly why: string,
  ) {}
}
class Ship {
  constructor(
    readonly orderId: string,
    readonly article: string,
  ) {}
}

@Aggregate('fulfilment')
class Fulfilment extends ProcessState {
  article = '';
  isPaid = false;
  paid() {
    this.raise(new Paid());
  }
  @EventHandler(Paid) protected isNowPaid() {
    this.isPaid = true;
  }
}

let ran: string[];
let failOnce: (step: string) => void;

@ProcessManager('fulfilments', { state: Fulfilment, id: 'orderId', retry: { attempts: 3, delayMs: 1 } })
class Fulfilling {
  @EventHandler(Placed)
  async placed({ orderId, article }: Placed, _: RecordedEvent<Placed>, process: ProcessStep<Fulfilment>) {
    ran.push('placed');
    await process.send(new Note(orderId, `asked for ${article}`));
    process.compensateWith(new Note(orderId, 'forgotten'));
    await process.schedule(new GiveUp(orderId, 'not paid in time'), { name: 'payment', after: 15 * 60_000 });
    failOnce('placed');
  }

  @EventHandler(PaymentNoted, { when: ({ data }) => data.what.startsWith('paid') })
  async paid(
    { orderId, what }: PaymentNoted,
    _: RecordedEvent<PaymentNoted>,
    process: ProcessStep<Fulfilment>,
  ) {
    ran.push('paid');
    process.state.paid();
    process.compensateWith(new Note(orderId, 'given back'));
    await process.cancel('payment');
    const shipped = await process.attempt(new Ship(orderId, what.slice('paid '.length)));
    if (shipped.ok) return process.complete();
    await process.compensate((shipped.error as Error).message);
    await process.send(new GiveUp(orderId, 'cannot be sent'));
  }
}

const commands = [
  handles(Note, {
    on: Payment,
    id: (it) => it.orderId,
    create: true,
    do: (payment, { what }) => payment.note(what),
  }),
  handles(GiveUp, { on: Order, id: (it) => it.orderId, do: (order, { why }) => order.giveUp(why) }),
  handles(Ship, {
    on: Shipment,
    id: (it) => it.orderId,
    create: true,
    do: (it, { article }) => it.send(article),
  }),
];

let server: PostgresServer | undefined;
afterAll(() => server?.stop());
const files = sqliteFiles();
let now: number;

const define = (store: Storage) =>
  defineBackstory({
    name: 'shop',
    store,
    aggregates: [Order, Payment, Shipment, Fulfilment],
    commands,
    subscribers: [Fulfilling],
    schedules: { clock: () => now, pollMs: 2 },
  });

beforeEach(() => {
  now = Date.parse('2026-11-20T12:00:00Z');
  ran = [];
  failOnce = () => {};
});

const log = async (app: App) => {
  const found: RecordedEvent[] = [];
  for await (const { events } of app.events.readAll()) found.push(...events.map((it) => readRecorded(it)));
  return found;
};
const place = (app: App, id: string, article = 'poster') =>
  app.repository(Order).update(id, (order) => order.place(article), { create: true });
const notes = async (app: App, id: string) => (await app.repository(Payment).find(id))?.notes ?? [];
const state = (app: App, id: string) => app.repository(Fulfilment).find(id);

describe.each(['memory', 'sqlite', 'postgres'])('a process on %s', (kind) => {
  let store: Storage;
  beforeEach(async () => {
    if (kind === 'postgres') store = postgres(await (server ??= await startPostgres()).createDatabase());
    else store = kind === 'memory' ? memory() : sqlite(files.newFile());
  });

  test('leads from event to command to event, to its end', async () => {
    await define(store).run(async (app) => {
      await Context.of({ correlationId: 'c-1', actor: 'ann' }).run(() => place(app, '7'));
      await eventually(() => state(app, '7'));
      expect((await app.schedules.list()).map(({ id }) => id)).toEqual(['fulfilments/7/payment']);
      await app.dispatch(new Note('7', 'paid poster'));
      await eventually(async () => (await state(app, '7'))?.processStatus === 'completed');
      expect(await state(app, '7')).toMatchObject({ isPaid: true, compensations: [] });
      expect((await app.repository(Shipment).load('7')).count).toBe(1);
      expect(await app.schedules.list()).toEqual([]);
      const [placed, asked] = await log(app);
      expect(asked!.metadata).toMatchObject({ correlationId: 'c-1', causationId: placed!.id, actor: 'ann' });
    });
  });

  test('gives up when its time is over, and not before', async () => {
    await define(store).run(async (app) => {
      await place(app, '7');
      await eventually(async () => (await app.schedules.list()).length === 1);
      now += 15 * 60_000 - 1;
      await app.schedules.fireDue();
      expect((await app.repository(Order).load('7')).status).toBe('placed');
      now += 1;
      await eventually(async () => (await app.repository(Order).load('7')).status !== 'placed');
      expect((await app.repository(Order).load('7')).status).toBe('given up: not paid in time');
    });
  });

  test('undoes what it did when it cannot go on, the last first', async () => {
    await define(store).run(async (app) => {
      await place(app, '8', 'piano');
      await eventually(() => state(app, '8'));
      await app.dispatch(new Note('8', 'paid piano'));
      await eventually(
        async () => (await app.repository(Order).load('8')).status === 'given up: cannot be sent',
      );
      expect(await notes(app, '8')).toEqual(['asked for piano', 'paid piano', 'given back', 'forgotten']);
      await eventually(async () => (await state(app, '8'))?.processStatus === 'compensated');
    });
  });

  test('runs a step again that failed after it had sent its commands: they are sent once', async () => {
    let isFirst = true;
    failOnce = () => {
      if (!isFirst) return;
      isFirst = false;
      throw new Error('killed between the commands and the state');
    };
    await define(store).run(async (app) => {
      await place(app, '7');
      await eventually(async () => (await state(app, '7')) !== undefined);
      expect(ran).toEqual(['placed', 'placed']);
      expect(await notes(app, '7')).toEqual(['asked for poster']);
      expect(await app.schedules.list()).toHaveLength(1);
      expect((await state(app, '7'))!.compensations).toHaveLength(1);
    });
  });

  test('does not run a step again whose state is saved: the checkpoint came too late', async () => {
    const app = await define(store).start({ subscriptions: false, schedules: false });
    await place(app, '7');
    const [placed] = await log(app);
    const react = processReactor(new Fulfilling(), app);
    const recorded = { ...placed!, data: new Placed('7', 'poster') };
    const deliver = () => react(recorded);
    // Whatever stream an event is in, those of one process are handled in order.
    expect(processSubscriber(new Fulfilling(), app).options.key!(recorded)).toBe('7');
    await deliver();
    const before = await log(app);
    await deliver();
    expect(ran).toEqual(['placed']);
    expect(await log(app)).toEqual(before);
    await app.close();
  });
});

test('an event that says nothing of its process parks, and says so', async () => {
  await define(memory()).run(async (app) => {
    await app.record('order-9', [new Placed('', 'poster')]);
    await eventually(async () =>
      (await app.subscriptions.parked('fulfilments')).some(({ state: it }) => it === 'dead'),
    );
    const [parked] = await app.subscriptions.parked('fulfilments');
    expect(parked!.error.message).toContain('order.placed does not say of which fulfilments it is');
  });
});

test('two processes never share a time-out: what could be the end of an id is no name of one', async () => {
  const app = await define(memory()).open();
  const step = (id: string) =>
    new ProcessStep('fulfilments', id, new Fulfilment(), app, new AbortController().signal);
  const when = { name: 'ment', after: 60_000 };
  await step('7/pay').schedule(new GiveUp('7', 'x'), when);
  for (const name of ['pay/ment', '', undefined as never]) {
    const refused = { code: 'BACKSTORY_INVALID_SCHEDULE', subject: 'name' };
    await expect(step('7').schedule(new GiveUp('7', 'x'), { ...when, name })).rejects.toMatchObject(refused);
    await expect(step('7').cancel(name)).rejects.toMatchObject(refused);
  }
  expect((await app.schedules.list()).map(({ id }) => id)).toEqual(['fulfilments/7/pay/ment']);
  await app.close();
});

describe('a process manager is refused', () => {
  test.each<[string, () => unknown, string]>([
    [
      'with a slash in its name',
      () => ProcessManager('x/y', { state: Fulfilment, id: 'a' })(class X {}),
      'X needs a name without a slash',
    ],
    ['without a state', () => ProcessManager('x', { id: 'a' } as never)(class X {}), 'X needs a state'],
    ['without an id', () => ProcessManager('x', { state: Fulfilment } as never)(class X {}), 'X needs an id'],
    [
      'twice',
      () => ProcessManager('x', { state: Fulfilment, id: 'a' })(Fulfilling),
      'has two @ProcessManager',
    ],
  ])('%s', (_, define_, message) => expect(define_).toThrow(message));

  test('whose state is no aggregate of the application', async () => {
    const shop = defineBackstory({
      name: 'shop',
      store: memory(),
      events: [Placed],
      subscribers: [Fulfilling],
    });
    await expect(shop.start()).rejects.toThrow('Fulfilment is no aggregate of shop');
  });
});
