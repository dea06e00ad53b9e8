/** Commands and what carries them out. */
export {
  Command,
  CommandHandler,
  CommandsClosed,
  NoCommandHandler,
  handles,
  type Attempted,
  type BoundHandler,
  type BoundResult,
  type CommandContext,
  type Commands,
  type DispatchOptions,
  type Handling,
} from '@backstory/process';
