import { given } from '@backstory/testing';
import { Big, InvalidData } from 'backstory';
import { Order, OrderExists, OrderNotCancellable } from './src/order';
import {
  Line,
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderRefunded,
  OrderShipped,
} from './src/order-events';
import { NothingToRefund, Payment } from './src/payment';
import { PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentRequested } from './src/payment-events';
import { Shipment, WrongShipmentStatus } from './src/shipment';
import { Item, ShipmentCancelled, ShipmentDispatched, ShipmentRequested } from './src/shipment-events';

const ID = { id: 'order_123' };
const money = (text: string) => new Big(text);
const LINES = [new Line('poster', 3, money('33.33'))];

describe('an order', () => {
  const created = new OrderCreated('order_123', 'customer_456', LINES, money('99.99'));
  const paid = new OrderPaid('order_123', 'pay_1', money('99.99'));
  const shipped = new OrderShipped('order_123', 'DHL', 'JD1');

  test('is created with the exact sum of its lines', () => {
    given(Order, [], ID)
      .when((order) => order.create('customer_456', LINES))
      .expect({ events: [created], state: { status: 'created', amount: money('99.99') } });
    const cents = [new Line('a', 1, money('0.10')), new Line('b', 1, money('0.20'))];
    given(Order, [], ID)
      .when((order) => order.create('customer_456', cents))
      .expect({ state: { amount: money('0.30') } });
  });

  test('is created once', () => {
    given(Order, [created], ID)
      .when((order) => order.create('customer_9', LINES))
      .expect(OrderExists);
  });

  test.each([
    ['without lines', [], 'lines arrayNotEmpty'],
    ['with nothing of an article', [new Line('poster', 0, money('1'))], 'lines[0].quantity isPositive'],
    ['with half an article', [new Line('poster', 0.5, money('1'))], 'lines[0].quantity isInt'],
    ['with a quantity that is no number', [new Line('poster', NaN, money('1'))], 'lines[0].quantity isInt'],
    ['with a price in tenths of cents', [new Line('poster', 1, money('0.001'))], 'lines[0].price isMoney'],
    ['with a price below zero', [new Line('poster', 1, money('-5'))], 'lines[0].price isMoney'],
    ['with a price that is text', [new Line('a', 1, '5' as never)], 'lines[0].price isMoney'],
    ['with an article without a price', [new Line('a', 1, undefined as never)], 'lines[0].price isMoney'],
    ['without saying which lines', undefined, 'lines arrayNotEmpty'],
    ['with lines that are text', 'poster', 'lines arrayNotEmpty'],
    ['with an article that is nothing', [null], 'lines[0] nestedValidation'],
    ['with a nameless article', [new Line('', 1, money('1'))], 'lines[0].sku isNotEmpty'],
    ['with an article twice', [LINES[0]!, LINES[0]!], 'lines arrayUnique'],
  ])('is not created %s, and the error names what is wrong', (_, lines, violation) => {
    const refused = (error: unknown) =>
      error instanceof InvalidData && error.violations.map((it) => `${it.path} ${it.constraint}`);
    let thrown: unknown;
    try {
      given(Order, [], ID)
        .when((order) => order.create('customer_456', lines as never))
        .expect([]);
    } catch (error) {
      thrown = error;
    }
    expect(refused(thrown)).toContain(violation);
  });

  test('is paid, shipped and completed, each once and in this order', () => {
    const steps: [(order: Order) => void, object][] = [
      [(order) => order.pay('pay_1', money('99.99')), paid],
      [(order) => order.ship('DHL', 'JD1'), shipped],
      [(order) => order.complete(), new OrderCompleted('order_123')],
    ];
    const before: object[] = [created];
    for (const [step, event] of steps) {
      for (const [other, its] of steps) if (its !== event) given(Order, before, ID).when(other).expect([]);
      given(Order, before, ID).when(step).expect([event]);
      before.push(event);
    }
  });

  test('is cancelled until it is paid for, and after that only with its shipment', () => {
    const cancelled = new OrderCancelled('order_123', 'by mistake');
    const cancel = (order: Order) => order.cancel('by mistake');
    given(Order, [created], ID)
      .when(cancel)
      .expect({ events: [cancelled], state: { status: 'cancelled', cancelReason: 'by mistake' } });
    given(Order, [created, cancelled], ID).when(cancel).expect([]);
    given(Order, [created, paid], ID).when(cancel).expect(OrderNotCancellable);
    given(Order, [created, paid, shipped], ID)
      .when(cancel)
      .expect(/is shipped: refund it instead/);
    given(Order, [created, paid], ID)
      .when((order) => order.shipmentCancelled('by mistake'))
      .expect([cancelled]);
    given(Order, [created], ID)
      .when((order) => order.cancel(''))
      .expect(InvalidData);
  });

  test('adds up what was refunded, exactly', () => {
    given(Order, [created, paid, new OrderRefunded('order_123', money('0.10'))], ID)
      .when((order) => order.refund(money('0.20')))
      .expect({ state: { refunded: money('0.30') } });
  });
});

describe('a payment', () => {
  const requested = new PaymentRequested('order_123', 'customer_456', money('99.99'));
  const processed = new PaymentProcessed('order_123', 'pay_1', money('99.99'));

  test('is requested of somebody, for an amount above zero', () => {
    given(Payment, [], ID)
      .when((payment) => payment.request('customer_456', money('99.99')))
      .expect([requested]);
    for (const [customer, amount] of [
      ['', '1'],
      ['customer_456', '0'],
    ] as const)
      given(Payment, [], ID)
        .when((payment) => payment.request(customer, money(amount)))
        .expect(InvalidData);
  });

  test('is either processed or failed', () => {
    given(Payment, [requested], ID)
      .when((payment) => payment.process('pay_1', new Date()))
      .expect({ events: [processed], state: { status: 'processed', paymentId: 'pay_1' } });
    given(Payment, [requested], ID)
      .when((payment) => payment.fail('no cover'))
      .expect([new PaymentFailed('order_123', 'no cover')]);
    given(Payment, [requested, processed], ID)
      .when((payment) => payment.fail('no cover'))
      .expect([]);
    given(Payment, [requested, new PaymentFailed('order_123', 'no cover')], ID)
      .when((payment) => payment.process('pay_1', new Date()))
      .expect([]);
  });

  test('is refunded in parts, never for more than was taken', () => {
    const refunded = new PaymentRefunded('order_123', 'pay_1', money('99.98'), 'bent');
    given(Payment, [requested, processed], ID)
      .when((payment) => payment.refund(money('99.98'), 'bent'))
      .expect({ events: [refunded], state: { refunded: money('99.98') } });
    given(Payment, [requested, processed, refunded], ID)
      .when((payment) => payment.refund(money('0.02'), 'bent'))
      .expect(/0.02 cannot be refunded of payment order_123: 0.01 is left/);
    given(Payment, [requested], ID)
      .when((payment) => payment.refund(money('0.01'), 'bent'))
      .expect(NothingToRefund);
    given(Payment, [requested, processed], ID)
      .when((payment) => payment.refund(money('-1'), 'bent'))
      .expect(InvalidData);
  });
});

describe('a shipment', () => {
  const requested = new ShipmentRequested('order_123', 'customer_456', [new Item('poster', 3)]);
  const dispatched = new ShipmentDispatched('order_123', 'DHL', 'JD1');
  const cancelled = new ShipmentCancelled('order_123', 'by mistake');

  test('is dispatched or cancelled, never both', () => {
    given(Shipment, [requested], ID)
      .when((shipment) => shipment.dispatch('DHL', 'JD1'))
      .expect([dispatched]);
    given(Shipment, [requested, cancelled], ID)
      .when((shipment) => shipment.dispatch('DHL', 'JD1'))
      .expect(WrongShipmentStatus);
    given(Shipment, [requested, dispatched], ID)
      .when((shipment) => shipment.cancel('by mistake'))
      .expect(/is dispatched, and cannot be cancelled now/);
  });

  test('that is cancelled before it is requested never is', () => {
    given(Shipment, [cancelled], ID)
      .when((shipment) => shipment.request('customer_456', [new Item('poster', 3)]))
      .expect([]);
  });

  test('is delivered once it was dispatched, to somebody', () => {
    given(Shipment, [requested], ID)
      .when((shipment) => shipment.deliver('Ann'))
      .expect(WrongShipmentStatus);
    given(Shipment, [requested, dispatched], ID)
      .when((shipment) => shipment.deliver(''))
      .expect(InvalidData);
    given(Shipment, [requested, dispatched], ID)
      .when((shipment) => shipment.deliver('Ann'))
      .expect({ state: { status: 'delivered', carrier: 'DHL', trackingNumber: 'JD1' } });
  });
});
