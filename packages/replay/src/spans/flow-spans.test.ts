import { Context, defineBackstory, memory, type App } from 'backstory';
import { reaction, subscriber, type SubscriptionOptions } from 'backstory/subscriptions';
import { eventually } from '../../../../test/support/eventually.js';
import { Order, OrderPlaced, Payment } from '../../../../test/support/observed-shop.js';
import { flowSpans, otlpLines, type FlowSpans } from '../spans.js';

let app: App;
afterEach(() => app.close());

/** Orders that two subscriptions react to: one asks for a payment, twice, the other only looks. */
async function started(options: SubscriptionOptions = { outcomes: 'all' }, fails = () => false) {
  const billing = (it: App) =>
    subscriber({
      name: 'billing',
      on: [
        reaction(
          OrderPlaced,
          async ({ amount }, { stream }) => {
            if (fails()) throw new TypeError('no gateway');
            const payments = it.repository(Payment);
            await payments.update(stream, (payment) => payment.request(amount), { create: true });
            await payments.update(stream, (payment) => payment.request(0), { command: 'Ask again' });
          },
          { name: 'bill' },
        ),
      ],
      checkpointMs: 1,
      retry: { attempts: 1 },
      ...options,
    });
  const desk = subscriber({
    name: 'desk',
    on: [reaction(OrderPlaced, () => undefined, { name: 'look' })],
    checkpointMs: 1,
    ...options,
  });
  app = await defineBackstory({
    name: 'shop',
    store: memory(),
    aggregates: [Order, Payment],
    subscribers: [billing, desk],
  }).start();
}

async function ordered(fields: Parameters<typeof Context.of>[0]): Promise<FlowSpans> {
  await Context.of(fields).run(() =>
    app.repository(Order).update('1', (it) => it.place(5), { create: true, command: 'PlaceOrder' }),
  );
  const head = 1;
  for (const name of ['billing', 'desk']) await app.handled(name, head);
  return flowSpans(app, fields.correlationId!);
}

/** What hangs under what. */
const shape = ({ spans }: FlowSpans) =>
  spans.map(({ name, parentSpanId }) => [name, spans.find((it) => it.spanId === parentSpanId)?.name ?? null]);

test('what a handler appended hangs under it, and it under the append that recorded its event', async () => {
  await started();
  const flow = await ordered({ correlationId: 'request-7', tenant: 'acme' });
  expect(shape(flow)).toEqual([
    ['append order', null],
    ['process order.placed billing.bill', 'append order'],
    ['process order.placed desk.look', 'append order'],
    ['append payment', 'process order.placed billing.bill'],
    ['append payment', 'process order.placed billing.bill'],
  ]);
  const [order, bill] = flow.spans;
  expect(order!.attributes).toMatchObject({
    'backstory.correlation_id': 'request-7',
    'backstory.tenant': 'acme',
    'backstory.command.type': 'PlaceOrder',
    'backstory.stream.id': 'order-1',
    'backstory.version.after': 1,
  });
  expect(order!.moments.map(({ name }) => name)).toEqual(['order.placed']);
  expect(bill!.attributes).toMatchObject({ 'backstory.attempt': 1, 'backstory.outcome': 'handled' });
  for (const { began, ended } of flow.spans) expect(ended).toBeGreaterThanOrEqual(began);
  // What an event carries is nobody's business.
  expect(otlpLines(flow).join('')).not.toContain('amount');
});

test('the same flow is the same bytes, from the id of any of its events too, and no span has the id of another', async () => {
  await started();
  const flow = await ordered({ correlationId: 'request-7' });
  const [first] = flow.spans[0]!.moments;
  const again = await flowSpans(app, String(first!.attributes['messaging.message.id']));
  expect(otlpLines(again)).toEqual(otlpLines(flow));
  expect(new Set(flow.spans.map(({ spanId }) => spanId)).size).toBe(5);
  for (const { spanId } of flow.spans) expect(spanId).toMatch(/^[0-9a-f]{16}$/);
});

test('the trace is the one that was recorded, else it follows from the correlation id alone', async () => {
  await started();
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736';
  const traceparent = `00-${traceId}-00f067aa0ba902b7-01`;
  const flow = await ordered({ correlationId: 'traced', traceparent });
  expect(flow.traceId).toBe(traceId);
  expect(flow.spans[0]!.attributes['backstory.recorded.traceparent']).toBe(traceparent);
  for (const correlationId of ['untraced', 'other'])
    await Context.of({ correlationId }).run(() => app.record('order-2', [new OrderPlaced(1)]));
  const [untraced, other] = [await flowSpans(app, 'untraced'), await flowSpans(app, 'other')];
  expect(untraced.traceId).toMatch(/^[0-9a-f]{32}$/);
  expect(new Set([traceId, untraced.traceId, other.traceId]).size).toBe(3);
});

test('without outcomes it is the appends alone, under those that caused them', async () => {
  await started({});
  expect(shape(await ordered({ correlationId: 'request-7' }))).toEqual([
    ['append order', null],
    ['append payment', 'append order'],
    ['append payment', 'append order'],
  ]);
});

test('a handler that failed says why', async () => {
  await started({ outcomes: 'all' }, () => true);
  await Context.of({ correlationId: 'request-7' }).run(() => app.record('order-1', [new OrderPlaced(5)]));
  await app.handled('desk', 1);
  await eventually(async () => (await app.subscriptions.status('billing')).parked.dead === 1);
  const { spans } = await flowSpans(app, 'request-7');
  const failed = spans.find(({ name }) => name.endsWith('billing.bill'));
  expect(failed).toMatchObject({
    error: 'no gateway',
    attributes: { 'error.type': 'TypeError', 'backstory.outcome': 'dead' },
  });
  expect(otlpLines(await flowSpans(app, 'request-7'))[0]).toContain('"code":2,"message":"no gateway"');
});

test('events that were appended together are one span, and a flow that is cut says so', async () => {
  await started({});
  await Context.of({ correlationId: 'job' }).run(async () => {
    await app.record('order-1', [new OrderPlaced(1), new OrderPlaced(2)]);
    await app.record('order-2', [new OrderPlaced(3)]);
  });
  const { spans, events } = await flowSpans(app, 'job');
  expect(spans.filter(({ name }) => name === 'append order').map(({ moments }) => moments.length)).toEqual([
    2, 1,
  ]);
  expect(events).toBeGreaterThanOrEqual(3);
  expect(await flowSpans(app, 'job', { limit: 1 })).toMatchObject({ events: 1, truncatedAt: 1 });
  await expect(flowSpans(app, 'nope')).rejects.toMatchObject({ code: 'BACKSTORY_FLOW_NOT_FOUND' });
});
