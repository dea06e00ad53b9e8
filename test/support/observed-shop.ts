import fs from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Observer } from '@backstory/core/observe';
import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  defineBackstory,
  sqlite,
  type App,
} from 'backstory';
import { projection } from 'backstory/projection';
import { reaction, subscriber, type SubscriptionOptions } from 'backstory/subscriptions';
import { IN_TIME } from './eventually.js';

@DomainEvent('order.placed')
export class OrderPlaced {
  constructor(readonly amount: number) {}
}
@DomainEvent('payment.requested')
export class PaymentRequested {
  constructor(readonly amount: number) {}
}
/** Nobody records it: the bus hands it out. */
@DomainEvent('order.looked-at')
export class OrderLookedAt {
  constructor(readonly order: string) {}
}

@Aggregate('order', { snapshots: { every: 2 } })
export class Order extends EventSourcedAggregate {
  amount = 0;
  place(amount: number) {
    if (amount < 0) throw new Error('Nobody pays less than nothing.');
    this.raise(new OrderPlaced(amount));
  }
  @EventHandler(OrderPlaced) protected placed(event: OrderPlaced) {
    this.amount += event.amount;
  }
}

@Aggregate('payment')
export class Payment extends EventSourcedAggregate {
  asked = 0;
  request(amount: number) {
    this.raise(new PaymentRequested(amount));
  }
  @EventHandler(PaymentRequested) protected requested(event: PaymentRequested) {
    this.asked += event.amount;
  }
}

export const Orders = projection('orders', {
  version: 1,
  initial: { amount: 0 },
  events: { OrderPlaced },
  fold: { OrderPlaced: (document, { amount }) => ({ amount: document.amount + amount }) },
});

export const Revenue = projection('revenue', {
  version: 1,
  key: () => 'all',
  initial: { amount: 0 },
  events: { PaymentRequested },
  fold: { PaymentRequested: (document, { amount }) => ({ amount: document.amount + amount }) },
});

/**
 * Orders, a second aggregate that follows from them by a subscription, and a read model of each; in a database of its own.
 * `fail` may throw in the handler.
 */
export async function openShop({
  observer,
  fail = () => undefined,
  ...options
}: {
  readonly observer: Observer;
  readonly fail?: (amount: number) => void;
} & SubscriptionOptions) {
  const folder = await fs.mkdtemp(path.join(os.tmpdir(), 'observed-'));
  const billing = (app: App) =>
    subscriber({
      name: 'billing',
      on: [
        reaction(
          OrderPlaced,
          async ({ amount }, { stream }) => {
            fail(amount);
            await app
              .repository(Payment)
              .update(stream, (it) => it.request(amount), { create: true, command: 'RequestPayment' });
          },
          { name: 'bill' },
        ),
      ],
      checkpointMs: 20,
      ...options,
    });
  const shop = defineBackstory({
    name: 'shop',
    store: sqlite(path.join(folder, 'shop.db')),
    aggregates: [Order, Payment],
    events: [OrderLookedAt],
    subscribers: [billing],
    projections: [Orders, Revenue],
    observer,
  });
  const app = await shop.start();
  return {
    app,
    order: (id: string, amount = 5) =>
      app.repository(Order).update(id, (it) => it.place(amount), { create: true, command: 'PlaceOrder' }),
    /** Everything that follows from what was recorded so far is done. */
    async settled(): Promise<void> {
      await app.handled('billing', (await app.events.identity()).head);
      const { head } = await app.events.identity();
      await app.caughtUp(Orders, head, IN_TIME);
      await app.caughtUp(Revenue, head, IN_TIME);
    },
    async close(): Promise<void> {
      await app.close();
      await fs.rm(folder, { recursive: true, force: true });
    },
  };
}
