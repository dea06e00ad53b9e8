import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import { Context, defineBackstory, memory, type App } from 'backstory';
import express, { type Request } from 'express';
import fastify, { type FastifyRequest } from 'fastify';
import {
  expressContext,
  fastifyContext,
  httpContext,
  type RequestContextOptions,
} from '@backstory/observability/http';
import { OrderPlaced, Order } from '../support/observed-shop.js';

let app: App;
const closing: (() => Promise<unknown>)[] = [];
beforeEach(async () => {
  app = await defineBackstory({ name: 'shop', store: memory(), aggregates: [Order] }).start();
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
  await app.close();
});

/** Records two orders, one after the other. */
async function placed(): Promise<void> {
  for (const id of ['1', '2']) await app.record(`order-${id}`, [new OrderPlaced(1)]);
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** What answers orders, with each kind of server. */
const SERVERS: Readonly<Record<string, (options?: RequestContextOptions) => Promise<string>>> = {
  async fastify(options = {}) {
    const server = fastify();
    await server.register(fastifyContext(options));
    server.post('/orders', async () => {
      await placed();
      return {};
    });
    closing.push(() => server.close());
    return server.listen({ port: 0, host: '127.0.0.1' });
  },
  async express(options = {}) {
    const server = express();
    server.use(expressContext(options));
    server.use(express.json());
    server.post('/orders', async (_, response) => {
      await placed();
      response.json({});
    });
    return listening(createServer(server as RequestListener));
  },
  async 'node:http'(options = {}) {
    const orders = async (request: IncomingMessage, response: ServerResponse) => {
      for await (const part of request) expect(part).toBeDefined();
      await placed();
      response.end('{}');
    };
    return listening(createServer(httpContext(orders, options)));
  },
};

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';

async function post(url: string, headers: Record<string, string>) {
  return fetch(`${url}/orders`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ lines: [] }),
  });
}

async function metadata(): Promise<readonly Record<string, unknown>[]> {
  const found: Record<string, unknown>[] = [];
  for await (const page of app.events.readAll())
    found.push(...page.events.map((it) => JSON.parse(it.metadata) as Record<string, unknown>));
  return found;
}

describe.each(Object.entries(SERVERS))('with %s', (_, serve) => {
  test('what is recorded for a request has its flow and trace, and of who asks only what the server knows', async () => {
    const url = await serve({ fields: ({ headers }) => ({ actor: String(headers['authorization']) }) });
    const response = await post(url, {
      'x-correlation-id': 'request%207',
      traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
      'x-actor': 'mallory',
      'x-tenant': 'mallory',
      authorization: 'ann',
    });
    expect([response.status, response.headers.get('x-correlation-id')]).toEqual([200, 'request%207']);
    const recorded = await metadata();
    expect(recorded).toHaveLength(2);
    for (const it of recorded) {
      expect(it).toMatchObject({
        correlationId: 'request 7',
        actor: 'ann',
        traceparent: `00-${TRACE}-00f067aa0ba902b7-01`,
      });
      expect(it).not.toHaveProperty('tenant');
    }
  });

  test('a request without a flow is one of its own, and is told its name', async () => {
    const url = await serve();
    const answers = [await post(url, {}), await post(url, { b3: `${TRACE}-00f067aa0ba902b7-0` })];
    const names = answers.map(({ headers }) => headers.get('x-correlation-id'));
    const recorded = await metadata();
    expect(recorded.map(({ correlationId }) => correlationId)).toEqual([
      ...[names[0], names[0]],
      ...[names[1], names[1]],
    ]);
    expect(names[0]).not.toBe(names[1]);
    expect(recorded[0]).not.toHaveProperty('traceparent');
    expect(recorded[2]).toMatchObject({ traceparent: `00-${TRACE}-00f067aa0ba902b7-00` });
  });

  test('a service of your own is believed, and a proxy may have a header of its own', async () => {
    const url = await serve({ trust: 'all', correlationHeader: 'X-Request-Id' });
    const response = await post(url, { 'x-request-id': 'r-1', 'x-actor': 'ann', 'x-tenant': 'acme' });
    expect(response.headers.get('x-request-id')).toBe('r-1');
    expect((await metadata())[1]).toMatchObject({ correlationId: 'r-1', actor: 'ann', tenant: 'acme' });
  });

  test('requests that come together do not share anything', async () => {
    const url = await serve();
    const names = Array.from({ length: 10 }, (_none, i) => `flow-${i}`);
    const answers = await Promise.all(names.map((it) => post(url, { 'x-correlation-id': it })));
    expect(answers.map(({ status }) => status)).toEqual(names.map(() => 200));
    const recorded = (await metadata()).map(({ correlationId }) => correlationId);
    expect(recorded.sort()).toEqual([...names, ...names].sort());
  });

  test('options that mean nothing are refused', async () => {
    const options = { trust: 'some' } as unknown as RequestContextOptions;
    await expect(serve(options)).rejects.toMatchObject({ code: 'BACKSTORY_INVALID_OPTION' });
  });
});

test('fields that cannot be are the error of the request, not of the server', async () => {
  const fields = () => ({ actor: 7 }) as unknown as { actor: string };
  const warned = jest.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
  for (const serve of Object.values(SERVERS)) {
    const url = await serve({ fields });
    expect((await post(url, {})).status).toBe(500);
  }
  expect(await metadata()).toEqual([]);
  expect(warned.mock.calls).toEqual([[expect.objectContaining({ name: expect.any(String) as string })]]);
  warned.mockRestore();
});

test('with Fastify and Express fields see what their own requests have', async () => {
  const web = express();
  web.use(expressContext<Request>({ fields: (request) => ({ command: request.path }) }));
  web.get('/look', async (_, response) => {
    await app.record('order-9', [new OrderPlaced(1)]);
    response.json({});
  });
  await fetch(`${await listening(createServer(web as RequestListener))}/look`);
  const api = fastify();
  await api.register(fastifyContext<FastifyRequest>({ fields: ({ url }) => ({ command: url }) }));
  let inHook: string | undefined;
  api.addHook('onRequest', async () => void (inHook = Context.current().fields.correlationId));
  api.get('/see', () => app.record('order-9', [new OrderPlaced(1)]).then(() => ({})));
  closing.push(() => api.close());
  const headers = { 'x-correlation-id': 'seen' };
  await fetch(`${await api.listen({ port: 0, host: '127.0.0.1' })}/see`, { headers });
  expect(inHook).toBe('seen');
  expect((await metadata()).map(({ command }) => command)).toEqual(['/look', '/see']);
});
