import { connect, createServer, type Socket } from 'node:net';

/** A line to a PostgreSQL server that can be disturbed. */
export interface Line {
  /** The given URL, through the line. */
  readonly url: string;
  /** The line goes dead: both ends stay connected and nothing passes. What is said meanwhile is lost. */
  stall(): void;
  restore(): void;
  /** Ends what is connected; new connections reach the server of this URL. */
  pointTo(url: string): void;
  close(): Promise<void>;
}

export async function openLine(url: string): Promise<Line> {
  const sockets = new Set<Socket>();
  let target = new URL(url);
  let stalled = false;
  const proxy = createServer((near) => {
    const far = connectTo(target);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(from);
      from.on('error', () => to.destroy());
      from.on('close', () => {
        sockets.delete(from);
        to.destroy();
      });
      from.on('data', (data) => void (stalled || to.write(data)));
    }
  });
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready));
  const cut = () => {
    for (const socket of sockets) socket.destroy();
  };
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((proxy.address() as { port: number }).port);
  return {
    url: through.href,
    stall: () => void (stalled = true),
    restore: () => void (stalled = false),
    pointTo(url) {
      target = new URL(url);
      cut();
    },
    async close() {
      cut();
      await new Promise((done) => proxy.close(done));
    },
  };
}

function connectTo({ hostname, port }: URL): Socket {
  const host = decodeURIComponent(hostname);
  return host.startsWith('/')
    ? connect(`${host}/.s.PGSQL.${port || 5432}`)
    : connect(Number(port || 5432), host);
}
