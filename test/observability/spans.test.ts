import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { SpanKind, SpanStatusCode, context, propagation, trace } from '@opentelemetry/api';
import { Context, type RecordedEvent } from 'backstory';
import { metrics, spans as table } from '@backstory/core/observe';
import { Instrumentation } from '@backstory/observability';
import { eventually } from '../support/eventually.js';
import { Order, OrderLookedAt, OrderPlaced, openShop } from '../support/observed-shop.js';
import { connected, dangling, tracing } from '../support/tracing.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

type Shop = Awaited<ReturnType<typeof openShop>>;

async function traced(rate: number, options: Omit<Parameters<typeof openShop>[0], 'observer'> = {}) {
  const tracer = tracing(rate);
  closing.push(() => tracer.close());
  const shop = await openShop({ observer: tracer.observer, ...options });
  // Before the tracer, so that all spans have ended.
  const close = once(() => shop.close());
  closing.push(close);
  return { tracer, shop, close };
}

function once(work: () => Promise<void>): () => Promise<void> {
  let done: Promise<void> | undefined;
  return () => (done ??= work());
}

/** A server as applications write them: what came with the request is the context of what it does. */
async function serve(shop: Shop): Promise<string> {
  const server: Server = createServer((request, response) => {
    const id = request.url!.slice(1);
    const work = Context.fromHeaders(request.headers).run(() => shop.order(id));
    work.then(
      () => response.end(),
      () => response.writeHead(500).end(),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(() => new Promise((resolve) => server.close(resolve)));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function eventsOf(shop: Shop): Promise<RecordedEvent<object>[]> {
  const found: RecordedEvent<object>[] = [];
  for await (const page of shop.app.events.readAll())
    for (const stored of page.events) found.push(shop.app.types.decode(stored));
  return found;
}

/** What a caller with a tracer sends. */
const sent = (traceId: string, flags = '01') => ({ traceparent: `00-${traceId}-00f067aa0ba902b7-${flags}` });
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

describe('where every flow is traced', () => {
  test('a request, its command, the subscription, the second aggregate and both projections hang together', async () => {
    const { tracer, shop, close } = await traced(1);
    const url = await serve(shop);
    const request = tracer.tracer.startSpan('GET', { kind: SpanKind.CLIENT });
    const { traceId, spanId } = request.spanContext();
    const headers = { traceparent: `00-${traceId}-${spanId}-01`, 'x-correlation-id': 'checkout-1' };
    expect((await fetch(`${url}/1`, { headers })).status).toBe(200);
    request.end();
    await shop.settled();
    await close();
    const names = tracer.spans.map(({ name }) => name);
    expect(new Set(names)).toEqual(
      new Set([
        ...['GET', 'handle PlaceOrder', 'load order', 'snapshot order', 'append order', 'append batch'],
        ...['process order.placed billing.bill', 'handle RequestPayment', 'load payment', 'append payment'],
        ...['project orders', 'project revenue'],
      ]),
    );
    expect(connected(tracer.spans)).toHaveLength(1);
    expect(dangling(tracer.spans)).toEqual([]);
    const [command] = tracer.named('handle PlaceOrder');
    expect(command!.parentSpanContext).toMatchObject({ traceId, spanId });
    const [handling] = tracer.named('process order.placed billing.bill');
    const [append] = tracer.named('append order');
    expect(handling).toMatchObject({ kind: SpanKind.CONSUMER, parentSpanContext: undefined });
    expect(handling!.links.map((link) => link.context.spanId)).toEqual([append!.spanContext().spanId]);
    expect(tracer.named('handle RequestPayment')[0]!.parentSpanContext!.spanId).toBe(
      handling!.spanContext().spanId,
    );
  });

  test('spans say what the table of signals says, and all of them say of which flow they are', async () => {
    const { tracer, shop, close } = await traced(1);
    const flowOf = Context.of({ correlationId: 'checkout-1', tenant: 'acme' });
    const [placed] = (await flowOf.run(() => shop.order('1', 7))).ids;
    await shop.settled();
    await close();
    const attributesOf = (name: string) => tracer.named(name)[0]!.attributes;
    const flow = {
      'backstory.correlation_id': 'checkout-1',
      'messaging.message.conversation_id': 'checkout-1',
    };
    expect(attributesOf('handle PlaceOrder')).toEqual({
      ...flow,
      'backstory.tenant': 'acme',
      'backstory.command.type': 'PlaceOrder',
      'backstory.aggregate.type': 'order',
      'backstory.stream.id': 'order-1',
      'backstory.outcome': 'accepted',
      'backstory.retry.attempt': 0,
      'backstory.events.count': 1,
    });
    expect(attributesOf('load order')).toMatchObject({
      ...flow,
      'backstory.version': 0,
      'backstory.events.replayed': 0,
      'backstory.snapshot.hit': false,
    });
    expect(attributesOf('append order')).toMatchObject({
      ...flow,
      'messaging.system': 'backstory',
      'messaging.operation.name': 'append',
      'messaging.operation.type': 'send',
      'messaging.destination.template': 'order',
      'backstory.version.before': 0,
      'backstory.version.after': 1,
      'backstory.position': 1,
      'backstory.batch.id': expect.any(String),
    });
    expect(attributesOf('process order.placed billing.bill')).toMatchObject({
      ...flow,
      'backstory.tenant': 'acme',
      'messaging.message.id': placed,
      'messaging.consumer.group.name': 'billing.bill',
      'backstory.attempt': 1,
      'backstory.dispatch.delay_ms': expect.any(Number),
    });
    expect(attributesOf('handle RequestPayment')).toMatchObject({
      ...flow,
      'backstory.causation_id': placed,
    });
    expect(attributesOf('project orders')).toMatchObject({
      'messaging.batch.message_count': 1,
      'backstory.position.from': 1,
      'backstory.lag.seconds': expect.any(Number),
    });
  });
});

describe('where one flow in ten is traced', () => {
  const BEGUN = ['handle PlaceOrder', 'append order'];
  const FOLLOWING = ['process order.placed billing.bill', 'handle RequestPayment', 'append payment'];

  test('a flow is traced as a whole or not at all, and nothing points at a span that nobody kept', async () => {
    const { tracer, shop, close } = await traced(0.1);
    const flows = Array.from({ length: 200 }, (_, i) => `flow-${i}`);
    const begin = (flow: string) => Context.of({ correlationId: flow }).run(() => shop.order(flow));
    await Promise.all(flows.map(begin));
    await shop.settled();
    const events = await eventsOf(shop);
    await close();
    const taken = flows.filter((flow) => tracer.instrumentation.sampler.takes(flow));
    expect(taken.length).toBeGreaterThan(8);
    expect(taken.length).toBeLessThan(40);
    for (const name of [...BEGUN, ...FOLLOWING]) {
      const of = tracer.named(name).map(({ attributes }) => attributes['backstory.correlation_id']);
      expect([name, of.sort()]).toEqual([name, [...taken].sort()]);
    }
    expect(dangling(tracer.spans)).toEqual([]);
    expect(tracer.named('project orders').length).toBeGreaterThan(0);
    const isTraced = ({ metadata }: RecordedEvent) => metadata.traceparent !== undefined;
    expect(new Set(events.filter(isTraced).map((it) => it.metadata.correlationId))).toEqual(new Set(taken));
  });

  test('so it is with flows that nobody named', async () => {
    const { tracer, shop, close } = await traced(0.5);
    await Promise.all(Array.from({ length: 60 }, (_, i) => shop.order(String(i))));
    await shop.settled();
    await close();
    const counts = [...BEGUN, ...FOLLOWING].map((name) => tracer.named(name).length);
    expect(counts[0]).toBeGreaterThan(5);
    expect(counts[0]).toBeLessThan(55);
    expect(new Set(counts).size).toBe(1);
    expect(dangling(tracer.spans)).toEqual([]);
  });

  test('what a caller had decided is done: its flag is stored and followed', async () => {
    const { tracer, shop, close } = await traced(0.5);
    const order = (flags: string, id: string) =>
      Context.fromHeaders(sent(TRACE, flags)).run(() => shop.order(id));
    await order('00', '1');
    await order('01', '2');
    await shop.settled();
    const events = await eventsOf(shop);
    await close();
    expect(tracer.named('append order')).toHaveLength(1);
    expect(tracer.named('append payment')).toHaveLength(1);
    const traceOf = (stream: string) => events.find((it) => it.stream === stream)!.metadata.traceparent;
    expect(traceOf('order-1')).toBe(sent(TRACE, '00').traceparent);
    expect(traceOf('order-2')).toMatch(new RegExp(`^00-${TRACE}-(?!00f067aa0ba902b7)[0-9a-f]{16}-01$`));
    expect(traceOf('payment-order-1')).toBeUndefined();
  });

  test('so does the server of an application that has one of its own', async () => {
    const { tracer, shop, close } = await traced(0.5);
    const spanOf = (traceFlags: number) =>
      trace.wrapSpanContext({ traceId: TRACE, spanId: '00f067aa0ba902b7', traceFlags });
    const order = (flags: number, id: string) =>
      context.with(trace.setSpan(context.active(), spanOf(flags)), () => shop.order(id));
    await order(0, '1');
    await order(1, '2');
    await shop.settled();
    const events = await eventsOf(shop);
    await close();
    expect(
      tracer.named('handle PlaceOrder').map(({ attributes }) => attributes['backstory.stream.id']),
    ).toEqual(['order-2']);
    expect(tracer.named('handle RequestPayment')).toHaveLength(1);
    expect(events[0]!.metadata.traceparent).toBe(sent(TRACE, '00').traceparent);
  });
});

describe('failures', () => {
  const retry = { attempts: 2, delayMs: 1 };
  const failing = () => {
    throw new TypeError('no gateway');
  };

  test('each attempt is a span that links to the one before, and the parking to the last', async () => {
    const { tracer, shop, close } = await traced(1, { fail: failing, retry });
    await shop.order('1');
    await eventually(async () => (await shop.app.subscriptions.parked('billing'))[0]?.state === 'dead');
    await close();
    const [first, second] = tracer.named('process order.placed billing.bill');
    const [dead] = tracer.named('deadletter order.placed');
    const [append] = tracer.named('append order');
    const linked = (span: typeof dead) => span!.links.map((link) => link.context.spanId);
    const idOf = (span: typeof dead) => span!.spanContext().spanId;
    expect(linked(first)).toEqual([idOf(append)]);
    expect(linked(second)).toEqual([idOf(append), idOf(first)]);
    expect(linked(dead)).toEqual([idOf(append), idOf(second)]);
    expect([first, second].map((it) => it!.attributes['backstory.attempt'])).toEqual([1, 2]);
    for (const span of [first!, second!]) {
      expect(span.status).toEqual({ code: SpanStatusCode.ERROR, message: 'no gateway' });
      expect(span.attributes['error.type']).toBe('TypeError');
      expect(span.events.at(-1)!.name).toBe('exception');
    }
    expect(dead!.attributes).toMatchObject({ 'backstory.dlq.reason': 'poison', 'error.type': 'TypeError' });
    expect(tracer.named('handle PlaceOrder')[0]!.status.code).toBe(SpanStatusCode.UNSET);
    expect(dangling(tracer.spans)).toEqual([]);
  });

  test('are seen in a flow that is not traced, and what follows from the next attempt is', async () => {
    const { tracer, shop, close } = await traced(0, {
      retry,
      fail: (() => {
        let calls = 0;
        return () => {
          if (calls++ === 0) failing();
        };
      })(),
    });
    await shop.order('1');
    await shop.settled();
    await close();
    const [first, second] = tracer.named('process order.placed billing.bill');
    expect(first).toMatchObject({ links: [], status: { code: SpanStatusCode.ERROR } });
    expect(second!.links.map((link) => link.context.spanId)).toEqual([first!.spanContext().spanId]);
    expect(tracer.named('handle PlaceOrder')).toEqual([]);
    expect(tracer.named('append payment')).toHaveLength(1);
    expect(tracer.named('project revenue')).toHaveLength(1);
    expect(dangling(tracer.spans)).toEqual([]);
  });

  test('in a flow that its caller does not trace have spans that point at nothing of the caller, and so have batches', async () => {
    let calls = 0;
    const fail = () => {
      if (calls++ === 0) failing();
    };
    const { tracer, shop, close } = await traced(1, { retry, fail });
    await Context.fromHeaders(sent(TRACE, '00')).run(() => shop.order('1'));
    await shop.settled();
    await close();
    expect(tracer.named('process order.placed billing.bill')[0]!.status.code).toBe(SpanStatusCode.ERROR);
    expect(tracer.named('project orders')).not.toEqual([]);
    expect(dangling(tracer.spans)).toEqual([]);
  });

  test('a decision against a command is one in its own span, and none at all where it is not traced', async () => {
    for (const [rate, spans] of [
      [1, 1],
      [0, 0],
    ] as const) {
      const { tracer, shop, close } = await traced(rate);
      await expect(shop.order('1', -1)).rejects.toThrow('Nobody pays less');
      await close();
      const found = tracer.named('handle PlaceOrder');
      expect(found.map(({ attributes }) => attributes['backstory.outcome'])).toEqual(
        Array.from({ length: spans }, () => 'rejected'),
      );
      await closing.pop()!();
      await closing.pop()!();
    }
  });
});

test('a projection that is rebuilt is one span, whatever it folds', async () => {
  const { tracer, shop, close } = await traced(1);
  await Promise.all(['1', '2', '3'].map((id) => shop.order(id)));
  await shop.settled();
  await shop.app.projections.fill('orders');
  await shop.app.projections.swap('orders');
  await eventually(() => tracer.named('rebuild orders').length > 0);
  // What the subscriptions say of themselves may come before it.
  const from = (await eventsOf(shop)).find(({ type }) => type === 'order.placed')!.position;
  await close();
  const folded = tracer.named('project orders').map((it) => it.attributes['messaging.batch.message_count']);
  expect(folded.reduce<number>((sum, count) => sum + Number(count), 0)).toBe(3);
  expect(tracer.named('rebuild orders')).toHaveLength(1);
  expect(tracer.named('rebuild orders')[0]).toMatchObject({
    links: [],
    parentSpanContext: undefined,
    attributes: { 'backstory.replay': true, 'backstory.replay.from': from, 'backstory.events.replayed': 3 },
  });
});

test('what the bus hands out hangs under its publishing, also what is not recorded', async () => {
  const { tracer, shop, close } = await traced(1);
  const seen: string[] = [];
  shop.app.bus.subscribe(OrderLookedAt, (event) => void seen.push(event.order), { name: 'look' });
  shop.app.bus.subscribe(OrderPlaced, () => void seen.push('placed'), { name: 'noticed' });
  await shop.app.bus.publish('order-1', [new OrderLookedAt('1')], { transient: true });
  await shop.app.bus.publish('order-1', [new OrderPlaced(3)]);
  expect(seen).toEqual(['1', 'placed']);
  await shop.settled();
  await close();
  for (const [type, handler] of [
    ['order.looked-at', 'look'],
    ['order.placed', 'noticed'],
  ]) {
    const [publish] = tracer.named(`publish ${type}`);
    const [process] = tracer.named(`process ${type} bus.${handler}`);
    expect(process!.parentSpanContext!.spanId).toBe(publish!.spanContext().spanId);
    expect(publish!.attributes).toMatchObject({ 'backstory.targets.count': 1, 'backstory.event.type': type });
  }
  expect(tracer.named('publish order.placed')[0]!.parentSpanContext!.spanId).toBe(
    tracer.named('append order')[0]!.spanContext().spanId,
  );
});

test('the spans of a subscription may be part of the trace that its event was made in', async () => {
  for (const [how, links] of [
    ['parent', 0],
    ['both', 1],
  ] as const) {
    const tracer = tracing(1, { subscriptions: { billing: how } });
    closing.push(() => tracer.close());
    const shop = await openShop({ observer: tracer.observer });
    await shop.order('1');
    await shop.settled();
    await shop.close();
    const [process] = tracer.named('process order.placed billing.bill');
    expect(process!.parentSpanContext!.spanId).toBe(tracer.named('append order')[0]!.spanContext().spanId);
    expect(process!.links).toHaveLength(links);
    await closing.pop()!();
  }
});

test('where no tracer runs, none is invented: what came with a request is stored as it came, and else nothing', async () => {
  propagation.disable();
  const { observer } = new Instrumentation();
  const shop = await openShop({ observer });
  closing.push(() => shop.close());
  await shop.order('1');
  await Context.fromHeaders(sent(TRACE)).run(() => shop.order('2'));
  const b3 = { b3: `${TRACE}-00f067aa0ba902b7-1` };
  await Context.fromHeaders(b3).run(() => shop.order('3'));
  await shop.settled();
  const traces = Object.fromEntries((await eventsOf(shop)).map((it) => [it.stream, it.metadata.traceparent]));
  const { traceparent } = sent(TRACE);
  expect(traces).toMatchObject({ 'order-1': undefined, 'order-2': traceparent, 'order-3': traceparent });
  expect(traces).toMatchObject({ 'payment-order-1': undefined, 'payment-order-2': undefined });
});

test('what is handled again on request is one span, and nothing in it is traced', async () => {
  const { tracer, shop, close } = await traced(1);
  await Promise.all(['1', '2', '3'].map((id) => shop.order(id)));
  await shop.settled();
  const before = tracer.named('process order.placed billing.bill').length;
  await shop.app.subscriptions.replay('billing', { from: 1 }, { actor: 'ann' });
  await eventually(() => tracer.named('replay billing').length > 0);
  await close();
  const { attributes, links, parentSpanContext } = tracer.named('replay billing')[0]!;
  expect([links, parentSpanContext]).toEqual([[], undefined]);
  expect(attributes).toMatchObject({ 'backstory.replay': true, 'backstory.events.replayed': 3 });
  expect(Number(attributes['backstory.replay.to'])).toBeGreaterThan(
    Number(attributes['backstory.replay.from']),
  );
  expect(tracer.named('replay billing')).toHaveLength(1);
  expect(tracer.named('process order.placed billing.bill')).toHaveLength(before);
});

test('another attempt says how long it was put off; one on request leads to the letter, which says why', async () => {
  let isFailing = true;
  const { tracer, shop, close } = await traced(1, {
    fail: () => {
      if (isFailing) throw new TypeError('no gateway');
    },
    retry: { attempts: 2, delayMs: 10 },
  });
  await shop.order('1');
  await eventually(() => tracer.named('deadletter order.placed').length > 0);
  const [, again] = tracer.named('process order.placed billing.bill');
  expect(again!.events.map(({ name, attributes }) => [name, attributes])).toContainEqual([
    'retry order.placed',
    {
      'backstory.retry.attempt': 1,
      'backstory.retry.delay': 0.01,
      'backstory.retry.policy': 'exponential',
    },
  ]);
  isFailing = false;
  await shop.app.subscriptions.retry('billing', 'all', { actor: 'ann' });
  await eventually(() => tracer.named('reprocess order.placed billing.bill').length > 0);
  await close();
  const [reprocess] = tracer.named('reprocess order.placed billing.bill');
  const linked = reprocess!.links.map(({ context: { spanId } }) => spanId);
  const idOf = (name: string) => tracer.named(name)[0]!.spanContext().spanId;
  expect(linked).toEqual([idOf('append order'), idOf('deadletter order.placed')]);
  expect(reprocess!.attributes['backstory.dlq.age']).toBeGreaterThanOrEqual(0);
  expect(tracer.named('append order')[0]!.attributes['backstory.queue.wait_ms']).toBeGreaterThanOrEqual(0);
});

describe('the whole table of signals', () => {
  /** The name of a row, for any type and name in it. */
  const like = (name: string) => new RegExp(`^${name.replace(/\{\w+\}/g, '\\S+')}$`);
  /** An id of each kind, to be looked for in names and on metrics. */
  const IDS = ['looked-for-stream', 'looked-for-flow', 'looked-for-tenant', 'looked-for-key'];

  async function everything() {
    let calls = 0;
    const { tracer, shop, close } = await traced(1, {
      fail: (amount) => {
        if (amount === 13 || (amount === 7 && calls++ === 0)) throw new TypeError('looked-for-key');
      },
      retry: { attempts: 2, delayMs: 1 },
    });
    const { app } = shop;
    app.bus.subscribe(OrderPlaced, () => undefined, { name: 'noticed' });
    const rule = { source: 'order.*', target: 'large' };
    app.router.add({ ...rule, name: 'is taken', condition: ({ type }) => type === 'order.placed' });
    app.router.add({ ...rule, name: 'is not', condition: () => false });
    const flow = Context.of({ correlationId: 'looked-for-flow', tenant: 'looked-for-tenant' });
    await flow.run(async () => {
      for (const amount of [5, 7, 13]) await shop.order(`looked-for-stream-${amount}`, amount);
      await shop.order('looked-for-stream-5', 5);
      await shop.order('looked-for-stream-5', 5);
      await app.bus.publish('order-looked-for-stream-1', [new OrderPlaced(1)]);
      await app.bus.publish('order-looked-for-stream-1', [new OrderLookedAt('1')], { transient: true });
      const stale = await app.repository(Order).load('looked-for-stream-5');
      await shop.order('looked-for-stream-5', 5);
      stale.place(1);
      await expect(app.repository(Order).save(stale)).rejects.toThrow();
    });
    await eventually(async () => (await app.subscriptions.parked('billing'))[0]?.state === 'dead');
    await app.projections.fill('orders');
    await app.projections.swap('orders');
    await eventually(() => tracer.named('rebuild orders').length > 0);
    await app.subscriptions.retry('billing', 'all', { actor: 'ann' });
    await eventually(() => tracer.named('deadletter order.placed').length > 1);
    await app.subscriptions.replay('billing', { from: 1 }, { actor: 'ann' });
    await eventually(() => tracer.named('replay billing').length > 0);
    await close();
    return tracer;
  }

  test('every span of it is made, with what it says there and no more; no name holds an id', async () => {
    const { spans } = await everything();
    const rowOf = (name: string) =>
      table.find((row) => row.name === name) ?? table.find((row) => like(row.name).test(name));
    const told = new Set(spans.flatMap(({ events }) => events.map((it) => it.name.replace(/ .*/, ''))));
    expect([...told].sort()).toEqual(['checkpoint', 'exception', 'progress', 'retry', 'route']);
    const routed = spans.flatMap(({ events }) => events).find(({ name }) => name === 'route order.placed');
    expect(routed!.attributes).toEqual({
      'backstory.rules.evaluated': 2,
      'backstory.rules.matched': 1,
      'backstory.rule.ids': ['is taken'],
    });
    const unknown = spans.filter(({ name }) => !rowOf(name)).map(({ name }) => name);
    expect(unknown).toEqual([]);
    const made = new Set(spans.map(({ name }) => rowOf(name)!.name));
    expect(table.map(({ name }) => name).filter((name) => !made.has(name))).toEqual([]);
    for (const { name, kind, attributes, parentSpanContext, events } of spans) {
      const row = rowOf(name)!;
      for (const event of events.filter((it) => it.name !== 'exception')) {
        const [, allowed] = Object.entries(row.events).find(([it]) => like(it).test(event.name))!;
        expect([event.name, Object.keys(event.attributes!).filter((it) => !allowed.includes(it))]).toEqual([
          event.name,
          [],
        ]);
      }
      const said = Object.keys(attributes).filter((it) => it !== 'error.type');
      expect([name, said.filter((it) => !row.attributes.includes(it))]).toEqual([name, []]);
      expect([name, SpanKind[kind]]).toEqual([name, row.kind.toUpperCase()]);
      if (row.parent === 'root' && !name.includes('bus.'))
        expect([name, parentSpanContext]).toEqual([name, undefined]);
      expect(IDS.filter((id) => name.includes(id))).toEqual([]);
    }
  });

  test('every metric of it that a seam reports is measured, told apart as it says there, and by no id', async () => {
    const { instrumentation } = await everything();
    const { resourceMetrics, errors } = await instrumentation.metricProducer.collect();
    expect(errors).toEqual([]);
    const found = new Map(
      resourceMetrics.scopeMetrics.flatMap((it) => it.metrics).map((it) => [it.descriptor.name, it]),
    );
    // Nothing was put on request to a second try, or folded wrongly; and what samplers see, they see for themselves.
    const others = ['backstory.dead_letter.reprocessed', 'backstory.apply.errors'];
    const expected = metrics.filter(({ name, source }) => source !== 'sampler' && !others.includes(name));
    expect(expected.map(({ name }) => name).filter((name) => !found.has(name))).toEqual([]);
    for (const { name, attributes } of metrics) {
      for (const point of found.get(name)?.dataPoints ?? []) {
        expect([name, Object.keys(point.attributes).filter((it) => !attributes.includes(it))]).toEqual([
          name,
          [],
        ]);
        const values = Object.values(point.attributes).join(' ');
        expect([name, IDS.filter((id) => values.includes(id))]).toEqual([name, []]);
        expect([name, /[0-9a-f]{8}-[0-9a-f]{4}/.test(values)]).toEqual([name, false]);
      }
    }
  });
});
