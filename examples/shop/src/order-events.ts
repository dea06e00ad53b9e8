import { Big, DomainEvent, Fields, decimal, listOf } from 'backstory';
import {
  ArrayNotEmpty,
  ArrayUnique,
  IsInt,
  IsNotEmpty,
  IsPositive,
  IsString,
  ValidateNested,
} from 'class-validator';
import { IsMoney, Rules } from './rules';

/** So many of one article, at a price each. */
@Fields({ price: decimal })
@Rules({ sku: [IsString(), IsNotEmpty()], quantity: [IsInt(), IsPositive()], price: [IsMoney()] })
export class Line {
  constructor(
    readonly sku: string,
    readonly quantity: number,
    readonly price: Big,
  ) {}
}

@DomainEvent('order.created')
@Fields({ lines: listOf(Line, { key: 'sku' }), amount: decimal })
@Rules({
  customerId: [IsString(), IsNotEmpty()],
  lines: [ArrayNotEmpty(), ArrayUnique(({ sku }: Line) => sku), ValidateNested({ each: true })],
  amount: [IsMoney()],
})
export class OrderCreated {
  constructor(
    readonly orderId: string,
    readonly customerId: string,
    readonly lines: readonly Line[],
    readonly amount: Big,
  ) {}
}

@DomainEvent('order.paid')
@Fields({ amount: decimal })
export class OrderPaid {
  constructor(
    readonly orderId: string,
    readonly paymentId: string,
    readonly amount: Big,
  ) {}
}

@DomainEvent('order.shipped')
export class OrderShipped {
  constructor(
    readonly orderId: string,
    readonly carrier: string,
    readonly trackingNumber: string,
  ) {}
}

@DomainEvent('order.completed')
export class OrderCompleted {
  constructor(readonly orderId: string) {}
}

@DomainEvent('order.cancelled')
@Rules({ reason: [IsString(), IsNotEmpty()] })
export class OrderCancelled {
  constructor(
    readonly orderId: string,
    readonly reason: string,
  ) {}
}

@DomainEvent('order.refunded')
@Fields({ amount: decimal })
export class OrderRefunded {
  constructor(
    readonly orderId: string,
    readonly amount: Big,
  ) {}
}
