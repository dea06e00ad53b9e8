import {
  Aggregate,
  Big,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  Field,
  Fields,
  Ignores,
  decimal,
  instant,
  listOf,
  mapOf,
} from 'backstory';

// The code of docs/guides/aggregates.md.

@Fields({ price: decimal })
export class Line {
  constructor(
    readonly text: string,
    readonly quantity: number,
    readonly price: Big,
  ) {}
}

@DomainEvent('invoice.issued')
@Fields({ lines: listOf(Line), due: instant })
export class InvoiceIssued {
  constructor(
    readonly customer: string,
    readonly lines: readonly Line[],
    readonly due: Date,
  ) {}
}

@DomainEvent('invoice.payment-received')
@Fields({ amount: decimal })
export class PaymentReceived {
  constructor(
    readonly amount: Big,
    readonly reference: string,
  ) {}
}

@DomainEvent('invoice.settled')
export class InvoiceSettled {}

@DomainEvent('invoice.reminder-sent')
export class ReminderSent {
  constructor(readonly by: 'mail' | 'letter') {}
}

export class InvoiceRefused extends Error {}

@Aggregate('invoice')
@Ignores(ReminderSent)
export class Invoice extends EventSourcedAggregate {
  status: 'draft' | 'open' | 'settled' = 'draft';
  @Field(decimal) open = new Big(0);
  @Field(instant) due: Date | null = null;
  @Field(mapOf(decimal)) payments = new Map<string, Big>();

  issue(customer: string, lines: readonly Line[], due: Date) {
    if (this.status !== 'draft') throw new InvoiceRefused(`Invoice ${this.id} was issued before.`);
    if (lines.length === 0) throw new InvoiceRefused('An invoice needs at least one line.');
    this.raise(new InvoiceIssued(customer, lines, due));
  }

  pay(amount: Big, reference: string) {
    if (this.payments.has(reference)) return;
    if (amount.gt(this.open)) throw new InvoiceRefused(`Only ${this.open.toFixed(2)} is open.`);
    this.raise(new PaymentReceived(amount, reference));
    if (this.open.eq(0)) this.raise(new InvoiceSettled());
  }

  remind(today: Date, by: 'mail' | 'letter') {
    if (this.due === null || this.status !== 'open' || today <= this.due)
      throw new InvoiceRefused(`Invoice ${this.id} is not overdue.`);
    this.raise(new ReminderSent(by));
  }

  @EventHandler(InvoiceIssued) protected issued({ lines, due }: InvoiceIssued) {
    this.status = 'open';
    this.open = lines.reduce((sum, it) => sum.plus(it.price.times(it.quantity)), new Big(0));
    this.due = due;
  }

  @EventHandler(PaymentReceived) protected received({ amount, reference }: PaymentReceived) {
    this.open = this.open.minus(amount);
    this.payments.set(reference, amount);
  }

  @EventHandler(InvoiceSettled) protected settled() {
    this.status = 'settled';
  }
}
