import { connect, createServer, type Socket } from 'node:net';

/** A line to a PostgreSQL server that can be disturbed. */
export interface Line {
  /** The given URL, through the line. */
  readonly url: string;
  /** What is connected stays so for both ends and says nothing any more, for good; nor does what connects meanwhile. */
  stall(): void;
  /** New connections pass again. */
  restore(): void;
  /** Of what this holds for the answer is lost: the server has done it by then, and the connection ends. */
  loseAnswers(isLost: (sent: Buffer) => boolean): void;
  /** Ends what is connected; new connections reach the server of this URL. */
  pointTo(url: string): void;
  close(): Promise<void>;
}

export async function openLine(url: string): Promise<Line> {
  const links = new Set<Link>();
  let target = new URL(url);
  let stalled = false;
  let isLost = (_sent: Buffer) => false;
  // Without half-open ends a dead line would still answer the end of one side with that of the other.
  const proxy = createServer({ allowHalfOpen: true }, (near) => {
    const link = new Link(
      near,
      connectTo(target),
      (sent) => isLost(sent),
      () => links.delete(link),
    );
    links.add(link);
    if (stalled) link.die();
  });
  await new Promise<void>((ready) => proxy.listen(0, '127.0.0.1', ready));
  const cut = () => {
    for (const link of links) link.cut();
  };
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((proxy.address() as { port: number }).port);
  return {
    url: through.href,
    stall() {
      stalled = true;
      for (const link of links) link.die();
    },
    restore: () => void (stalled = false),
    loseAnswers: (lost) => void (isLost = lost),
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

class Link {
  private dead = false;
  private isLosing = false;

  constructor(
    private readonly near: Socket,
    private readonly far: Socket,
    isLost: (sent: Buffer) => boolean,
    gone: () => void,
  ) {
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on('data', (data) => {
        if (this.dead) return;
        if (from === near) this.isLosing ||= isLost(data);
        else if (this.isLosing) return this.cut();
        to.write(data);
      });
      from.on('end', () => void (this.dead || to.end()));
      from.on('error', () => void (this.dead || to.destroy()));
      from.on('close', () => {
        if (!this.dead) to.destroy();
        if (near.destroyed && far.destroyed) gone();
      });
    }
  }

  die(): void {
    this.dead = true;
  }

  cut(): void {
    this.near.destroy();
    this.far.destroy();
  }
}

function connectTo({ hostname, port }: URL): Socket {
  const host = decodeURIComponent(hostname);
  const options = host.startsWith('/')
    ? { path: `${host}/.s.PGSQL.${port || 5432}` }
    : { host, port: Number(port || 5432) };
  return connect({ ...options, allowHalfOpen: true });
}
