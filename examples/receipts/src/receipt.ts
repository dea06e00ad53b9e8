import { Aggregate, EventHandler, EventSourcedAggregate, Fields, instant } from 'backstory';
import {
  AdviceAssessed,
  AdviceDrafted,
  AdviceReceived,
  AdviceRequested,
  ConfirmationMoved,
  HoldReportMoved,
  Registered,
  StopAssessed,
  UnlicensedRequestMoved,
  type PaperStep,
  type Step,
} from './receipt-events';

export class NotRegistered extends Error {}
export class AlreadyRegistered extends Error {}
export class StepOutOfOrder extends Error {}

/** The receipt phase of one application for an environmental permit: from its coming in to the decision how to go on. */
@Aggregate('receipt')
@Fields({ registeredAt: instant, lastStepAt: instant, deadline: instant })
export class Receipt extends EventSourcedAggregate {
  phase: 'none' | 'confirmation' | 'advice' | 'assessment' | 'unlicensed' | 'hold' = 'none';
  channel = '';
  department = '';
  responsible = '';
  registeredAt: Date | null = null;
  lastStepAt: Date | null = null;
  deadline: Date | null = null;
  confirmation: PaperStep | 'none' = 'none';
  unlicensedRequest: PaperStep | 'none' = 'none';
  holdReport: PaperStep | 'none' = 'none';
  /** Of the municipality's own advice, and of that of others. */
  advice = { aspects: [] as number[], requests: 0, parties: [] as number[] };
  lastActor = '';
  /** How many steps each resource has done. */
  work: Record<string, number> = {};

  get isLate(): boolean {
    return this.lastStepAt !== null && this.deadline !== null && this.lastStepAt > this.deadline;
  }

  /** In milliseconds, from the first step to the last. */
  get durationMs(): number {
    return this.lastStepAt && this.registeredAt ? this.lastStepAt.getTime() - this.registeredAt.getTime() : 0;
  }

  /** Records a step that was taken elsewhere. `activity` is what they called it there. */
  record(step: Step, activity: string): void {
    if (step instanceof Registered) {
      if (this.version > 0) throw new AlreadyRegistered(`Application ${this.id} is registered already.`);
    } else if (this.version === 0)
      throw new NotRegistered(`Application ${this.id} was never registered: its first step is ${activity}.`);
    if (this.lastStepAt && step.completedAt < this.lastStepAt)
      throw new StepOutOfOrder(
        `${activity} of ${this.id} is earlier than the step before it: sort the steps.`,
      );
    const { completedAt: occurredAt, resource: actor } = step;
    this.raise(step, { occurredAt, actor, command: activity, origin: step.task });
  }

  @EventHandler(Registered) protected registered(event: Registered): void {
    const { channel, department, responsible, deadline, completedAt } = event;
    Object.assign(this, { channel, department, responsible, deadline, registeredAt: completedAt });
    this.worked(event, 'confirmation');
  }

  @EventHandler(ConfirmationMoved) protected confirmationMoved(event: ConfirmationMoved): void {
    this.confirmation = event.step;
    this.worked(event, 'confirmation');
  }

  @EventHandler(AdviceAssessed) protected adviceAssessed(event: AdviceAssessed): void {
    this.worked(event, 'advice');
  }

  @EventHandler(AdviceDrafted) protected adviceDrafted(event: AdviceDrafted): void {
    this.advice.aspects.push(event.aspect);
    this.worked(event, 'advice');
  }

  @EventHandler(AdviceRequested) protected adviceRequested(event: AdviceRequested): void {
    this.advice.requests++;
    this.worked(event, 'advice');
  }

  @EventHandler(AdviceReceived) protected adviceReceived(event: AdviceReceived): void {
    this.advice.parties.push(event.party);
    this.worked(event, 'advice');
  }

  @EventHandler(StopAssessed) protected stopAssessed(event: StopAssessed): void {
    this.worked(event, 'assessment');
  }

  @EventHandler(UnlicensedRequestMoved) protected unlicensedMoved(event: UnlicensedRequestMoved): void {
    this.unlicensedRequest = event.step;
    this.worked(event, 'unlicensed');
  }

  @EventHandler(HoldReportMoved) protected holdReportMoved(event: HoldReportMoved): void {
    this.holdReport = event.step;
    this.worked(event, 'hold');
  }

  private worked({ resource, completedAt }: Step, phase: Receipt['phase']): void {
    this.phase = phase;
    this.lastStepAt = completedAt;
    this.lastActor = resource;
    this.work[resource] = (this.work[resource] ?? 0) + 1;
  }
}
