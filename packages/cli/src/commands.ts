import type { Command } from 'commander';

/** The command and its verbs, as commander knows them: with their options, arguments and descriptions. */
export interface Commands {
  readonly root: Command;
  /** A verb, which is loaded when it is asked for. */
  verb(name: string): Promise<Command | undefined>;
}
