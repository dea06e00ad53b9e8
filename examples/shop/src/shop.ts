import { Context, readRecorded, type App, type Big, type UpdateOptions } from 'backstory';
import { Order } from './order';
import type { Line } from './order-events';
import { Payment } from './payment';
import { Shipment } from './shipment';

/** The id of a request, where the caller has one: sent again, it does nothing again. */
export type Request = Pick<UpdateOptions, 'commandId'>;

/** What customers and staff can do. Each is one decision of one aggregate; what follows from it is `OrderProcess`'s. */
export class Shop {
  constructor(private readonly app: App) {}

  async place(
    orderId: string,
    order: { readonly customerId: string; readonly lines: readonly Line[] },
    request: Request = {},
  ): Promise<void> {
    await this.app.repository(Order).update(orderId, (it) => it.create(order.customerId, order.lines), {
      create: true,
      command: 'place order',
      ...request,
    });
  }

  async dispatch(
    orderId: string,
    { carrier, trackingNumber }: { readonly carrier: string; readonly trackingNumber: string },
    request: Request = {},
  ): Promise<void> {
    await this.goingOn('shipment', orderId, () =>
      this.app.repository(Shipment).update(orderId, (it) => it.dispatch(carrier, trackingNumber), {
        command: 'dispatch',
        ...request,
      }),
    );
  }

  async deliver(orderId: string, receivedBy: string, request: Request = {}): Promise<void> {
    await this.goingOn('shipment', orderId, () =>
      this.app.repository(Shipment).update(orderId, (it) => it.deliver(receivedBy), {
        command: 'deliver',
        ...request,
      }),
    );
  }

  /**
   * An order that is paid for is with the warehouse, so it is the shipment that is cancelled.
   *
   * @throws WrongShipmentStatus when it has left, OrderNotCancellable when it was paid for at this very moment: try again
   */
  async cancel(orderId: string, reason: string, request: Request = {}): Promise<void> {
    const options = { command: 'cancel', ...request };
    const { status } = await this.app.repository(Order).load(orderId);
    await this.goingOn('order', orderId, () =>
      status === 'paid'
        ? this.app
            .repository(Shipment)
            .update(orderId, (it) => it.cancel(reason), { create: true, ...options })
        : this.app.repository(Order).update(orderId, (it) => it.cancel(reason), options),
    );
  }

  async refund(
    orderId: string,
    { amount, reason }: { readonly amount: Big; readonly reason: string },
    request: Request = {},
  ): Promise<void> {
    await this.goingOn('payment', orderId, () =>
      this.app.repository(Payment).update(orderId, (it) => it.refund(amount, reason), {
        command: 'refund',
        ...request,
      }),
    );
  }

  /**
   * What somebody does to an order that is under way belongs to its flow and follows from the last that happened, unless
   * the caller says what it belongs to.
   */
  private async goingOn(category: string, orderId: string, work: () => Promise<unknown>): Promise<void> {
    const context = Context.current();
    const latest = { backwards: true, limit: 1 };
    for await (const { events } of this.app.events.readStream(`${category}-${orderId}`, latest)) {
      for (const event of events) {
        const { correlationId } = readRecorded(event).metadata;
        await context.with({ correlationId, causationId: event.id, ...context.fields }).run(work);
        return;
      }
    }
    await work();
  }
}
