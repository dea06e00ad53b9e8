import {
  Big,
  DomainEvent,
  Fields,
  decider,
  decimal,
  defineBackstory,
  instant,
  listOf,
  memory,
} from 'backstory';
import { given } from '@backstory/testing';
import { stateAt } from '@backstory/replay';

// The code of docs/guides/deciders.md.
@DomainEvent('order.placed')
@Fields({ at: instant })
class Placed {
  constructor(
    readonly customer: string,
    readonly at: Date,
  ) {}
}
@DomainEvent('order.line-added')
@Fields({ price: decimal })
class LineAdded {
  constructor(
    readonly sku: string,
    readonly price: Big,
  ) {}
}
@DomainEvent('order.shipped')
class Shipped {}
@DomainEvent('order.noted')
class Noted {
  constructor(readonly text: string) {}
}

interface Line {
  readonly sku: string;
  readonly price: Big;
}
type OrderState =
  | { readonly status: 'none' }
  | { readonly status: 'open' | 'shipped'; readonly placedAt: Date; readonly lines: readonly Line[] };

const Order = decider('order', {
  initial: (): OrderState => ({ status: 'none' }),
  fields: { placedAt: instant, lines: listOf({ price: decimal }) },
  events: { Placed, LineAdded, Shipped, Noted },
  decide: {
    place(order, customer: string, lines: readonly Line[], at: Date) {
      if (order.status !== 'none') throw new Error('It has been placed already.');
      return [new Placed(customer, at), ...lines.map(({ sku, price }) => new LineAdded(sku, price))];
    },
    ship(order) {
      if (order.status === 'shipped') return undefined;
      if (order.status === 'none') throw new Error('There is nothing to ship.');
      return new Shipped();
    },
    note: (_, text: string) => new Noted(text),
  },
  evolve: {
    Placed: (_, { at }) => ({ status: 'open', placedAt: at, lines: [] }),
    LineAdded: (order, { sku, price }) =>
      order.status === 'none' ? order : { ...order, lines: [...order.lines, { sku, price }] },
    Shipped: (order) => (order.status === 'none' ? order : { ...order, status: 'shipped' }),
    Noted: (order) => order,
  },
});

const NOON = new Date('2026-03-01T12:00:00Z');
const pen = { sku: 'pen', price: new Big('1.20') };

test('an order is placed, shipped once, and shown as it is', async () => {
  const shop = defineBackstory({ name: 'shop', store: memory(), aggregates: [Order] });
  await shop.run(async (app) => {
    const orders = app.repository(Order);
    await orders.update('7', (order) => order.place('Ann', [pen], NOON), { create: true });
    await orders.update('7', (order) => order.ship());
    const again = await orders.update('7', (order) => order.ship());
    expect(again.ids).toEqual([]);

    const order = await orders.load('7', { atVersion: 2 });
    expect(order.state).toEqual({ status: 'open', placedAt: NOON, lines: [pen] });

    const { state } = await stateAt(app, 'order-7');
    expect(state).toEqual({
      status: 'shipped',
      placedAt: '2026-03-01T12:00:00.000Z',
      lines: [{ sku: 'pen', price: '1.2' }],
    });
  });
});

test('a decision is tested with the words of every aggregate', () => {
  given(Order, [new Placed('Ann', NOON)])
    .when((order) => order.ship())
    .expect({ events: [new Shipped()], state: { status: 'shipped' } });

  given(Order, [new Placed('Ann', NOON), new Shipped()])
    .when((order) => order.ship())
    .expect([]);

  given(Order, [])
    .when((order) => order.ship())
    .expect(/nothing to ship/);

  given(Order, [new Noted('call back')])
    .when((order) => order.note('again'))
    .expect({ state: { status: 'none' } });
});

test('a decider that exists already is called from the tables', () => {
  type Command = { readonly type: 'open'; readonly name: string } | { readonly type: 'close' };
  const Opened = DomainEvent('box.opened')(
    class Opened {
      constructor(readonly name: string) {}
    },
  );
  const Closed = DomainEvent('box.closed')(class Closed {});

  const decide = (isOpen: boolean, command: Command) => {
    if (command.type === 'close') return isOpen ? [new Closed()] : [];
    return isOpen ? [] : [new Opened(command.name)];
  };
  const Box = decider('box', {
    initial: false,
    events: { Opened, Closed },
    decide: { carryOut: (isOpen, command: Command) => decide(isOpen, command) },
    evolve: { Opened: () => true, Closed: () => false },
  });

  given(Box)
    .when((box) => {
      box.carryOut({ type: 'open', name: 'blue' });
      box.carryOut({ type: 'open', name: 'red' });
    })
    .expect({ events: [new Opened('blue')], state: true });
});
