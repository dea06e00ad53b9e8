import { Aggregate, Big, EventHandler, EventSourcedAggregate, Fields, decimal } from 'backstory';
import { PaymentFailed, PaymentProcessed, PaymentRefunded, PaymentRequested } from './payment-events';

export class NothingToRefund extends Error {}

/** The money for one order: asked for, taken or refused, given back. */
@Aggregate('payment')
@Fields({ amount: decimal, refunded: decimal })
export class Payment extends EventSourcedAggregate {
  status: 'none' | 'requested' | 'processed' | 'failed' = 'none';
  customerId = '';
  paymentId = '';
  amount = new Big(0);
  refunded = new Big(0);

  /** What could still be given back. */
  get refundable(): Big {
    return this.status === 'processed' ? this.amount.minus(this.refunded) : new Big(0);
  }

  request(customerId: string, amount: Big): void {
    if (this.status === 'none') this.raise(new PaymentRequested(this.id, customerId, amount));
  }

  process(paymentId: string, occurredAt: Date): void {
    if (this.status !== 'requested') return;
    this.raise(new PaymentProcessed(this.id, paymentId, this.amount), { occurredAt });
  }

  fail(reason: string): void {
    if (this.status === 'requested') this.raise(new PaymentFailed(this.id, reason));
  }

  refund(amount: Big, reason: string): void {
    if (amount.gt(this.refundable))
      throw new NothingToRefund(
        `${amount.toFixed(2)} cannot be refunded of payment ${this.id}: ${this.refundable.toFixed(2)} is left.`,
      );
    this.raise(new PaymentRefunded(this.id, this.paymentId, amount, reason));
  }

  @EventHandler(PaymentRequested) protected requested({ customerId, amount }: PaymentRequested): void {
    Object.assign(this, { status: 'requested', customerId, amount });
  }

  @EventHandler(PaymentProcessed) protected processed({ paymentId }: PaymentProcessed): void {
    Object.assign(this, { status: 'processed', paymentId });
  }

  @EventHandler(PaymentFailed) protected failed(): void {
    this.status = 'failed';
  }

  @EventHandler(PaymentRefunded) protected repaid({ amount }: PaymentRefunded): void {
    this.refunded = this.refunded.plus(amount);
  }
}
