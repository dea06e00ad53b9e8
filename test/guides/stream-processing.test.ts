import { DomainEvent, EventHandler, defineBackstory, memory, type App, type RecordedEvent } from 'backstory';
import { Projection } from 'backstory/projection';
import { count, max, reducer, sum, tumbling, windowFold, windows, type Emit } from 'backstory/streams';
import { reaction, subscriber } from 'backstory/subscriptions';
import { eventually } from '../support/eventually.js';
import { eventsOf } from '../support/sqlite-files.js';

@DomainEvent('payment.received')
class PaymentReceived {
  constructor(readonly amount: number) {}
}
@DomainEvent('customer.paid')
class Paid {
  constructor(readonly amount: number) {}
}
@DomainEvent('shop.sold')
class Sold {
  constructor(readonly amount: number) {}
}
@DomainEvent('calendar.day-ended')
class DayEnded {}
@DomainEvent('report.day-closed')
class DayClosed {
  constructor(
    readonly from: string,
    readonly cents: number,
  ) {}
}

export const paymentsPerDay = windows('payments-per-day', {
  version: 1,
  key: () => 'all',
  events: { PaymentReceived },
  value: { PaymentReceived: ({ amount }) => amount },
  shape: tumbling({ sizeMs: 86_400_000, latenessMs: 3_600_000 }),
}).reduce({ payments: count(), cents: sum(), largest: max() });

const product = reducer<number, number>({
  initial: 1,
  add: (held, value) => held * value,
  merge: (earlier, later) => earlier * later,
});

const daily = windows('sales-per-day', {
  version: 1,
  key: () => 'all',
  events: { Sold, DayEnded },
  value: { Sold: ({ amount }) => amount, DayEnded: () => undefined },
  shape: tumbling({ sizeMs: 86_400_000 }),
}).reduce({ cents: sum() });

const perDay = windowFold<number>(tumbling({ sizeMs: 86_400_000 })).reduce({ paid: sum() });

@Projection('customers', { version: 1 })
class Customer {
  days = perDay.begin();
  @EventHandler(Paid) paid({ amount }: Paid, recorded: RecordedEvent<Paid>, _key: string, emit: Emit) {
    for (const day of perDay.add(this.days, amount, recorded)) emit(day);
  }
}

const report = (app: App) =>
  subscriber({
    name: 'daily-report',
    key: () => 'all',
    on: [
      reaction(PaymentReceived, async (_event, recorded) => {
        for (const { result } of await app.windows(paymentsPerDay).closedBy(recorded))
          await app.record('report-daily', [new DayClosed(result.from, result.values.cents)]);
      }),
    ],
  });

let app: App;
beforeEach(async () => {
  app = await defineBackstory({
    name: 'shop',
    store: memory(),
    events: [PaymentReceived, Paid, Sold, DayEnded, DayClosed],
    projections: [paymentsPerDay, daily, Customer],
    subscribers: [report],
  }).start();
});
afterEach(() => app.close());

const on = (time: string) => ({ occurredAt: new Date(`2026-01-${time}Z`) });

it('windows are read while they are open and when they are closed, and become events through a subscription', async () => {
  await app.record('payment-1', [new PaymentReceived(500)], on('05T10:00'));
  await app.record('payment-2', [new PaymentReceived(700)], on('06T00:30'));
  // Late, and within the hour.
  await app.record('payment-3', [new PaymentReceived(20)], on('05T23:59'));
  const { position } = await app.record('payment-4', [new PaymentReceived(1)], on('06T01:00'));
  await app.caughtUp(paymentsPerDay, position);
  const days = app.windows(paymentsPerDay);
  const today = await days.current('all');
  expect(today).toEqual({
    from: '2026-01-06T00:00:00.000Z',
    to: '2026-01-07T00:00:00.000Z',
    events: 2,
    values: { payments: 2, cents: 701, largest: 700 },
  });
  expect(await days.closed('all')).toMatchObject([
    { position, result: { number: 1, values: { cents: 520 } } },
  ]);
  const before = days.asOf(position - 1);
  expect((await before.open('all')).map(({ values }) => values.cents)).toEqual([520, 700]);
  await app.handled('daily-report', position);
  const [closed] = await eventsOf(app.events, { streams: ['report-daily'] });
  expect(JSON.parse(closed!.data)).toEqual({ from: '2026-01-05T00:00:00.000Z', cents: 520 });
});

it('a quiet day ends when somebody records that it has', async () => {
  const schedule = { stream: 'calendar-days', at: new Date(Date.now() - 1) };
  await app.record('sale-1', [new Sold(500)], on('05T10:00'));
  await app.schedule(new DayEnded(), { stream: 'calendar-days', every: 86_400_000, id: 'day-ended' });
  await app.schedule(new DayEnded(), schedule);
  const [closed] = await eventually(async () => {
    const found = await app.windows(daily).closed('all');
    return found.length > 0 && found;
  });
  expect(closed!.result).toMatchObject({ events: 1, values: { cents: 500 } });
});

it('a projection of your own holds windows beside other things, and any fold may emit', async () => {
  await app.record('customer-1', [new Paid(5)], on('05T10:00'));
  const { position, ids } = await app.record('customer-1', [new Paid(6)], on('06T10:00'));
  const [recorded] = await eventsOf(app.events, { ids });
  const results = await app.projection(Customer).resultsOf(app.types.decode(recorded!));
  expect(results).toMatchObject([
    { key: 'customer-1', position, result: { number: 1, values: { paid: 5 } } },
  ]);
  expect(await app.projection(Customer).results('customer-1')).toEqual(results);
  const document = await app.projection(Customer).get('customer-1');
  expect(perDay.current(document!.days)).toMatchObject({ events: 1, values: { paid: 6 } });
});

it('a reducer is made of functions', () => {
  const fold = windowFold<number>(tumbling({ count: 3 })).reduce({ product });
  const document = fold.begin();
  const recorded = { recordedAt: new Date(), metadata: { occurredAt: '2026-01-05T10:00:00.000Z' } } as never;
  const closed = [4, 9, 2].flatMap((it) => fold.add(document, it, recorded));
  expect(closed.map(({ values }) => values.product)).toEqual([72]);
});
