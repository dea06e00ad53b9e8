import { Aggregate, EventHandler, EventSourcedAggregate, Fields, listOf } from 'backstory';
import {
  Item,
  ShipmentCancelled,
  ShipmentDelivered,
  ShipmentDispatched,
  ShipmentRequested,
} from './shipment-events';

export class WrongShipmentStatus extends Error {}

/** The goods of one order on their way. */
@Aggregate('shipment')
@Fields({ items: listOf(Item, { key: 'sku' }) })
export class Shipment extends EventSourcedAggregate {
  status: 'none' | 'requested' | 'dispatched' | 'delivered' | 'cancelled' = 'none';
  customerId = '';
  items: readonly Item[] = [];
  carrier = '';
  trackingNumber = '';

  request(customerId: string, items: readonly Item[]): void {
    if (this.status === 'none') this.raise(new ShipmentRequested(this.id, customerId, items));
  }

  dispatch(carrier: string, trackingNumber: string): void {
    this.require(['requested'], 'dispatched');
    this.raise(new ShipmentDispatched(this.id, carrier, trackingNumber));
  }

  deliver(receivedBy: string): void {
    this.require(['dispatched'], 'delivered');
    this.raise(new ShipmentDelivered(this.id, receivedBy));
  }

  /**
   * Whether the warehouse or the customer was faster is decided here, in one stream: only one of them is. The customer may
   * even be faster than the request.
   */
  cancel(reason: string): void {
    this.require(['none', 'requested'], 'cancelled');
    this.raise(new ShipmentCancelled(this.id, reason));
  }

  @EventHandler(ShipmentRequested) protected requested({ customerId, items }: ShipmentRequested): void {
    Object.assign(this, { status: 'requested', customerId, items });
  }

  @EventHandler(ShipmentDispatched) protected dispatched(event: ShipmentDispatched): void {
    const { carrier, trackingNumber } = event;
    Object.assign(this, { status: 'dispatched', carrier, trackingNumber });
  }

  @EventHandler(ShipmentDelivered) protected delivered(): void {
    this.status = 'delivered';
  }

  @EventHandler(ShipmentCancelled) protected cancelled(): void {
    this.status = 'cancelled';
  }

  private require(allowed: readonly Shipment['status'][], wanted: string): void {
    if (!allowed.includes(this.status))
      throw new WrongShipmentStatus(`Shipment ${this.id} is ${this.status}, and cannot be ${wanted} now.`);
  }
}
