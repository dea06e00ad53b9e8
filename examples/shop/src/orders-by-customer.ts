import { Big, EventHandler, Fields, decimal, type App } from 'backstory';
import { Projection } from 'backstory/projection';
import {
  OrderCancelled,
  OrderCompleted,
  OrderCreated,
  OrderPaid,
  OrderRefunded,
  OrderShipped,
} from './order-events';

/** Every order as its customer sees it, found by customer and by how far it has come. One document an order. */
@Projection('orders-by-customer', { version: 1, indexes: ['customerId', 'status'] })
@Fields({ amount: decimal, refunded: decimal })
export class CustomerOrder {
  customerId = '';
  status = 'created';
  amount = new Big(0);
  refunded = new Big(0);
  trackingNumber?: string;

  @EventHandler(OrderCreated) created({ customerId, amount }: OrderCreated): void {
    this.customerId = customerId;
    this.amount = amount;
  }

  @EventHandler(OrderPaid) paid(): void {
    this.status = 'paid';
  }

  @EventHandler(OrderShipped) shipped({ trackingNumber }: OrderShipped): void {
    this.status = 'shipped';
    this.trackingNumber = trackingNumber;
  }

  @EventHandler(OrderCompleted) completed(): void {
    this.status = 'completed';
  }

  @EventHandler(OrderCancelled) cancelled(): void {
    this.status = 'cancelled';
  }

  @EventHandler(OrderRefunded) refundedSome({ amount }: OrderRefunded): void {
    this.refunded = this.refunded.plus(amount);
  }
}

/** A customer's orders, by their numbers; of one status only where it is given. */
export async function ordersOf(app: App, customerId: string, status?: string) {
  const where = { customerId, ...(status !== undefined && { status }) };
  const { documents } = await app.projection(CustomerOrder).find({ where });
  return documents.map(({ key, document }) => ({ orderId: key.replace('order-', ''), ...document }));
}
