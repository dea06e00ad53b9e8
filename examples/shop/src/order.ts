import { Aggregate, Big, EventHandler, EventSourcedAggregate, Fields, decimal, listOf } from 'backstory';
import {
  Line,
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderRefunded,
  OrderShipped,
} from './order-events';

export type OrderStatus = 'none' | 'created' | 'paid' | 'shipped' | 'completed' | 'cancelled';

export class OrderExists extends Error {}
export class OrderNotCancellable extends Error {}

/** What a customer wants, and how far it has come. */
@Aggregate('order')
@Fields({ lines: listOf(Line, { key: 'sku' }), amount: decimal, refunded: decimal })
export class Order extends EventSourcedAggregate {
  status: OrderStatus = 'none';
  customerId = '';
  lines: readonly Line[] = [];
  amount = new Big(0);
  refunded = new Big(0);
  cancelReason?: string;

  create(customerId: string, lines: readonly Line[]): void {
    if (this.status !== 'none') throw new OrderExists(`Order ${this.id} exists already: choose another id.`);
    this.raise(new OrderCreated(this.id, customerId, lines, totalOf(lines)));
  }

  /** While it is not paid for. From then on it is with the warehouse, and its shipment is what can be cancelled. */
  cancel(reason: string): void {
    if (this.status === 'cancelled') return;
    if (this.status === 'paid')
      throw new OrderNotCancellable(
        `Order ${this.id} is paid for and with the warehouse: cancel its shipment.`,
      );
    if (this.status !== 'created')
      throw new OrderNotCancellable(`Order ${this.id} is ${this.status}: refund it instead.`);
    this.raise(new OrderCancelled(this.id, reason));
  }

  // What follows from what happened elsewhere. Where the order has moved on meanwhile, it no longer means anything.

  pay(paymentId: string, amount: Big): void {
    if (this.status === 'created') this.raise(new OrderPaid(this.id, paymentId, amount));
  }

  ship(carrier: string, trackingNumber: string): void {
    if (this.status === 'paid') this.raise(new OrderShipped(this.id, carrier, trackingNumber));
  }

  complete(): void {
    if (this.status === 'shipped') this.raise(new OrderCompleted(this.id));
  }

  shipmentCancelled(reason: string): void {
    if (this.status === 'paid') this.raise(new OrderCancelled(this.id, reason));
  }

  refund(amount: Big): void {
    this.raise(new OrderRefunded(this.id, amount));
  }

  @EventHandler(OrderCreated) protected created({ customerId, lines, amount }: OrderCreated): void {
    Object.assign(this, { status: 'created', customerId, lines, amount });
  }

  @EventHandler(OrderPaid) protected paid(): void {
    this.status = 'paid';
  }

  @EventHandler(OrderShipped) protected shipped(): void {
    this.status = 'shipped';
  }

  @EventHandler(OrderCompleted) protected completed(): void {
    this.status = 'completed';
  }

  @EventHandler(OrderCancelled) protected cancelled({ reason }: OrderCancelled): void {
    this.status = 'cancelled';
    this.cancelReason = reason;
  }

  @EventHandler(OrderRefunded) protected repaid({ amount }: OrderRefunded): void {
    this.refunded = this.refunded.plus(amount);
  }
}

/** Of what can be added up: the rest is for the rules to refuse. */
function totalOf(lines: readonly Line[]): Big {
  const prices = Array.isArray(lines) ? lines.map(priceOf) : [];
  return prices.reduce((sum, price) => sum.plus(price), new Big(0));
}

function priceOf(line: Line | null | undefined): Big {
  const { price, quantity } = line ?? {};
  return price instanceof Big && Number.isFinite(quantity) ? price.times(quantity!) : new Big(0);
}
