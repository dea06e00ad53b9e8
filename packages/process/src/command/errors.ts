import { BackstoryError } from '@backstory/core';

/** Nobody carries out commands of this class. */
export class NoCommandHandler extends BackstoryError {
  readonly code = 'BACKSTORY_NO_COMMAND_HANDLER';
  constructor(
    readonly command: string,
    /** The commands that somebody carries out. */
    readonly known: readonly string[],
  ) {
    super(
      `Nobody handles the command ${command} (known: ${known.join(', ') || 'none'}): add a handler with ` +
        `@CommandHandler(${command}), or handles(${command}, …), to the application's commands.`,
    );
  }
}

/** The application is being closed. The command was not begun. */
export class CommandsClosed extends BackstoryError {
  readonly code = 'BACKSTORY_COMMANDS_CLOSED';
  constructor() {
    super('No more commands are taken: wait for what dispatches them before closing the application.');
  }
}
