export { Command } from './command/command.js';
export {
  CommandHandler,
  commandsOf,
  handles,
  isBoundHandler,
  type BoundHandler,
  type BoundResult,
  type CommandContext,
  type CommandHandlerDecorator,
  type CommandRow,
  type Handling,
} from './command/command-handler.js';
export { Commands, type Attempted, type DispatchOptions, type RepositoryOf } from './command/commands.js';
export { CommandsClosed, NoCommandHandler } from './command/errors.js';
export { firing, type FiringParts } from './schedule/firing.js';
export { Scheduler, type SchedulerStatus } from './schedule/scheduler.js';
export type { SchedulerParts } from './schedule/scheduler-parts.js';
export type { SchedulerOptions } from './schedule/scheduler-options.js';
export type { Cancelled } from './schedule/schedule-book.js';
export type { ScheduleOptions } from './schedule/schedule-request.js';
export type { Schedule, StoredSchedule } from './schedule/schedule.js';
export { FiringLost, FiringTimedOut, InvalidSchedule } from './schedule/errors.js';
export { ProcessIdMissing } from './process-manager/errors.js';
export {
  ProcessManager,
  declaredProcess,
  type DeclaredProcess,
  type ProcessOptions,
} from './process-manager/process-manager.js';
export {
  CompensationPlanned,
  ProcessCompensated,
  ProcessCompleted,
  ProcessState,
} from './process-manager/process-state.js';
export { ProcessStep, type ProcessParts, type TimeoutOptions } from './process-manager/process-step.js';
export { processReactor, processSubscriber, type ProcessHost } from './process-manager/process-subscriber.js';
