import { EventSourcedAggregate } from '@backstory/aggregate';
import { DomainEvent, EventHandler, type EncodedEvent } from '@backstory/events';

/** A process will have to undo something, should it fail. */
@DomainEvent('process.compensation-planned')
export class CompensationPlanned {
  constructor(readonly command: EncodedEvent) {}
}

/** A process has undone what it had done. */
@DomainEvent('process.compensated')
export class ProcessCompensated {
  constructor(readonly reason: string) {}
}

/** A process has come to its end. */
@DomainEvent('process.completed')
export class ProcessCompleted {}

/**
 * The base of what a process knows: an aggregate, with the commands that would undo what the process has done.
 *
 * ```ts
 * @Aggregate('fulfilment')
 * export class Fulfilment extends ProcessState {}
 * ```
 */
export abstract class ProcessState extends EventSourcedAggregate {
  processStatus: 'running' | 'completed' | 'compensated' = 'running';
  /** As they are stored, in the order in which they were planned. */
  compensations: readonly EncodedEvent[] = [];

  /** For the framework: `process.compensateWith(command)`. */
  planCompensation(command: EncodedEvent): void {
    this.raise(new CompensationPlanned(command));
  }

  /** For the framework: `process.compensate(reason)`. */
  haveCompensated(reason: string): void {
    this.raise(new ProcessCompensated(reason));
  }

  /** For the framework: `process.complete()`. */
  haveCompleted(): void {
    if (this.processStatus !== 'completed') this.raise(new ProcessCompleted());
  }

  @EventHandler(CompensationPlanned) protected planned({ command }: CompensationPlanned): void {
    this.compensations = [...this.compensations, command];
  }

  @EventHandler(ProcessCompensated) protected undone(): void {
    this.processStatus = 'compensated';
    this.compensations = [];
  }

  @EventHandler(ProcessCompleted) protected done(): void {
    this.processStatus = 'completed';
    this.compensations = [];
  }
}
