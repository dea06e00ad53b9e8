import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { trace, type TraceNode } from '@backstory/replay';
import {
  AggregateNotFound,
  Big,
  Context,
  InvalidData,
  defineBackstory,
  memory,
  sqlite,
  type App,
  type RecordedEvent,
} from 'backstory';
import definition from './backstory.config';
import { eventually } from '../../test/support/eventually';
import { Fulfilment } from './src/fulfilment';
import { Order, OrderExists } from './src/order';
import { Line, OrderCancelled } from './src/order-events';
import { commands } from './src/order-commands';
import { OrderProcess } from './src/order-process';
import { NothingToRefund, Payment } from './src/payment';
import {
  GatewayUnavailable,
  PretendGateway,
  type MoneyRequest,
  type PaymentGateway,
} from './src/payment-gateway';
import { ProcessRunner, stepByStep, type Reacting } from './src/process-runner';
import { Shipment, WrongShipmentStatus } from './src/shipment';
import { Shop } from './src/shop';

const ORDER = { customerId: 'customer_456', lines: [new Line('poster', 3, new Big('33.33'))] };
const DHL = { carrier: 'DHL', trackingNumber: 'JD1' };
const bent = (amount: string) => ({ amount: new Big(amount), reason: 'bent' });

const latch = () => {
  let open = () => {};
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { open, opened };
};

describe.each(['memory', 'sqlite'])('a shop on %s', (kind) => {
  let folder: string;
  let now: number;
  let app: App;
  let shop: Shop;
  let gateway: PretendGateway;
  let runner: ProcessRunner;

  beforeEach(async () => {
    folder = await fs.mkdtemp(path.join(os.tmpdir(), 'shop-'));
    const store = kind === 'memory' ? memory() : sqlite(path.join(folder, 'shop.db'));
    now = Date.parse('2026-11-20T12:00:00Z');
    app = await defineBackstory({
      name: definition.name,
      store,
      aggregates: definition.aggregates,
      commands,
      schedules: { clock: () => now },
    }).start({ schedules: false });
    shop = new Shop(app);
    gateway = new PretendGateway(new Big(1_000));
    runner = new ProcessRunner(app, stepByStep(app, new OrderProcess(app, gateway)));
  });
  afterEach(async () => {
    await app.close();
    await fs.rm(folder, { recursive: true });
  });

  const head = async () => (await app.events.identity()).head;
  const order = (id = '1') => app.repository(Order).load(id);
  const payment = (id = '1') => app.repository(Payment).load(id);
  const flow = async (id: string) => {
    const { roots } = await trace(app.events, id);
    const shape = ({ event, children }: TraceNode): unknown =>
      children.length > 0 ? { [event.type]: children.map(shape) } : event.type;
    return roots.map(shape);
  };
  const placed = async (id = '1') => {
    await Context.of({ correlationId: `checkout-${id}` }).run(() => shop.place(id, ORDER));
    await runner.settle();
  };

  const expectPaidBack = async () => {
    expect(gateway.charges).toHaveLength(1);
    expect([...gateway.paidBack.values()]).toEqual([new Big('99.99')]);
    expect(await payment()).toMatchObject({ status: 'processed', refunded: new Big('99.99') });
    expect(await order()).toMatchObject({ status: 'cancelled', refunded: new Big('99.99') });
  };

  test('takes an order, its payment and its shipment to the end, in one tree of causes', async () => {
    await placed();
    await shop.dispatch('1', DHL);
    await runner.settle();
    await shop.deliver('1', 'a neighbour');
    await runner.settle();
    expect(await flow('checkout-1')).toEqual([
      {
        'order.created': [
          {
            'payment.requested': [
              {
                'payment.processed': [
                  {
                    'order.paid': [
                      {
                        'shipment.requested': [
                          {
                            'shipment.dispatched': [
                              'order.shipped',
                              { 'shipment.delivered': ['order.completed', 'process.completed'] },
                            ],
                          },
                        ],
                      },
                    ],
                  },
                  'process.compensation-planned',
                ],
              },
            ],
          },
        ],
      },
    ]);
    expect(await order()).toMatchObject({ status: 'completed', amount: new Big('99.99') });
    expect(gateway.charges).toHaveLength(1);
  });

  test('hands actor, tenant and priority on from step to step', async () => {
    const context = Context.of({ actor: 'customer_456', tenant: 'eu', priority: 'critical' });
    await context.run(() => shop.place('1', ORDER));
    await runner.settle();
    await Context.of({ actor: 'warehouse', tenant: 'eu' }).run(() => shop.dispatch('1', DHL));
    await runner.settle();
    const said: unknown[] = [];
    for await (const { events } of app.events.readAll())
      for (const { type, metadata } of events) {
        const { actor, tenant, priority, source } = JSON.parse(metadata) as Record<string, string>;
        said.push([type, actor, tenant, priority, source]);
      }
    const customer = ['customer_456', 'eu', 'critical', 'shop'];
    const warehouse = ['warehouse', 'eu', undefined, 'shop'];
    expect(said).toEqual([
      ['order.created', ...customer],
      ['payment.requested', ...customer],
      ['payment.processed', ...customer],
      ['order.paid', ...customer],
      ['process.compensation-planned', ...customer],
      ['shipment.requested', ...customer],
      ['shipment.dispatched', ...warehouse],
      ['order.shipped', ...warehouse],
    ]);
  });

  test('cancels an order whose payment is refused, and says why', async () => {
    const piano = { customerId: 'customer_456', lines: [new Line('piano', 1, new Big('4999'))] };
    await Context.of({ correlationId: 'checkout-1' }).run(() => shop.place('1', piano));
    await runner.settle();
    expect(await flow('checkout-1')).toEqual([
      { 'order.created': [{ 'payment.requested': [{ 'payment.failed': ['order.cancelled'] }] }] },
    ]);
    expect(await order()).toMatchObject({
      status: 'cancelled',
      cancelReason: 'payment failed: the card has not enough cover',
    });
    expect(gateway.charges).toEqual([]);
  });

  test('gives the money back when an order is cancelled before it has left', async () => {
    await placed();
    await shop.cancel('1', 'by mistake');
    await runner.settle();
    expect(await order()).toMatchObject({ status: 'cancelled', refunded: new Big('99.99') });
    expect(await payment()).toMatchObject({ refunded: new Big('99.99') });
    expect([...gateway.paidBack.values()]).toEqual([new Big('99.99')]);
    expect((await trace(app.events, 'checkout-1')).roots).toHaveLength(1);
    await expect(shop.dispatch('1', DHL)).rejects.toThrow(WrongShipmentStatus);
  });

  test('charges nothing for an order that is cancelled before its payment is asked for', async () => {
    await shop.place('1', ORDER);
    await shop.cancel('1', 'by mistake');
    await runner.settle();
    expect(gateway.charges).toEqual([]);
    expect(await app.repository(Payment).find('1')).toBeUndefined();
    expect(await order()).toMatchObject({ status: 'cancelled', cancelReason: 'by mistake' });
  });

  test.each(['after', 'before'])(
    'gives the money back when an order is cancelled while it is being charged, and that is handled %s it is',
    async (handled) => {
      const process: Reacting = stepByStep(app, new OrderProcess(app, gateway));
      const only = (wanted: (event: object) => boolean) =>
        new ProcessRunner(app, {
          react: async (event: RecordedEvent<object>) =>
            wanted(event.data) ? process.react(event) : undefined,
        });
      const isCancellation = (event: object) => event instanceof OrderCancelled;
      const cancellations = only(isCancellation);
      const charge = gateway.charge.bind(gateway);
      gateway.charge = async (request) => {
        await shop.cancel('1', 'by mistake');
        if (handled === 'before') await cancellations.settle();
        return charge(request);
      };
      await shop.place('1', ORDER);
      const others = only((event) => !isCancellation(event));
      for (const one of [others, cancellations, others]) await one.settle();
      expect(await order()).toMatchObject({ status: 'cancelled', refunded: new Big('99.99') });
      expect((await payment()).refundable).toEqual(new Big(0));
      expect(await app.repository(Shipment).find('1')).toBeUndefined();
    },
  );

  test('lets either the warehouse or the customer be faster, never both', async () => {
    await placed();
    const both = await Promise.allSettled([shop.dispatch('1', DHL), shop.cancel('1', 'by mistake')]);
    await runner.settle();
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    const { status, refunded } = await order();
    const isCancelled = both[1].status === 'fulfilled';
    expect([status, refunded.toString()]).toEqual(isCancelled ? ['cancelled', '99.99'] : ['shipped', '0']);
  });

  test('refunds parts at once, to the cent and never more than was paid', async () => {
    await placed();
    const refunds = Array.from({ length: 10 }, () => shop.refund('1', bent('11.11')));
    const refused = (await Promise.allSettled(refunds)).filter((it) => it.status === 'rejected');
    expect(refused.map(({ reason }) => reason as unknown)).toEqual([expect.any(NothingToRefund)]);
    await runner.settle();
    expect(await order()).toMatchObject({ refunded: new Big('99.99') });
    expect(gateway.paidBack.size).toBe(9);
  });

  test('does nothing again for a request that is sent again', async () => {
    const request = { commandId: 'request-7' };
    await Promise.all([shop.place('1', ORDER, request), shop.place('1', ORDER, request)]);
    await shop.place('1', ORDER, request);
    await runner.settle();
    const before = await head();
    await shop.place('1', ORDER, request);
    await runner.settle();
    expect(await head()).toBe(before);
    await expect(shop.place('1', ORDER, { commandId: 'request-8' })).rejects.toThrow(OrderExists);
    const back = { commandId: 'request-9' };
    await Promise.all([1, 2, 3].map(() => shop.refund('1', bent('0.10'), back)));
    expect(await payment()).toMatchObject({ refunded: new Big('0.10') });
  });

  test('refuses what is not valid or not there, and records nothing of it', async () => {
    const none = { customerId: 'customer_456', lines: [] };
    await expect(shop.place('1', none)).rejects.toThrow(InvalidData);
    await expect(shop.cancel('1', 'by mistake')).rejects.toThrow(AggregateNotFound);
    await expect(shop.dispatch('1', DHL)).rejects.toThrow(AggregateNotFound);
    await expect(shop.refund('1', bent('1'))).rejects.toThrow(AggregateNotFound);
    expect(await head()).toBe(0);
  });

  test('goes on where it was when the payment provider answers again', async () => {
    gateway.isDown = true;
    await expect(placed()).rejects.toThrow(GatewayUnavailable);
    await expect(runner.settle()).rejects.toThrow(GatewayUnavailable);
    expect(await payment()).toMatchObject({ status: 'requested' });
    gateway.isDown = false;
    await runner.settle();
    expect(await order()).toMatchObject({ status: 'paid' });
  });

  test('gives an order up that is not paid in time, and pays back what is charged after that', async () => {
    gateway.isDown = true;
    await expect(placed()).rejects.toThrow(GatewayUnavailable);
    now += 15 * 60_000 - 1;
    expect(await app.schedules.fireDue()).toBe(0);
    now += 1;
    expect(await app.schedules.fireDue()).toBe(1);
    expect(await order()).toMatchObject({ status: 'cancelled', cancelReason: 'not paid in time' });
    gateway.isDown = false;
    await runner.settle();
    await expectPaidBack();
    expect((await trace(app.events, 'checkout-1')).roots).toHaveLength(1);
  });

  test('waits for the money of an order no longer than it is needed', async () => {
    await placed();
    expect(await app.schedules.list()).toEqual([]);
    now += 60 * 60_000;
    expect(await app.schedules.fireDue()).toBe(0);
    expect(await order()).toMatchObject({ status: 'paid' });
  });

  test('charges once when the answer to a charge is lost', async () => {
    const charge = gateway.charge.bind(gateway);
    let lost = 1;
    gateway.charge = async (request: MoneyRequest) => {
      const answer = await charge(request);
      if (lost-- > 0) throw new GatewayUnavailable('lost');
      return answer;
    };
    await expect(placed()).rejects.toThrow(GatewayUnavailable);
    await runner.settle();
    expect(gateway.charges).toHaveLength(1);
    expect(await payment()).toMatchObject({ status: 'processed', version: 2 });
  });

  test('gives the money back when the answer to a charge is lost and the order is cancelled meanwhile', async () => {
    const charge = gateway.charge.bind(gateway);
    let lost = 1;
    gateway.charge = async (request: MoneyRequest) => {
      const answer = await charge(request);
      if (lost-- > 0) throw new GatewayUnavailable('lost');
      return answer;
    };
    await expect(placed()).rejects.toThrow(GatewayUnavailable);
    await shop.cancel('1', 'by mistake');
    await runner.settle();
    await expectPaidBack();
  });

  test('gives the money back when an order is cancelled, and that is handled, while another process waits for the charge', async () => {
    const [asked, wait] = [latch(), latch()];
    const slow: PaymentGateway = {
      charge: async (request) => {
        asked.open();
        await wait.opened;
        return gateway.charge(request);
      },
      payBack: (request) => gateway.payBack(request),
    };
    await shop.place('1', ORDER);
    const waiting = new ProcessRunner(app, stepByStep(app, new OrderProcess(app, slow))).settle();
    await asked.opened;
    await shop.cancel('1', 'by mistake');
    await runner.settle();
    wait.open();
    await waiting;
    await expectPaidBack();
  });

  test('goes on from what happened last, unless the caller says what it belongs to', async () => {
    await placed();
    await Context.of({ correlationId: 'call-7', causationId: 'mail-7' }).run(() => shop.dispatch('1', DHL));
    await shop.deliver('1', 'a neighbour');
    const said: unknown[] = [];
    let last = '';
    for await (const { events } of app.events.readStream('shipment-1', { after: 1 }))
      for (const { id, metadata } of events) {
        const { correlationId, causationId } = JSON.parse(metadata) as Record<string, string>;
        said.push([correlationId, causationId === last ? 'the event before' : causationId]);
        last = id;
      }
    expect(said).toEqual([
      ['call-7', 'mail-7'],
      ['call-7', 'the event before'],
    ]);
  });

  test('reacts to nothing twice, also when the whole log is shown again, to two processes at once', async () => {
    await placed('1');
    await shop.refund('1', bent('1.00'));
    await placed('2');
    await shop.cancel('2', 'by mistake');
    await runner.settle();
    const before = await head();
    const again = () => new ProcessRunner(app, stepByStep(app, new OrderProcess(app, gateway))).settle();
    await Promise.all([again(), again()]);
    expect(await head()).toBe(before);
    expect(gateway.charges).toHaveLength(2);
    expect(gateway.paidBack.size).toBe(2);
  });
});

test('a shop that is running goes from step to step by itself', async () => {
  const store = memory();
  const { name, aggregates } = definition;
  const subscribers = [(app: App) => new OrderProcess(app, new PretendGateway(new Big(1_000)))];
  await defineBackstory({ name, store, aggregates, commands, subscribers }).run(async (app) => {
    const shop = new Shop(app);
    const reached = (status: string) =>
      eventually(async () => (await app.repository(Order).load('1')).status === status);
    await shop.place('1', ORDER);
    await eventually(() => app.repository(Shipment).find('1'));
    await shop.dispatch('1', DHL);
    await reached('shipped');
    await shop.deliver('1', 'a neighbour');
    await reached('completed');
    await eventually(async () => (await app.repository(Fulfilment).find('1'))?.processStatus === 'completed');
  });
});
