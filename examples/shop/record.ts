import { Big, Context } from 'backstory';
import backstory from './backstory.config';
import { Line } from './src/order-events';
import { OrderProcess } from './src/order-process';
import { PretendGateway } from './src/payment-gateway';
import { ProcessRunner, stepByStep } from './src/process-runner';
import { Shop } from './src/shop';

const POSTER = new Line('poster', 3, new Big('33.33'));
const FRAME = new Line('frame', 1, new Big('19.90'));
const PIANO = new Line('piano', 1, new Big('4999.00'));

/** As the header of the support's request had it; an application takes it over with `Context.fromHeaders`. */
const SUPPORT_TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

// Step by step in place of the subscription, so that the log is the same every time.
const byHand = { subscriptions: false, schedules: false };

void backstory.run(async (app) => {
  const shop = new Shop(app);
  const process = new OrderProcess(app, new PretendGateway(new Big(1_000)));
  const runner = new ProcessRunner(app, stepByStep(app, process));
  // Every request has an id, so running this again does nothing again.
  const request = (commandId: string) => ({ commandId });
  const by = (actor: string) => Context.of({ actor, tenant: 'eu' });
  const checkout = (orderId: string) => ({ correlationId: `checkout-${orderId}` });
  const place = async (orderId: string, customerId: string, lines: readonly Line[]) => {
    const context = by(customerId).with(checkout(orderId));
    await context.run(() => shop.place(orderId, { customerId, lines }, request(`place-${orderId}`)));
    await runner.settle();
  };
  const warehouse = by('warehouse');

  // Delivered; a poster came bent, and a third of its price was given back.
  await place('1001', 'customer_456', [POSTER]);
  await warehouse.run(() =>
    shop.dispatch('1001', { carrier: 'DHL', trackingNumber: 'JD014600' }, request('dispatch-1001')),
  );
  await runner.settle();
  await warehouse.run(() => shop.deliver('1001', 'a neighbour', request('deliver-1001')));
  await runner.settle();
  const bent = { amount: new Big('11.11'), reason: 'bent' };
  await by('support')
    .with({ traceparent: SUPPORT_TRACE })
    .run(() => shop.refund('1001', bent, request('refund-1001')));
  await runner.settle();

  // Refused by the customer's bank.
  await place('1002', 'customer_789', [PIANO, FRAME]);

  // Cancelled before it left.
  await place('1003', 'customer_456', [FRAME]);
  await by('customer_456').run(() => shop.cancel('1003', 'ordered by mistake', request('cancel-1003')));
  await runner.settle();

  // Still with the warehouse.
  await by('customer_12')
    .with({ priority: 'high' })
    .run(() => place('1004', 'customer_12', [FRAME, POSTER]));

  console.log(`The log holds ${(await app.events.identity()).head} events of 4 orders.`);
}, byHand);
