import { Context, type RecordedEvent, type Storage } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import { MemoryStateStore } from '@backstory/core/state';
import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  Ignores,
  defineBackstory,
} from 'backstory';

@DomainEvent('cart.opened')
export class Opened {
  constructor(readonly owner: string) {}
}
@DomainEvent('cart.line-added')
export class LineAdded {
  constructor(
    readonly sku: string,
    readonly quantity: number,
  ) {}
}
@DomainEvent('cart.line-removed')
export class LineRemoved {
  constructor(readonly sku: string) {}
}
@DomainEvent('cart.priced')
export class Priced {
  constructor(readonly prices: Readonly<Record<string, number>>) {}
}
@DomainEvent('cart.noted')
export class Noted {
  constructor(readonly text: string) {}
}
@DomainEvent('cart.broken')
export class Broken {
  constructor(readonly how: 'throw' | 'nan') {}
}
@DomainEvent('payment.taken')
export class PaymentTaken {
  constructor(readonly amount: number) {}
}

@Aggregate('cart')
@Ignores(Noted)
export class Cart extends EventSourcedAggregate {
  owner: string | undefined;
  lines: { sku: string; quantity: number }[] = [];
  prices: Record<string, number> = {};
  open(owner: string) {
    this.raise(new Opened(owner));
  }
  add(sku: string, quantity: number) {
    this.raise(new LineAdded(sku, quantity));
  }
  @EventHandler(Opened) protected opened(event: Opened) {
    this.owner = event.owner;
  }
  @EventHandler(LineAdded) protected lineAdded({ sku, quantity }: LineAdded) {
    const line = this.lines.find((it) => it.sku === sku);
    if (line) line.quantity += quantity;
    else this.lines.push({ sku, quantity });
  }
  @EventHandler(LineRemoved) protected lineRemoved({ sku }: LineRemoved) {
    this.lines = this.lines.filter((it) => it.sku !== sku);
  }
  @EventHandler(Priced) protected priced({ prices }: Priced) {
    this.prices = { ...prices };
  }
  @EventHandler(Broken) protected broken({ how }: Broken) {
    if (how === 'throw') throw new RangeError('no such shelf');
    this.prices = { total: NaN };
  }
}

/** The time of the first event that a shop records; each event after it comes one second later. */
export const BEGIN = Date.parse('2026-11-20T12:00:00.000Z');

/** Apps of the test that is running: one that is left open looks for what is scheduled, and no Jest ends beside it. */
const opened: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const app of opened.splice(0)) await app.close();
});

/** A shop in memory whose clock ticks one second an append. */
export async function openShop() {
  let ticks = 0;
  const definition = shopOn(storage(new MemoryEventStore({ now: () => BEGIN + 1_000 * ticks++ })));
  const app = await definition.start();
  opened.push(app);
  return { definition, app };
}

export function shopOn(store: Storage) {
  return defineBackstory({ name: 'shop', store, aggregates: [Cart], events: [PaymentTaken] });
}

export type Shop = ReturnType<typeof shopOn>;
export type ShopApp = Awaited<ReturnType<Shop['start']>>;

/** Cart 1 in four versions, and what followed from its last: a payment and a note in another cart. */
export async function fillShop(app: ShopApp) {
  const by = (actor: string, command: string) => Context.of({ actor, command });
  await by('ann', 'open').run(() => app.record('cart-1', [new Opened('Ann')]));
  await app.record('cart-1', [new LineAdded('pen', 2)]);
  await app.record('cart-1', [new Priced({ 'a.b': 1, pen: 3 })]);
  const added = await by('ann', 'add').run(() => app.record('cart-1', [new LineAdded('ink', 1)]));
  const cause = await recorded(app, added.ids[0]!);
  const handled = Context.handling(cause, { subscription: 'till', handler: 'take' });
  const paid = await handled.run(() => app.record('payment-9', [new PaymentTaken(7)]));
  await handled.run(() => app.record('cart-2', [new Noted('busy')]));
  return { added: added.ids[0]!, paid: paid.ids[0]!, correlationId: cause.metadata.correlationId };
}

async function recorded(app: ShopApp, id: string): Promise<RecordedEvent> {
  for await (const { events } of app.events.readAll({ ids: [id] })) return app.types.decode(events[0]!);
  throw new Error(`${id} is not recorded`);
}

function storage(events: MemoryEventStore): Storage {
  const state = new MemoryStateStore();
  return { description: 'memory', open: async () => ({ events, state, close: async () => undefined }) };
}
