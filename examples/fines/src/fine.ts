import { Aggregate, DomainEvent, EventHandler, EventSourcedAggregate } from 'backstory';

// Amounts are whole cents, so that sums are exact.

@DomainEvent('fine.created')
export class FineCreated {
  constructor(
    readonly amount: number,
    readonly article: number,
    readonly points: number,
    readonly vehicleClass: string,
    readonly dismissal: string,
  ) {}
}

@DomainEvent('fine.sent')
export class FineSent {
  constructor(readonly expense: number) {}
}

@DomainEvent('fine.notified')
export class FineNotified {
  constructor(readonly notificationType: string) {}
}

/** The penalty replaces the amount: the log gives the new amount, not the difference. */
@DomainEvent('fine.penalty-added')
export class PenaltyAdded {
  constructor(readonly amount: number) {}
}

@DomainEvent('fine.payment-received')
export class PaymentReceived {
  constructor(readonly amount: number) {}
}

@DomainEvent('fine.sent-for-collection')
export class SentForCollection {}

export type AppealStep = 'date-inserted' | 'sent-to-prefecture' | 'result-received' | 'offender-notified';

@DomainEvent('fine.appeal-moved')
export class AppealMoved {
  constructor(
    readonly step: AppealStep,
    readonly dismissal?: string,
  ) {}
}

export class NoSuchFine extends Error {}

@Aggregate('fine')
export class Fine extends EventSourcedAggregate {
  status: 'none' | 'created' | 'sent' | 'notified' | 'in collection' = 'none';
  amount = 0;
  expenses = 0;
  paid = 0;
  article = 0;
  points = 0;
  vehicleClass = '';
  dismissal = '';
  appeal?: AppealStep;

  get outstanding(): number {
    return Math.max(0, this.amount + this.expenses - this.paid);
  }

  record(event: object, occurredAt: Date): void {
    if (this.status === 'none' && !(event instanceof FineCreated))
      throw new NoSuchFine(`Fine ${this.id} was never created.`);
    this.raise(event, { occurredAt });
  }

  @EventHandler(FineCreated) protected created(event: FineCreated): void {
    const { amount, article, points, vehicleClass, dismissal } = event;
    Object.assign(this, { amount, article, points, vehicleClass, dismissal, status: 'created' });
  }

  @EventHandler(FineSent) protected sent({ expense }: FineSent): void {
    this.status = 'sent';
    this.expenses += expense;
  }

  @EventHandler(FineNotified) protected notified(): void {
    this.status = 'notified';
  }

  @EventHandler(PenaltyAdded) protected penalised({ amount }: PenaltyAdded): void {
    this.amount = amount;
  }

  @EventHandler(PaymentReceived) protected received({ amount }: PaymentReceived): void {
    this.paid += amount;
  }

  @EventHandler(SentForCollection) protected toCollection(): void {
    this.status = 'in collection';
  }

  @EventHandler(AppealMoved) protected appealMoved({ step, dismissal }: AppealMoved): void {
    this.appeal = step;
    if (dismissal !== undefined) this.dismissal = dismissal;
  }
}
