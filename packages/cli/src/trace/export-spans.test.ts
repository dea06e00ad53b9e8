import fs from 'node:fs';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { fillShop, openShop, type Shop } from '../../../../test/support/shop';
import { receiver } from '../../../../test/support/receiver.js';
import { runCli, runJson } from '../../../../test/support/run-cli.js';

// The receivers are protocol doubles of a collector: they speak OTLP over HTTP.

let definition: Shop;
let ids: Awaited<ReturnType<typeof fillShop>>;
let cwd: string;
const closing: (() => Promise<void>)[] = [];

beforeEach(async () => {
  const shop = await openShop();
  definition = shop.definition;
  ids = await fillShop(shop.app);
  cwd = fs.mkdtempSync(path.join(os.tmpdir(), 'spans-'));
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  fs.rmSync(cwd, { recursive: true });
});

const show = (...argv: string[]) => runCli(['trace', ...argv], { definition, cwd });
const read = (...argv: string[]) => runJson(['trace', ...argv], { definition, cwd });

async function collector(answer?: Parameters<typeof receiver>[0]) {
  const made = await receiver(answer);
  closing.push(() => made.close());
  return made;
}

/** A collector that answers so. */
async function answering(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

test('a flow goes to a collector, the same bytes each time', async () => {
  const to = await collector();
  const { exitCode, stdout, stderr } = await show('export', ids.correlationId, '--otlp', to.url);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  const [traceId] = to.spans.map((it) => it.traceId as string);
  expect(stdout).toBe(
    `3 spans of 3 events sent to ${to.url}\nflow  ${ids.correlationId}\ntrace ${traceId}\n`,
  );
  await show('export', ids.paid, '--otlp', `${to.url}/v1/traces`);
  const [first, second] = to.received;
  expect(first!.path).toBe('/v1/traces');
  expect(second).toEqual(first);
  expect(to.spans.slice(0, 3).map(({ name, kind }) => [name, kind])).toEqual([
    ['append cart', 4],
    ['append payment', 4],
    ['append cart', 4],
  ]);
  const [cart, payment] = to.spans;
  expect(payment.parentSpanId).toBe(cart.spanId);
  expect(cart).toMatchObject({ status: {}, endTimeUnixNano: expect.stringMatching(/^\d{13}000000$/) });
  expect(first!.body.resourceSpans[0].resource.attributes).toEqual([
    { key: 'service.name', value: { stringValue: 'shop' } },
  ]);
});

test('a collector is told the headers that OpenTelemetry knows', async () => {
  let told: unknown;
  const url = await answering((request, response) => {
    told = [request.headers['api-key'], request.headers['x-scope']];
    response.end('{"partialSuccess":{}}');
  });
  const env = { OTEL_EXPORTER_OTLP_HEADERS: 'api-key=a=b, x-scope=my%20shop' };
  const ran = await runCli(['trace', 'export', ids.paid, '--otlp', url], { definition, cwd, env });
  expect([ran.exitCode, told]).toEqual([0, ['a=b', 'my shop']]);
});

test('a file has the same, a request in each line, and is not written over', async () => {
  const to = await collector();
  await show('export', ids.correlationId, '--otlp', to.url);
  const { envelope } = await read('export', ids.correlationId, '--file', 'flow.jsonl');
  expect(envelope.data).toEqual({
    correlationId: ids.correlationId,
    traceId: to.spans[0].traceId,
    spans: 3,
    events: 3,
    file: 'flow.jsonl',
  });
  const text = fs.readFileSync(path.join(cwd, 'flow.jsonl'), 'utf8');
  expect(
    text
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual([to.received[0]!.body]);
  const again = await read('export', ids.correlationId, '--file', 'flow.jsonl');
  expect(again).toMatchObject({ exitCode: 2, envelope: { error: { facts: { reason: 'file-in-use' } } } });
  expect(again.envelope.error!.message).toContain('another --file');
  expect(fs.readFileSync(path.join(cwd, 'flow.jsonl'), 'utf8')).toBe(text);
});

test('a part of a long flow says that it is one', async () => {
  const { stderr } = await show('export', ids.paid, '--limit', '2', '--file', 'part.jsonl');
  expect(stderr).toBe(
    'Only the first 2 events of this flow have spans: give a larger --limit, 10000 at most.\n',
  );
});

test('what is no export, or goes nowhere, is refused with what to say', async () => {
  const url = 'http://localhost:4318';
  for (const [argv, message] of [
    [['export', ids.paid], 'Say where to, either --otlp <url> or --file <file>.'],
    [
      ['export', ids.paid, '--otlp', url, '--file', 'x'],
      'Say where to, either --otlp <url> or --file <file>.',
    ],
    [['export', ids.paid, '--otlp', 'collector:4318'], 'Give the URL of a collector'],
    [['send', ids.paid, '--otlp', url], `backstory trace export ${ids.paid}`],
    [[ids.paid, '--otlp', url], '--otlp is for an export'],
    [[ids.paid, '--file', 'x'], '--file is for an export'],
  ] as const) {
    const { exitCode, stderr } = await show(...argv);
    expect([exitCode, stderr]).toEqual([2, expect.stringContaining(message)]);
  }
  const missing = await read('export', 'nope', '--file', 'x');
  expect(missing).toMatchObject({
    exitCode: 1,
    envelope: { error: { code: 'BACKSTORY_FLOW_NOT_FOUND' } },
  });
  expect(fs.readdirSync(cwd)).toEqual([]);
});

test('a flow that is called export is shown', async () => {
  expect(await read('export')).toMatchObject({
    exitCode: 1,
    envelope: { error: { code: 'BACKSTORY_FLOW_NOT_FOUND' } },
  });
});

test('a collector that does not take it says why, and it can be sent again', async () => {
  const refusing = await collector('refuse');
  const partly = await answering((_, response) =>
    response.end('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'),
  );
  const gone = await answering(() => undefined);
  await closing.pop()!();
  for (const [url, reason] of [
    [refusing.url, 'answered 400'],
    [partly, 'did not take 2 spans: too old'],
    [gone, 'cannot be reached (ECONNREFUSED)'],
  ] as const) {
    const { exitCode, envelope } = await read('export', ids.paid, '--otlp', url);
    expect({ exitCode, error: envelope.error }).toEqual({
      exitCode: 3,
      error: {
        code: 'BACKSTORY_SPANS_NOT_TAKEN',
        message: `${url}/v1/traces ${reason}. Send them again when it takes them, which does no harm; or write them to a file.`,
        facts: { url: `${url}/v1/traces`, reason },
      },
    });
  }
});
