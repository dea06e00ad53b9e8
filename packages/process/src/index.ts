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
