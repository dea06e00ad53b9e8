import { ObservabilityManager, type ObservabilityOptions } from '@backstory/observability';
import { postgres } from '@backstory/postgres';
import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  type App,
} from 'backstory';
import { reaction, subscriber } from 'backstory/subscriptions';

// The shop's command: load, two events, and a handler for one of them.

@DomainEvent('order.placed')
class OrderPlaced {
  constructor(readonly amount: number) {}
}
@DomainEvent('order.noted')
class OrderNoted {
  constructor(readonly text: string) {}
}

@Aggregate('order')
class Order extends EventSourcedAggregate {
  amount = 0;
  place(amount: number) {
    this.raise(new OrderPlaced(amount));
    this.raise(new OrderNoted('as a present'));
  }
  @EventHandler(OrderPlaced) protected placed({ amount }: OrderPlaced) {
    this.amount += amount;
  }
  @EventHandler(OrderNoted) protected noted() {}
}

/** Where a process is scraped, once it is there. */
export interface Ready {
  readonly metricsPort?: number | undefined;
}
/** What a process is to do, and what it did: one command after another, until their events are handled. */
export interface Ordered {
  readonly commands: number;
}
export interface Done {
  /** Of this process, microseconds a command. */
  readonly cpu: number;
  readonly p50: number;
  readonly p99: number;
  /** Bytes, after the garbage was collected. */
  readonly memory: number;
}

let next = 0;

async function run(app: App, { commands }: Ordered): Promise<Done> {
  const orders = app.repository(Order);
  const took: number[] = [];
  const before = process.cpuUsage();
  for (let i = 0; i < commands; i++) {
    const began = performance.now();
    // Each order is loaded by the next command with it.
    await orders.update(String(next++ >> 1), (it) => it.place(1), { create: true, command: 'PlaceOrder' });
    took.push(performance.now() - began);
  }
  const { head } = await app.events.identity();
  await app.handled('desk', head);
  const { user, system } = process.cpuUsage(before);
  took.sort((a, b) => a - b);
  globalThis.gc?.();
  return {
    cpu: (user + system) / commands,
    p50: took[commands >> 1]!,
    p99: took[Math.floor(commands * 0.99)]!,
    memory: process.memoryUsage().rss,
  };
}

async function main(): Promise<void> {
  const { url, observed } = JSON.parse(process.argv[2]!) as {
    readonly url: string;
    readonly observed?: ObservabilityOptions;
  };
  const desk = subscriber({ name: 'desk', on: [reaction(OrderPlaced, async () => {}, { name: 'look' })] });
  const manager = observed && new ObservabilityManager(observed);
  const app = await defineBackstory({
    name: 'shop',
    store: postgres(url),
    aggregates: [Order],
    subscribers: [desk],
    ...(manager && { observability: manager }),
  }).start();
  process.on('message', (ordered: Ordered) => {
    void run(app, ordered).then((done) => process.send!(done));
  });
  process.on('disconnect', () => void app.close().then(() => process.exit(0)));
  process.send!({ metricsPort: manager?.metricsPort } satisfies Ready);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exit(1);
});
