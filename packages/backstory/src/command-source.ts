import { InvalidDefinition, type Class } from '@backstory/events';
import { commandsOf, isBoundHandler, type BoundHandler } from '@backstory/process';

/**
 * Where a command handler comes from: `handles(…)`, a function that makes it, or a class with `@CommandHandler`, which is made
 * with the app.
 */
export type CommandSource<App> = BoundHandler | ((app: App) => object) | (new (app: App) => object);

/** @throws InvalidDefinition for what can be none */
export function checkCommandSources(given: unknown): void {
  if (!Array.isArray(given)) throw new InvalidDefinition('defineBackstory', 'needs a list of commands.');
  for (const [i, source] of given.entries()) {
    if (typeof source === 'function' || isBoundHandler(source)) continue;
    throw new InvalidDefinition(
      'defineBackstory',
      `was given commands[${i}], which is no handler: give handles(…), (app) => new Handler(…), or a class with @CommandHandler.`,
    );
  }
}

export function commandHandlerOf<App>(source: CommandSource<App>, app: App): object {
  if (isBoundHandler(source)) return source;
  if (commandsOf(source as Class).length > 0) return new (source as new (app: App) => object)(app);
  return (source as (app: App) => object)(app);
}
