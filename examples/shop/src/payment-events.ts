import { Big, DomainEvent, Fields, decimal } from 'backstory';
import { IsNotEmpty, IsString } from 'class-validator';
import { IsMoney, Rules } from './rules';

@DomainEvent('payment.requested')
@Fields({ amount: decimal })
@Rules({ customerId: [IsString(), IsNotEmpty()], amount: [IsMoney()] })
export class PaymentRequested {
  constructor(
    readonly orderId: string,
    readonly customerId: string,
    readonly amount: Big,
  ) {}
}

@DomainEvent('payment.processed')
@Fields({ amount: decimal })
export class PaymentProcessed {
  constructor(
    readonly orderId: string,
    /** The payment provider's own number: `pay_1f3a9c02`. */
    readonly paymentId: string,
    readonly amount: Big,
  ) {}
}

@DomainEvent('payment.failed')
export class PaymentFailed {
  constructor(
    readonly orderId: string,
    readonly reason: string,
  ) {}
}

@DomainEvent('payment.refunded')
@Fields({ amount: decimal })
@Rules({ amount: [IsMoney()], reason: [IsString(), IsNotEmpty()] })
export class PaymentRefunded {
  constructor(
    readonly orderId: string,
    readonly paymentId: string,
    readonly amount: Big,
    readonly reason: string,
  ) {}
}
