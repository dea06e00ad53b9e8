import { Context, type App, type RecordedEvent } from 'backstory';
import { Order } from './order';
import { OrderCancelled, OrderCreated, OrderPaid } from './order-events';
import { Payment } from './payment';
import type { PaymentGateway } from './payment-gateway';
import { PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentRequested } from './payment-events';
import { Shipment } from './shipment';
import { Item, ShipmentCancelled, ShipmentDelivered, ShipmentDispatched } from './shipment-events';

/**
 * What follows from what: each step reacts to an event of one aggregate by asking another to do something.
 *
 * A step may be run again for the same event, after a crash or by another process, and then changes nothing: what it saves
 * has ids that follow from the event, and what it asks of the payment gateway has the event's id for a key.
 */
export class OrderProcess {
  constructor(
    private readonly app: App,
    private readonly gateway: PaymentGateway,
  ) {}

  /** Runs the step that follows an event, if there is one, as caused by it. */
  async react(recorded: RecordedEvent<object>): Promise<void> {
    const [, step] = STEPS.find(([cls]) => recorded.data instanceof cls) ?? [];
    if (!step) return;
    const context = Context.handling(recorded, { subscription: 'order-process', handler: step });
    await context.run(() => this[step](recorded.data as never, recorded as never));
  }

  async requestPayment({ orderId, customerId, amount }: OrderCreated): Promise<void> {
    const { status } = await this.orders.load(orderId);
    if (status === 'cancelled') return;
    await this.payments.update(orderId, (payment) => payment.request(customerId, amount), {
      create: true,
      command: 'request payment',
    });
  }

  /** Also for an order that was cancelled: only the gateway knows whether it charged before, and `pay` gives the money back. */
  async charge(
    { orderId, customerId, amount }: PaymentRequested,
    { id: key }: RecordedEvent<PaymentRequested>,
  ): Promise<void> {
    const answer = await this.gateway.charge({ key, customerId, amount });
    await this.payments.update(
      orderId,
      (payment) =>
        answer.status === 'success'
          ? payment.process(answer.paymentId, answer.processedAt)
          : payment.fail(answer.reason),
      { command: 'charge' },
    );
  }

  async pay({ orderId, paymentId, amount }: PaymentProcessed): Promise<void> {
    const command = 'mark as paid';
    const { aggregate } = await this.orders.update(orderId, (order) => order.pay(paymentId, amount), {
      command,
    });
    // Cancelled while the money was on its way.
    if (aggregate.status === 'cancelled') await this.refundAll(orderId, 'the order was cancelled');
  }

  async giveUp({ orderId, reason }: PaymentFailed): Promise<void> {
    const cancel = (order: Order) => order.cancel(`payment failed: ${reason}`);
    await this.orders.update(orderId, cancel, { command: 'give up' });
  }

  async requestShipment({ orderId }: OrderPaid): Promise<void> {
    const { customerId, lines } = await this.orders.load(orderId);
    const items = lines.map(({ sku, quantity }) => new Item(sku, quantity));
    await this.shipments.update(orderId, (shipment) => shipment.request(customerId, items), {
      create: true,
      command: 'request shipment',
    });
  }

  async ship({ orderId, carrier, trackingNumber }: ShipmentDispatched): Promise<void> {
    await this.orders.update(orderId, (order) => order.ship(carrier, trackingNumber), {
      command: 'mark as shipped',
    });
  }

  async complete({ orderId }: ShipmentDelivered): Promise<void> {
    await this.orders.update(orderId, (order) => order.complete(), { command: 'complete' });
  }

  async cancel({ orderId, reason }: ShipmentCancelled): Promise<void> {
    await this.orders.update(orderId, (order) => order.shipmentCancelled(reason), {
      command: 'cancel order',
    });
  }

  async refund({ orderId, reason }: OrderCancelled): Promise<void> {
    await this.refundAll(orderId, reason);
  }

  async payBack(
    { orderId, amount }: PaymentRefunded,
    { id: key }: RecordedEvent<PaymentRefunded>,
  ): Promise<void> {
    const { customerId } = await this.payments.load(orderId);
    await this.gateway.payBack({ key, customerId, amount });
    await this.orders.update(orderId, (order) => order.refund(amount), { command: 'mark as refunded' });
  }

  private async refundAll(orderId: string, reason: string): Promise<void> {
    const refund = (payment: Payment) => {
      if (payment.refundable.gt(0)) payment.refund(payment.refundable, reason);
    };
    // An order can be cancelled before its payment is asked for.
    if (await this.payments.find(orderId)) await this.payments.update(orderId, refund, { command: 'refund' });
  }

  private get orders() {
    return this.app.repository(Order);
  }
  private get payments() {
    return this.app.repository(Payment);
  }
  private get shipments() {
    return this.app.repository(Shipment);
  }
}

/** The step that follows each event. A subscriber says the same with `@EventHandler(OrderCreated)` on the method. */
const STEPS = [
  [OrderCreated, 'requestPayment'],
  [PaymentRequested, 'charge'],
  [PaymentProcessed, 'pay'],
  [PaymentFailed, 'giveUp'],
  [OrderPaid, 'requestShipment'],
  [ShipmentDispatched, 'ship'],
  [ShipmentDelivered, 'complete'],
  [ShipmentCancelled, 'cancel'],
  [OrderCancelled, 'refund'],
  [PaymentRefunded, 'payBack'],
] as const;
