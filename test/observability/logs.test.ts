import { once } from 'node:events';
import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { logs as otelLogs } from '@opentelemetry/api-logs';
import { InMemoryLogRecordExporter, LoggerProvider, SimpleLogRecordProcessor } from '@opentelemetry/sdk-logs';
import { Context } from 'backstory';
import {
  FlowSampler,
  Instrumentation,
  ObservabilityManager,
  type InstrumentationOptions,
  type LogOptions,
  type LogOutput,
} from '@backstory/observability';
import { eventually } from '../support/eventually.js';
import { openShop } from '../support/observed-shop.js';
import { spawnWorker } from '../support/spawn-worker.js';
import { tracing } from '../support/tracing.js';

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** Keeps what it is given. */
function kept() {
  const text: string[] = [];
  const lines = () => text.join('').split('\n').filter(Boolean);
  return {
    ...{ text, lines },
    output: { write: (it: string) => void text.push(it) } satisfies LogOutput,
    records: () => lines().map((line) => JSON.parse(line) as Record<string, unknown>),
  };
}

async function logging(logs: LogOptions, options: InstrumentationOptions = {}) {
  const instrumentation = new Instrumentation({
    ...{ tracer: false, serviceName: 'shop' },
    ...options,
    logs: { encoding: 'json', flushEveryMs: 0, ...logs },
  });
  closing.push(() => instrumentation.shutdown());
  await instrumentation.start();
  return instrumentation;
}

/** One order, billed at the second attempt, and everything that was written about it. */
async function written(logs: LogOptions, options: InstrumentationOptions = {}) {
  const out = kept();
  const instrumentation = await logging({ outputs: [out.output], ...logs }, options);
  let calls = 0;
  const shop = await openShop({
    observer: instrumentation.observer,
    retry: { attempts: 2, delayMs: 1 },
    fail: (amount) => {
      if (amount === 13 || calls++ === 0) throw new TypeError('no gateway');
    },
  });
  closing.push(() => shop.close());
  await Context.of({ correlationId: 'c-1' }).run(() => shop.order('1', 5));
  await shop.settled();
  await Context.of({ correlationId: 'c-2' }).run(() => shop.order('2', 13));
  await eventually(async () => (await shop.app.subscriptions.parked('billing'))[0]?.state === 'dead');
  await shop.close();
  await instrumentation.shutdown();
  const records = out.records();
  return { records, of: (type: string) => records.filter((it) => it['log_type'] === type) };
}

async function dropped(instrumentation: Instrumentation): Promise<unknown> {
  const { resourceMetrics } = await instrumentation.metricProducer.collect();
  const metrics = resourceMetrics.scopeMetrics.flatMap((it) => it.metrics);
  const points = metrics.find((it) => it.descriptor.name === 'backstory.telemetry.dropped')?.dataPoints ?? [];
  return points
    .filter(({ value }) => value !== 0)
    .map(({ attributes, value }) => [attributes['signal'], value]);
}

describe('the log of what happens', () => {
  test('has a line for each step of an event, with who, what, how long and of which flow', async () => {
    const { of } = await written({ level: 'debug' });
    const placed = { event_type: 'order.placed', stream: 'order-1', correlation_id: 'c-1', service: 'shop' };
    const billed = { ...placed, handler: 'billing.bill' };
    const seconds = expect.any(Number);
    expect(of('EVENT_CREATED')[0]).toMatchObject({ ...placed, level: 'debug', msg: 'Event created' });
    expect(of('EVENT_STORED')[0]).toMatchObject({ ...placed, status: 'success', duration: seconds });
    expect(of('EVENT_PUBLISHED')[0]).toMatchObject({ ...placed, source: 'shop' });
    expect(of('EVENT_PROCESSING')[0]).toMatchObject({ ...billed, attempt: 1 });
    expect(of('EVENT_ERROR')[0]).toMatchObject({
      ...{ ...billed, level: 'error', status: 'error', duration: seconds },
      ...{ error_type: 'TypeError', error: 'no gateway', stack: expect.stringContaining('TypeError') },
    });
    expect(of('EVENT_RETRY_QUEUED')[0]).toMatchObject({
      ...{ level: 'warn', event_type: 'order.placed', handler: 'billing.bill', attempt: 2 },
      delay: seconds,
    });
    expect(of('EVENT_RETRY_ATTEMPT')[0]).toMatchObject({ ...billed, attempt: 2 });
    expect(of('EVENT_COMPLETED')[0]).toMatchObject({ ...billed, status: 'success', attempt: 2 });
    expect(of('EVENT_DEAD_LETTERED')[0]).toMatchObject({
      ...{ level: 'error', key: 'order-2', handler: 'billing.bill', status: 'dead', reason: 'poison' },
      error_type: 'TypeError',
    });
    expect(of('BATCH_PROCESSED')[0]).toMatchObject({ level: 'info', events: 1, status: 'success' });
    expect(of('BATCH_COMPLETE')[0]).toMatchObject({ store: 'sqlite:shop.db', appends: 1 });
    const [created, stored] = [of('EVENT_CREATED')[0]!, of('EVENT_STORED')[0]!];
    expect([stored['event_id'], of('EVENT_PROCESSING')[0]!['event_id']]).toEqual([
      created['event_id'],
      created['event_id'],
    ]);
    const asked = of('EVENT_STORED').find((it) => it['event_type'] === 'payment.requested');
    expect(asked).toMatchObject({ causation_id: created['event_id'], correlation_id: 'c-1' });
    for (const { timestamp } of of('EVENT_STORED'))
      expect(new Date(String(timestamp)).toISOString()).toBe(timestamp);
  });

  test.each([1, 0])('names the span of each step, at a rate of %d', async (rate) => {
    const out = kept();
    const tracer = tracing(rate, { logs: { encoding: 'json', level: 'debug', outputs: [out.output] } });
    closing.push(() => tracer.close());
    await tracer.instrumentation.start();
    const shop = await openShop({
      observer: tracer.observer,
      retry: { attempts: 2, delayMs: 1 },
      fail: () => {
        throw new TypeError('no gateway');
      },
    });
    closing.push(() => shop.close());
    await Context.of({ correlationId: 'c-1' }).run(() => shop.order('1', 5));
    await eventually(async () => (await shop.app.subscriptions.parked('billing'))[0]?.state === 'dead');
    await shop.close();
    await tracer.instrumentation.shutdown();
    const nameOf = (id: unknown) => tracer.spans.find((it) => it.spanContext().spanId === id)?.name;
    const named = (type: string) =>
      out
        .records()
        .filter((it) => it['log_type'] === type)
        .map((it) => nameOf(it['span_id']));
    const [append, handling] = ['append order', 'process order.placed billing.bill'];
    if (rate === 1) {
      expect([named('EVENT_CREATED'), named('EVENT_STORED')]).toEqual([[append], [append]]);
      expect(named('EVENT_PROCESSING')).toEqual([handling]);
      expect([named('EVENT_RETRY_QUEUED'), named('EVENT_DEAD_LETTERED')]).toEqual([[handling], [handling]]);
      expect(named('BATCH_PROCESSED')).toContain('project orders');
    }
    expect(named('EVENT_ERROR')).toEqual([handling, handling]);
    const id = out.records().find((it) => it['log_type'] === 'EVENT_ERROR')!['event_id'];
    for (const type of ['EVENT_RETRY_QUEUED', 'EVENT_DEAD_LETTERED'])
      expect(out.records().find((it) => it['log_type'] === type)).toMatchObject({
        ...{ event_id: id, correlation_id: 'c-1' },
      });
  });

  test('tells at info of flows that are taken, and else of what fails', async () => {
    const steps = ['EVENT_STORED', 'EVENT_COMPLETED', 'EVENT_ERROR', 'EVENT_DEAD_LETTERED'];
    const counts = async (rate: number) => {
      const { of } = await written({}, { sampler: new FlowSampler(rate) });
      return [...steps, 'EVENT_CREATED'].map((type) => of(type).length > 0);
    };
    expect(await counts(0)).toEqual([false, false, true, true, false]);
    expect(await counts(1)).toEqual([true, true, true, true, false]);
  });

  test('never has what events carry', async () => {
    const { records } = await written({ level: 'debug' });
    expect(JSON.stringify(records)).not.toContain('amount');
  });

  test('names no event of the streams of the framework', async () => {
    const { records } = await written({ level: 'debug' });
    expect(records.filter((it) => String(it['stream']).startsWith('_'))).toEqual([]);
  });
});

describe('lines of your own', () => {
  beforeAll(() => context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable()));
  afterAll(() => context.disable());

  test('have the fields of their logger, and the flow and trace that are active', async () => {
    const out = kept();
    const { logger, shutdown } = await started(out.output);
    const request = logger.child({ request: 7 }).child({ user: 'ann' });
    const span = { traceId: '4bf92f3577b34da6a3ce929d0e0e4736', spanId: '00f067aa0ba902b7', traceFlags: 1 };
    Context.of({ correlationId: 'c-1', causationId: 'e-1' }).run(() =>
      context.with(trace.setSpanContext(context.active(), span), () => request.info('Hello', { n: 1 })),
    );
    logger.debug('not at this level');
    logger.warn('Odd', { error: new RangeError('too far') });
    await shutdown();
    expect(out.records()).toEqual([
      {
        ...{ level: 'info', timestamp: expect.any(String), service: 'shop', msg: 'Hello', n: 1 },
        ...{ request: 7, user: 'ann', correlation_id: 'c-1', causation_id: 'e-1' },
        ...{ trace_id: span.traceId, span_id: span.spanId },
      },
      expect.objectContaining({ level: 'warn', error: 'too far', error_type: 'RangeError' }),
    ]);
  });

  test('say where they are written, if they are to', async () => {
    const out = kept();
    const { logger, shutdown } = await started(out.output, { caller: true });
    logger.child({ a: 1 }).error('Here');
    await shutdown();
    expect(out.records()[0]!['caller']).toMatch(/logs\.test\.ts:\d+$/);
  });

  test('are readable on a console', async () => {
    const out = kept();
    const { logger, shutdown } = await started(out.output, { encoding: 'console', stackTrace: true });
    logger.info('Hello there', { n: 1, who: 'ann lee' });
    logger.error('Broken', { error: new Error('x') });
    await shutdown();
    const [first, second, third] = out.lines();
    expect(first).toMatch(/^\d\d:\d\d:\d\d\.\d{3} INFO {2}Hello there {2}n=1 {2}who="ann lee"$/);
    expect(second).toMatch(/ ERROR Broken {2}error=x {2}error_type=Error$/);
    expect(third).toBe('Error: x');
  });

  test('leave alone the names that every line has', async () => {
    const fields = { level: 7, timestamp: 'never', service: 'other', msg: 'mine', n: 1 };
    const text = { json: kept(), console: kept() };
    for (const encoding of ['json', 'console'] as const) {
      const { logger, shutdown } = await started(text[encoding].output, { encoding });
      logger.child({ service: 'child' }).info('Hello', fields);
      await shutdown();
    }
    const [line] = text.json.lines();
    expect(line!.match(/"(level|timestamp|service|msg)":/g)).toHaveLength(4);
    expect(text.json.records()).toEqual([
      {
        ...{ level: 'info', timestamp: expect.any(String), service: 'shop', msg: 'Hello', n: 1 },
        ...{ field_level: 7, field_timestamp: 'never', field_service: 'other', field_msg: 'mine' },
      },
    ]);
    expect(text.console.lines()).toEqual([
      expect.stringMatching(
        / INFO {2}Hello {2}field_service=other {2}field_level=7 {2}field_timestamp=never {2}field_msg=mine {2}n=1$/,
      ),
    ]);
  });

  test('are log records of OpenTelemetry where an SDK is present', async () => {
    const exporter = new InMemoryLogRecordExporter();
    const provider = new LoggerProvider({ processors: [new SimpleLogRecordProcessor({ exporter })] });
    otelLogs.setGlobalLoggerProvider(provider);
    try {
      const { logger, shutdown } = await started(kept().output);
      logger.warn('Odd', { log_type: 'STOCK_LOW', left: 2 });
      await shutdown();
      const [record] = exporter.getFinishedLogRecords();
      expect(record).toMatchObject({ body: 'Odd', severityText: 'warn', eventName: 'STOCK_LOW' });
      expect(record!.attributes).toEqual({ left: 2 });
    } finally {
      otelLogs.disable();
      await provider.shutdown();
    }
  });

  test('are not written before the application starts, nor after it has ended', async () => {
    const out = kept();
    const manager = new ObservabilityManager({
      ...{ serviceName: 'shop', tracing: { enabled: false }, metrics: { enabled: false } },
      logs: { outputs: [out.output], encoding: 'json' },
    });
    manager.logger.error('before');
    await manager.start();
    manager.logger.error('during');
    await manager.shutdown();
    manager.logger.error('after');
    expect(out.records().map((it) => it['msg'])).toEqual(['during']);
  });
});

async function started(output: LogOutput, logs: LogOptions = {}) {
  const instrumentation = await logging({ outputs: [output], ...logs });
  return { logger: instrumentation.logger, shutdown: () => instrumentation.shutdown() };
}

describe('whatever becomes of the log, the application does not notice:', () => {
  test('an output that throws, one that rejects, and lines that cannot be written are counted', async () => {
    const out = kept();
    const throwing = {
      write: () => {
        throw new Error('x');
      },
    };
    const rejecting = { write: () => Promise.reject(new Error('y')) };
    const outputs = [throwing, rejecting, out.output];
    const instrumentation = await logging({ outputs });
    instrumentation.logger.info('a');
    const evil = {
      get trap(): string {
        throw new Error('z');
      },
    };
    instrumentation.logger.info('b', evil);
    await instrumentation.shutdown();
    expect(out.lines()).toHaveLength(1);
    expect(await dropped(instrumentation)).toEqual([['logs', 3]]);
  });

  test('what an output that hangs has no room for is dropped and counted', async () => {
    let release = () => undefined as void;
    const hanging = { write: () => new Promise<void>((resolve) => (release = resolve)) };
    const instrumentation = await logging({ outputs: [hanging], maxBuffered: 1_000 });
    for (let i = 0; i < 10; i++) instrumentation.logger.info('x'.repeat(400));
    expect(await dropped(instrumentation)).toEqual([['logs', expect.any(Number)]]);
    const ended = instrumentation.shutdown();
    const letGo = setInterval(() => release(), 1);
    await ended;
    clearInterval(letGo);
  });

  // A device that is always full.
  (process.platform === 'linux' ? test : test.skip)('a full disk', async () => {
    const instrumentation = await logging({ outputs: ['/dev/full'] });
    for (let i = 0; i < 3; i++) instrumentation.logger.info('a');
    await instrumentation.shutdown();
    expect(await dropped(instrumentation)).toEqual([['logs', 3]]);
  });
});

describe('a file of the log', () => {
  let folder: string;
  beforeEach(async () => void (folder = await fs.mkdtemp(path.join(os.tmpdir(), 'logs-'))));
  afterEach(() => fs.rm(folder, { recursive: true }));
  const messages = async (file: string) =>
    (await fs.readFile(path.join(folder, file), 'utf8'))
      .split('\n')
      .filter(Boolean)
      .map((line) => (JSON.parse(line) as { msg: string }).msg);

  test('is made with its folder, added to, and opened anew when it was renamed', async () => {
    const file = path.join(folder, 'deep/shop.log');
    const instrumentation = await logging({ outputs: [file] });
    instrumentation.logger.info('one');
    await eventually(async () => (await messages('deep/shop.log').catch(() => [])).length === 1);
    await fs.rename(file, `${file}.1`);
    instrumentation.logger.info('two');
    await eventually(async () => (await messages('deep/shop.log.1')).length === 2);
    instrumentation.logger.info('three');
    await instrumentation.reopenLogs();
    instrumentation.logger.info('four');
    await instrumentation.shutdown();
    expect(await messages('deep/shop.log.1')).toEqual(['one', 'two', 'three']);
    expect(await messages('deep/shop.log')).toEqual(['four']);
  });

  // So much is written at once: when the process exits, the file is being opened for it.
  const [much, few] = ['x'.repeat(20_000), 'last words'];
  test.each([[[few]], [[much]], [[much, few]]])(
    'has what was said last, where the process exits without waiting (%#)',
    async (lines) => {
      const file = path.join(folder, 'not/there/shop.log');
      const worker = spawnWorker(path.join(__dirname, 'exiting.worker.ts'), [file, ...lines]);
      await once(worker, 'exit');
      expect(await fs.readFile(file, 'utf8')).toMatch(new RegExp(`^.*${lines.join('.*\\n.*')}.*\\n$`));
    },
  );

  test('is written to the end before nobody listens for the end of the process', async () => {
    let release = () => undefined as void;
    const output = { write: () => new Promise<void>((resolve) => (release = resolve)) };
    const listeners = () => [process.listenerCount('exit'), process.listenerCount('SIGHUP')];
    const before = listeners();
    const instrumentation = await logging({ outputs: [output], reopenOnHangup: true });
    const during = listeners();
    instrumentation.logger.info('one');
    const ended = instrumentation.shutdown();
    expect(during).toEqual(before.map((it) => it + 1));
    expect(listeners()).toEqual(during);
    release();
    await ended;
    expect(listeners()).toEqual(before);
  });

  test('is opened anew at SIGHUP, and nobody listens for it afterwards', async () => {
    const before = process.listenerCount('SIGHUP');
    const file = path.join(folder, 'shop.log');
    const instrumentation = await logging({ outputs: [file] });
    instrumentation.logger.info('one');
    await eventually(async () => (await messages('shop.log').catch(() => [])).length === 1);
    await fs.rename(file, `${file}.1`);
    process.emit('SIGHUP');
    await eventually(async () => (await messages('shop.log').catch(() => undefined)) !== undefined);
    instrumentation.logger.info('two');
    await instrumentation.shutdown();
    expect([await messages('shop.log.1'), await messages('shop.log')]).toEqual([['one'], ['two']]);
    expect(process.listenerCount('SIGHUP')).toBe(before);
  });
});
