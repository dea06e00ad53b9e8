import type { EventSourcedAggregate } from '@backstory/aggregate';
import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { ClassTable, metadataOf } from '@backstory/events/codec';
import type { Updated } from '@backstory/repository';
import { commandName } from './command.js';

/** What a command handler is given beside the command. */
export interface CommandContext {
  /** What it saves has ids that follow from this one, so carrying the command out again records nothing new. */
  readonly commandId: string;
  /** Aborted when the caller gives up. */
  readonly signal: AbortSignal | undefined;
}

/**
 * `@CommandHandler(PlaceOrder)`: carries out commands of a class. On a method, it is that method; on a class, its method `handle`.
 *
 * ```ts
 * @CommandHandler(Deposit)
 * class Depositing {
 *   constructor(private readonly accounts: Repository<Account>) {}
 *   handle({ account, amount }: Deposit) {
 *     return this.accounts.update(account, (it) => it.deposit(amount));
 *   }
 * }
 * ```
 */
export function CommandHandler<C extends object>(command: Class<C>): CommandHandlerDecorator<C> {
  return (target: object, at?: string | symbol | DecoratorContext) => {
    requireClass(command, at === undefined ? (target as AnyClass).name : String(nameOf(at)));
    if (at === undefined)
      return (requireHandle(target as Class), handlers.add(target, { command, method: 'handle' }));
    if (typeof at !== 'object')
      return handlers.add((target as { constructor: Class }).constructor, { command, method: at });
    if (at.kind === 'class') {
      requireHandle(target as Class);
      return handlers.add(target, { command, method: 'handle' });
    }
    if (at.kind !== 'method' || at.static || at.private)
      throw new InvalidDefinition(
        String(at.name),
        'has @CommandHandler, which belongs on a class or an ordinary method.',
      );
    handlers.add(metadataOf(at), { command, method: at.name });
  };
}

/** Works as a legacy and as a TC39 decorator, on a class with a method `handle` or on a method. */
export interface CommandHandlerDecorator<C extends object> {
  (
    cls: Class<{ handle(command: C, context: CommandContext): unknown }>,
    context?: ClassDecoratorContext,
  ): void;
  <T extends object>(
    prototype: T,
    key: string | symbol,
    descriptor: { readonly value?: (command: C, context: CommandContext) => unknown },
  ): void;
  <T extends object>(
    method: (command: C, context: CommandContext) => unknown,
    context: ClassMethodDecoratorContext<T>,
  ): void;
}

/** A command and the method that carries it out. */
export interface CommandRow {
  readonly command: Class;
  readonly method: string | symbol;
}

/** What a class and its ancestors carry out. */
export function commandsOf(cls: AnyClass): readonly CommandRow[] {
  return handlers.all(cls);
}

/** Load, change, save: how a command changes one aggregate. */
export interface Handling<C extends object, A extends EventSourcedAggregate> {
  /** The class of the aggregate. */
  readonly on: Class<A>;
  /** Which one. */
  readonly id: (command: C) => string;
  /** Its decision. What it gives is part of the result. */
  readonly do: (aggregate: A, command: C) => unknown;
  /** Begin the aggregate when nothing has happened to it yet. */
  readonly create?: boolean;
  /** How often to try when somebody else was faster. Default 10. */
  readonly attempts?: number;
}

/** A command that changes one aggregate, without a class for its handler. */
export class BoundHandler {
  /** Made by {@link handles}. */
  constructor(
    readonly command: Class,
    readonly handling: Handling<object, EventSourcedAggregate>,
  ) {}
}

/** Whether this is what `handles` gave. */
export function isBoundHandler(given: unknown): given is BoundHandler {
  return given instanceof BoundHandler;
}

/** What a bound handler gives: what `update` of the repository gives. */
export type BoundResult<A extends EventSourcedAggregate> = Updated<A, unknown>;

/**
 * Carries out commands of a class by loading one aggregate, letting it decide, and saving it.
 *
 * ```ts
 * handles(Deposit, { on: Account, id: ({ account }) => account, do: (account, { amount }) => account.deposit(amount) })
 * ```
 */
export function handles<C extends object, A extends EventSourcedAggregate>(
  command: Class<C>,
  handling: Handling<C, A>,
): BoundHandler {
  requireClass(command, 'handles(…)');
  const { on, id, do: decide }: Partial<Handling<C, A>> = handling ?? {};
  if ([on, id, decide].some((it) => typeof it !== 'function'))
    throw new InvalidDefinition(
      commandName(command),
      'needs { on, id, do }: the class of its aggregate, which one, and what that decides.',
    );
  return new BoundHandler(command, handling as unknown as Handling<object, EventSourcedAggregate>);
}

const handlers = new ClassTable<CommandRow>('commands');

function nameOf(at: string | symbol | DecoratorContext): string | symbol | undefined {
  return typeof at === 'object' ? at.name : at;
}

function requireClass(command: unknown, subject: string): void {
  if (typeof command === 'function') return;
  throw new InvalidDefinition(
    subject,
    'names a command class that is undefined: two files that import each other leave it so.',
  );
}

function requireHandle(cls: Class): void {
  if (typeof (cls.prototype as { handle?: unknown }).handle === 'function') return;
  throw new InvalidDefinition(cls.name, 'has @CommandHandler and no method handle(command).');
}
