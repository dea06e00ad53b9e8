import { LIMITS, isName } from '@backstory/core/store';
import { eventTypeOf, classOfEvent } from '@backstory/events/codec';
import type { Attempted, Commands } from '../command/commands.js';
import type { Cancelled } from '../schedule/schedule-book.js';
import type { ScheduleOptions } from '../schedule/schedule-request.js';
import { InvalidSchedule } from '../schedule/errors.js';
import type { Schedule } from '../schedule/schedule.js';
import type { Scheduler } from '../schedule/scheduler.js';
import type { ProcessState } from './process-state.js';

/** How a process keeps something for later: under a name that is its own. */
export interface TimeoutOptions extends Omit<ScheduleOptions, 'id'> {
  readonly name: string;
}

/** What a process works with. */
export interface ProcessParts {
  readonly commands: Commands;
  readonly schedules: Scheduler;
}

/**
 * What a handler of a process is given: what the process knows, and the means to go on. Everything it does has an id that follows from
 * the event, so that a handler that runs again does nothing twice. What it knows is saved when the handler has ended.
 */
export class ProcessStep<State extends ProcessState = ProcessState> {
  /** Made for each event. */
  constructor(
    private readonly process: string,
    readonly id: string,
    /** It decides by its own methods, which raise its events. */
    readonly state: State,
    private readonly parts: ProcessParts,
    /** Aborted when the handler's time is over. */
    readonly signal: AbortSignal,
  ) {}

  /** Has a command carried out, and gives what its handler gives. What it throws fails the step, which is tried again. */
  send<Result = unknown>(command: object): Promise<Result> {
    return this.parts.commands.dispatch<Result>(command, { signal: this.signal });
  }

  /** The same for a process that goes on when the command is refused: the error is a value. */
  attempt<Result = unknown>(command: object): Promise<Attempted<Result>> {
    return this.parts.commands.attempt<Result>(command, { signal: this.signal });
  }

  /**
   * Keeps a command, or with `stream` an event, for later: a time-out. A name that is taken is taken over.
   *
   * @throws InvalidSchedule, also for a name with a slash
   */
  async schedule(message: object, { name, ...when }: TimeoutOptions): Promise<Schedule> {
    return this.parts.schedules.schedule(message, { ...when, id: this.scheduleId(name) });
  }

  /** Cancels what was kept under this name. @throws InvalidSchedule for a name with a slash */
  async cancel(name: string): Promise<Cancelled> {
    return this.parts.schedules.cancel(this.scheduleId(name));
  }

  /** Remembers a command that would undo what was just done. It is stored, and needs a `@Command` name. */
  compensateWith(command: object): void {
    const encoded = eventTypeOf(classOfEvent(command)).encode(command);
    this.parts.commands.named(encoded.type);
    this.state.planCompensation(encoded);
  }

  /** Undoes what was done: the commands that were remembered, the last one first. */
  async compensate(reason: string): Promise<void> {
    for (const stored of [...this.state.compensations].reverse())
      await this.send(this.parts.commands.named(stored.type).decode(stored));
    this.state.haveCompensated(reason);
  }

  /** Says that nothing is left to be done, and nothing to be undone. */
  complete(): void {
    this.state.haveCompleted();
  }

  /** The id may have a slash, the rest has none: no two processes share one. */
  private scheduleId(name: string): string {
    if (!isName(name, LIMITS.stateKey) || name.includes('/'))
      throw new InvalidSchedule('name', 'must be text that is not empty and has no slash.');
    return `${this.process}/${this.id}/${name}`;
  }
}
