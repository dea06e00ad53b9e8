import { EventHandler, type App, type RecordedEvent } from 'backstory';
import { ProcessManager, type ProcessStep } from 'backstory/process';
import { Fulfilment } from './fulfilment';
import { Order } from './order';
import { GiveBack, GiveUpUnpaid } from './order-commands';
import { OrderCancelled, OrderCreated, OrderPaid } from './order-events';
import { Payment } from './payment';
import type { PaymentGateway } from './payment-gateway';
import { PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentRequested } from './payment-events';
import { Shipment } from './shipment';
import { Item, ShipmentCancelled, ShipmentDelivered, ShipmentDispatched } from './shipment-events';

/** So long an order waits for its money. */
const PAYMENT_MS = 15 * 60_000;

/**
 * What follows from what: each step reacts to an event of one aggregate by asking another to do something.
 *
 * A step may be run again for the same event, after a crash or by another process, and then changes nothing: what it saves
 * has ids that follow from the event, and what it asks of the payment gateway has the event's id for a key.
 */
@ProcessManager('order-process', { state: Fulfilment, id: 'orderId' })
export class OrderProcess {
  constructor(
    private readonly app: App,
    private readonly gateway: PaymentGateway,
  ) {}

  @EventHandler(OrderCreated)
  async requestPayment(
    { orderId, customerId, amount }: OrderCreated,
    _: RecordedEvent<OrderCreated>,
    process: ProcessStep<Fulfilment>,
  ): Promise<void> {
    const { status } = await this.orders.load(orderId);
    if (status === 'cancelled') return;
    await process.schedule(new GiveUpUnpaid(orderId), { name: 'payment', after: PAYMENT_MS });
    await this.payments.update(orderId, (payment) => payment.request(customerId, amount), {
      create: true,
      command: 'request payment',
    });
  }

  /** Also for an order that was cancelled: only the gateway knows whether it charged before, and `pay` gives the money back. */
  @EventHandler(PaymentRequested)
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

  @EventHandler(PaymentProcessed)
  async pay(
    { orderId, paymentId, amount }: PaymentProcessed,
    _: RecordedEvent<PaymentProcessed>,
    process: ProcessStep<Fulfilment>,
  ): Promise<void> {
    await process.cancel('payment');
    process.compensateWith(new GiveBack(orderId));
    const command = 'mark as paid';
    const { aggregate } = await this.orders.update(orderId, (order) => order.pay(paymentId, amount), {
      command,
    });
    // Cancelled while the money was on its way.
    if (aggregate.status === 'cancelled') await process.compensate('cancelled while it was being paid');
  }

  @EventHandler(PaymentFailed)
  async giveUp(
    { orderId, reason }: PaymentFailed,
    _: RecordedEvent<PaymentFailed>,
    process: ProcessStep<Fulfilment>,
  ): Promise<void> {
    await process.cancel('payment');
    const cancel = (order: Order) => order.cancel(`payment failed: ${reason}`);
    await this.orders.update(orderId, cancel, { command: 'give up' });
  }

  @EventHandler(OrderPaid)
  async requestShipment({ orderId }: OrderPaid): Promise<void> {
    const { customerId, lines } = await this.orders.load(orderId);
    const items = lines.map(({ sku, quantity }) => new Item(sku, quantity));
    await this.shipments.update(orderId, (shipment) => shipment.request(customerId, items), {
      create: true,
      command: 'request shipment',
    });
  }

  @EventHandler(ShipmentDispatched)
  async ship({ orderId, carrier, trackingNumber }: ShipmentDispatched): Promise<void> {
    await this.orders.update(orderId, (order) => order.ship(carrier, trackingNumber), {
      command: 'mark as shipped',
    });
  }

  @EventHandler(ShipmentDelivered)
  async complete(
    { orderId }: ShipmentDelivered,
    _: RecordedEvent<ShipmentDelivered>,
    process: ProcessStep<Fulfilment>,
  ): Promise<void> {
    await this.orders.update(orderId, (order) => order.complete(), { command: 'complete' });
    process.complete();
  }

  @EventHandler(ShipmentCancelled)
  async cancel({ orderId, reason }: ShipmentCancelled): Promise<void> {
    await this.orders.update(orderId, (order) => order.shipmentCancelled(reason), {
      command: 'cancel order',
    });
  }

  @EventHandler(OrderCancelled)
  async refund(
    { reason }: OrderCancelled,
    _: RecordedEvent<OrderCancelled>,
    process: ProcessStep<Fulfilment>,
  ): Promise<void> {
    await process.cancel('payment');
    if (process.state.compensations.length > 0) await process.compensate(reason);
  }

  @EventHandler(PaymentRefunded)
  async payBack(
    { orderId, amount }: PaymentRefunded,
    { id: key }: RecordedEvent<PaymentRefunded>,
  ): Promise<void> {
    const { customerId } = await this.payments.load(orderId);
    await this.gateway.payBack({ key, customerId, amount });
    await this.orders.update(orderId, (order) => order.refund(amount), { command: 'mark as refunded' });
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
