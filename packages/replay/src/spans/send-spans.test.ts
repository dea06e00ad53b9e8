import { receiver } from '../../../../test/support/receiver.js';
import { sendSpans, type FlowSpans } from '../spans.js';

// The receivers are protocol doubles of a collector: they speak OTLP over HTTP.

let to: Awaited<ReturnType<typeof receiver>>;
afterEach(() => to.close());

const flow = (count: number): FlowSpans => ({
  traceId: 'a'.repeat(32),
  correlationId: 'long',
  events: count,
  spans: Array.from({ length: count }, (_, i) => ({
    spanId: String(i).padStart(16, '0'),
    name: 'append order',
    kind: 'producer',
    began: 1,
    ended: 2,
    attributes: { 'backstory.rebuilt': true, 'backstory.position': i },
    moments: [],
    service: i % 2 === 0 ? 'shop' : 'warehouse',
  })),
});

test('a long flow goes in several requests, by the application that recorded it', async () => {
  to = await receiver();
  await sendSpans(flow(1_500), { url: to.url });
  expect(
    to.received.map(({ body }) => body.resourceSpans.map((it: any) => it.scopeSpans[0].spans.length)),
  ).toEqual([
    [500, 500],
    [250, 250],
  ]);
  expect(to.spans[0].attributes).toEqual([
    { key: 'backstory.rebuilt', value: { boolValue: true } },
    { key: 'backstory.position', value: { intValue: '0' } },
  ]);
});

test('a collector that does not answer is not waited for longer than it may take, nor when the caller gives up', async () => {
  to = await receiver('hang');
  await expect(sendSpans(flow(1), { url: to.url, timeoutMs: 20 })).rejects.toMatchObject({
    code: 'BACKSTORY_SPANS_NOT_TAKEN',
    reason: 'did not answer within 20 ms',
  });
  const signal = AbortSignal.timeout(20);
  await expect(sendSpans(flow(1), { url: to.url, signal })).rejects.toThrow('aborted due to timeout');
});

test('a path before /v1/traces stays, and what is no URL of a collector is refused', async () => {
  to = await receiver();
  await sendSpans(flow(1), { url: `${to.url}/otlp/` });
  expect(to.received[0]!.path).toBe('/otlp/v1/traces');
  await expect(sendSpans(flow(1), { url: 'localhost:4318' })).rejects.toMatchObject({
    code: 'BACKSTORY_INVALID_OPTION',
  });
});
