import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What is posted to it of one alert, as Alertmanager's OpenAPI document has it. */
export interface PostedAlert {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly startsAt: string;
  readonly endsAt: string;
  readonly generatorURL?: string;
}

/**
 * A double of Alertmanager's protocol, version 2 of its API: takes `POST /api/v2/alerts`, refuses what is not valid, and keeps what it was
 * sent. `answer`: it takes it, refuses everything, or never answers.
 */
export async function alertmanagerDouble() {
  const posts: (readonly PostedAlert[])[] = [];
  const authorizations: (string | undefined)[] = [];
  const how: { answer: 'take' | 'refuse' | 'hang' } = { answer: 'take' };
  const server = createServer((request, response) => {
    const parts: Buffer[] = [];
    request.on('data', (part: Buffer) => parts.push(part));
    request.on('end', () => {
      authorizations.push(request.headers.authorization);
      const isThere = request.method === 'POST' && request.url === '/api/v2/alerts';
      if (!isThere) return response.writeHead(404).end();
      const alerts = JSON.parse(Buffer.concat(parts).toString()) as readonly PostedAlert[];
      posts.push(alerts);
      if (how.answer === 'hang') return undefined;
      const isTaken = how.answer === 'take' && alerts.every(isValid);
      return response.writeHead(isTaken ? 200 : 400).end(isTaken ? undefined : '"bad alert"');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ how, posts, authorizations },
    async close(): Promise<void> {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
    },
  };
}

function isValid({ labels, annotations, startsAt, endsAt, generatorURL = 'http://a' }: PostedAlert): boolean {
  const isText = ([name, value]: readonly [string, unknown]) => LABEL.test(name) && typeof value === 'string';
  return (
    [...Object.entries(labels), ...Object.entries(annotations)].every(isText) &&
    labels['alertname'] !== undefined &&
    INSTANT.test(startsAt) &&
    INSTANT.test(endsAt) &&
    startsAt <= endsAt &&
    URL.canParse(generatorURL)
  );
}

const LABEL = /^[a-zA-Z_][a-zA-Z0-9_]*$/;
const INSTANT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/;
