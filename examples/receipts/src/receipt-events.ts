import { DomainEvent, Fields, instant } from 'backstory';

/** What every step of an application's life has in common: which task it was, whose, and when it was done. */
export abstract class Step {
  readonly task: string;
  readonly resource: string;
  readonly group: string;
  readonly completedAt: Date;

  constructor({ task, resource, group, completedAt }: Done) {
    this.task = task;
    this.resource = resource;
    this.group = group;
    this.completedAt = completedAt;
  }
}

export interface Done {
  readonly task: string;
  readonly resource: string;
  readonly group: string;
  readonly completedAt: Date;
}

/** What the municipality knew of the application when it came in. */
export interface Application {
  readonly channel: string;
  readonly department: string;
  readonly responsible: string;
  /** Of the cases that have one. */
  readonly caseGroup: string | null;
  readonly startedAt: Date;
  readonly deadline: Date;
  readonly plannedEnd: Date;
}

@DomainEvent('receipt.registered')
@Fields({ completedAt: instant, startedAt: instant, deadline: instant, plannedEnd: instant })
export class Registered extends Step implements Application {
  readonly channel: string;
  readonly department: string;
  readonly responsible: string;
  readonly caseGroup: string | null;
  readonly startedAt: Date;
  readonly deadline: Date;
  readonly plannedEnd: Date;

  constructor(done: Done, application: Application) {
    super(done);
    this.channel = application.channel;
    this.department = application.department;
    this.responsible = application.responsible;
    this.caseGroup = application.caseGroup;
    this.startedAt = application.startedAt;
    this.deadline = application.deadline;
    this.plannedEnd = application.plannedEnd;
  }
}

/** A paper on its way: the confirmation of receipt, the request that proved unlicensed, the report to hold. */
export type PaperStep = 'created' | 'checked' | 'adjusted' | 'determined' | 'sent';

abstract class PaperMoved extends Step {
  constructor(
    done: Done,
    readonly step: PaperStep,
  ) {
    super(done);
  }
}

@DomainEvent('receipt.confirmation-moved')
@Fields({ completedAt: instant })
export class ConfirmationMoved extends PaperMoved {}

@DomainEvent('receipt.unlicensed-request-moved')
@Fields({ completedAt: instant })
export class UnlicensedRequestMoved extends PaperMoved {}

@DomainEvent('receipt.hold-report-moved')
@Fields({ completedAt: instant })
export class HoldReportMoved extends PaperMoved {}

/** Whether advice is needed before the procedure may go on. */
@DomainEvent('receipt.advice-assessed')
@Fields({ completedAt: instant })
export class AdviceAssessed extends Step {}

@DomainEvent('receipt.advice-drafted')
@Fields({ completedAt: instant })
export class AdviceDrafted extends Step {
  constructor(
    done: Done,
    readonly aspect: number,
  ) {
    super(done);
  }
}

@DomainEvent('receipt.advice-requested')
@Fields({ completedAt: instant })
export class AdviceRequested extends Step {}

@DomainEvent('receipt.advice-received')
@Fields({ completedAt: instant })
export class AdviceReceived extends Step {
  constructor(
    done: Done,
    readonly party: number,
  ) {
    super(done);
  }
}

/** Whether the procedure has to be stopped. */
@DomainEvent('receipt.stop-assessed')
@Fields({ completedAt: instant })
export class StopAssessed extends Step {}
