import { DomainEvent, Fields, listOf } from 'backstory';
import { ArrayNotEmpty, IsNotEmpty, IsString } from 'class-validator';
import { Rules } from './rules';

/** So many of one article, to be packed. */
export class Item {
  constructor(
    readonly sku: string,
    readonly quantity: number,
  ) {}
}

@DomainEvent('shipment.requested')
@Fields({ items: listOf(Item, { key: 'sku' }) })
@Rules({ customerId: [IsString(), IsNotEmpty()], items: [ArrayNotEmpty()] })
export class ShipmentRequested {
  constructor(
    readonly orderId: string,
    readonly customerId: string,
    readonly items: readonly Item[],
  ) {}
}

@DomainEvent('shipment.dispatched')
@Rules({ carrier: [IsString(), IsNotEmpty()], trackingNumber: [IsString(), IsNotEmpty()] })
export class ShipmentDispatched {
  constructor(
    readonly orderId: string,
    readonly carrier: string,
    readonly trackingNumber: string,
  ) {}
}

@DomainEvent('shipment.delivered')
@Rules({ receivedBy: [IsString(), IsNotEmpty()] })
export class ShipmentDelivered {
  constructor(
    readonly orderId: string,
    readonly receivedBy: string,
  ) {}
}

@DomainEvent('shipment.cancelled')
@Rules({ reason: [IsString(), IsNotEmpty()] })
export class ShipmentCancelled {
  constructor(
    readonly orderId: string,
    readonly reason: string,
  ) {}
}
