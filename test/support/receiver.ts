import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A collector that keeps what it is sent, as JSON, by path; or answers as `answer` says. */
export async function receiver(answer: 'take' | 'refuse' | 'hang' = 'take') {
  const received: { readonly path: string; readonly body: any }[] = [];
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      received.push({ path: request.url!, body: JSON.parse(Buffer.concat(parts).toString()) });
      if (answer === 'take') response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
      if (answer === 'refuse') response.writeHead(400).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    /** The spans of OTLP, with what they say of where they come from. */
    get spans(): readonly any[] {
      return received
        .filter(({ path }) => path === '/v1/traces')
        .flatMap(({ body }) => body.resourceSpans)
        .flatMap(({ scopeSpans }) => scopeSpans)
        .flatMap(({ spans }) => spans);
    },
    async close(): Promise<void> {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}
