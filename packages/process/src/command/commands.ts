import { AsyncLocalStorage } from 'node:async_hooks';
import type { EventSourcedAggregate } from '@backstory/aggregate';
import { Context, newId } from '@backstory/core';
import { inTime, isOutcomeUnknown, shown } from '@backstory/core/state';
import { LIMITS, isName, knownOptions, type OptionNames, type Unsubscribe } from '@backstory/core/store';
import { InvalidDefinition, type AnyClass, type Class, type EventType } from '@backstory/events';
import { awaitRules, definitionOf, eventTypeOf } from '@backstory/events/codec';
import { CommandIdReused, InvalidCommandId, type Repository } from '@backstory/repository';
import { commandsOf, isBoundHandler, type BoundHandler, type CommandContext } from './command-handler.js';
import { commandName } from './command.js';
import { CommandsClosed, NoCommandHandler } from './errors.js';

/** How a command is dispatched. */
export interface DispatchOptions {
  /** The id of the request: carrying it out again, even in another process, records nothing new. Default: a new one. */
  readonly commandId?: string;
  /** Tells the handler that the caller has given up, and rejects at once, whether or not the handler listens. */
  readonly signal?: AbortSignal;
}

/** How a command ended, as a value. */
export type Attempted<Result = unknown> =
  | { readonly ok: true; readonly value: Result; readonly commandId: string }
  | {
      readonly ok: false;
      readonly error: unknown;
      /** `undefined`: it was not begun. */ readonly commandId: string | undefined;
    };

/** Gives the repository of an aggregate class. */
export type RepositoryOf = <A extends EventSourcedAggregate>(cls: Class<A>) => Repository<A>;

/**
 * Brings commands to the one handler that each has. The handler runs in the ambient flow, as this command: what it saves
 * carries the command's name and id, and has ids that follow from it.
 */
export class Commands {
  private readonly handlers = new Map<AnyClass, Carry>();
  private readonly running = new Set<Promise<unknown>>();
  private closing: Promise<unknown> | undefined;

  constructor(private readonly repository: RepositoryOf) {}

  /** The names of the commands that somebody carries out. */
  get known(): readonly string[] {
    return [...this.handlers.keys()].map(commandName);
  }

  /**
   * Takes an object with `@CommandHandler`, or what `handles` gives. Gives a function that takes it out again.
   *
   * @throws InvalidDefinition where it handles nothing, or what another handles
   */
  register(handler: object): Unsubscribe {
    if (typeof handler !== 'object' || handler === null)
      throw new InvalidDefinition(
        'register',
        'needs an object with @CommandHandler, or what handles(…) gives.',
      );
    const added = isBoundHandler(handler) ? [this.bound(handler)] : carriedOutBy(handler);
    const taken = added.find(([command]) => this.handlers.has(command));
    if (taken)
      throw new InvalidDefinition(taken[0].name, 'has two handlers: a command is carried out by one.');
    for (const [command, carry] of added) this.handlers.set(command, carry);
    return () => {
      for (const [command, carry] of added)
        if (this.handlers.get(command) === carry) this.handlers.delete(command);
    };
  }

  /**
   * Checks the command's rules, carries it out, and gives what its handler gives.
   *
   * @throws NoCommandHandler, InvalidData, InvalidCommandId, CommandsClosed — it was not begun; whatever the handler throws, above all
   * CommandIdReused
   */
  async dispatch<Result = unknown>(command: object, options: DispatchOptions = {}): Promise<Result> {
    const outcome = await this.attempt<Result>(command, options);
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  /** The same, with whatever went wrong as a value. It never throws. */
  attempt<Result = unknown>(command: object, options: DispatchOptions = {}): Promise<Attempted<Result>> {
    return this.attempted(command, options, untilAborted, this.sending?.left ?? []);
  }

  /**
   * Dispatches a command and ends when its handler does, also where `signal` has told that its time is over, and when those have ended that it
   * sent in turn and gave up.
   */
  async carryOut(command: object, options: DispatchOptions): Promise<unknown> {
    const left: Promise<unknown>[] = [];
    const outcome = await this.attempted(command, options, (_signal, work) => work, left);
    // Whoever gave it up has not heard that nobody knows what became of it.
    const unknown: unknown[] = [];
    for (const work of left)
      await work.catch((error: unknown) => isOutcomeUnknown(error) && unknown.push(error));
    if (unknown.length > 0) throw unknown[0];
    if (!outcome.ok) throw outcome.error;
    return outcome.value;
  }

  /** What sends a command under way here. */
  private get sending(): Sending | undefined {
    const sending = inside.getStore();
    return sending?.commands === this ? sending : undefined;
  }

  private async attempted<Result>(
    command: object,
    options: DispatchOptions,
    waiting: typeof untilAborted,
    left: Promise<unknown>[],
  ): Promise<Attempted<Result>> {
    let commandId: string | undefined;
    const running = (async () => {
      const { signal, commandId: given } = knownOptions(options, DISPATCH);
      if (this.closing && !this.sending) throw new CommandsClosed();
      if (given !== undefined && !isName(given, LIMITS.idBytes)) throw new InvalidCommandId(given);
      const { name, carry } = this.handlerOf(command);
      await awaitRules(command, name);
      signal?.throwIfAborted();
      const run = (id: string) => {
        commandId = id;
        const work = (called: string) => {
          const context = Context.current().withCommand(id).with({ command: called });
          return inside.run({ commands: this, left }, () =>
            context.run(async () => carry(command, { commandId: id, signal })),
          );
        };
        // What was carried out when the command had another name is repeated under that.
        const running = work(name).catch((error: unknown) => {
          const called = error instanceof CommandIdReused && error.commandId === id ? error.recorded : name;
          if (!definitionOf(classOf(command)!)?.aliases.includes(called)) throw error;
          return work(called);
        });
        return waiting(signal, this.waitedFor(running), left);
      };
      if (given !== undefined) return run(given);
      // In a handler or a command the id follows from what is being done: a handler that runs again sends the same command.
      return Context.current().saving(`command:${name}`, (derived) => run(derived ?? newId()));
    })();
    try {
      const value = (await this.waitedFor(running)) as Result;
      return { ok: true, value, commandId: commandId! };
    } catch (error) {
      return { ok: false, error, commandId };
    }
  }

  /** The command of a stable name or alias, for reading one that was stored. @throws NoCommandHandler */
  named(name: string): EventType {
    for (const cls of this.handlers.keys()) {
      const definition = definitionOf(cls);
      if (definition?.name === name || definition?.aliases.includes(name)) return eventTypeOf(cls as Class);
    }
    throw new NoCommandHandler(name, this.known);
  }

  /** Takes no more, and waits for those under way, also for one whose caller gave up: 30 seconds at most, for one that hangs would hold up the process for ever. */
  async close(): Promise<void> {
    await (this.closing ??= inTime(LONGEST_CLOSE_MS, this.ended(), { instead: undefined }));
  }

  /** Also what a caller has given up: it goes on, and would find the stores closed. */
  private waitedFor<T>(work: Promise<T>): Promise<T> {
    const ended = work.then(ignore, ignore).finally(() => this.running.delete(ended));
    this.running.add(ended);
    return work;
  }

  private async ended(): Promise<void> {
    while (this.running.size > 0) await Promise.all(this.running);
  }

  private handlerOf(command: unknown): { readonly name: string; readonly carry: Carry } {
    const cls = classOf(command);
    const carry = cls && this.handlers.get(cls);
    const name = cls ? commandName(cls) : shown(command);
    if (!carry) throw new NoCommandHandler(name, this.known);
    return { name, carry };
  }

  private bound({ command, handling }: BoundHandler): readonly [Class, Carry] {
    const { on, id, do: decide, create = false, attempts } = handling;
    const carry: Carry = (given, { signal }) =>
      this.repository(on).update(id(given), (aggregate) => decide(aggregate, given), {
        create,
        ...(attempts !== undefined && { attempts }),
        ...(signal && { signal }),
      });
    return [command, carry];
  }
}

/** A command under way: what it sends in turn belongs to it. */
interface Sending {
  readonly commands: Commands;
  /** What goes on though whoever sent it has given up. */
  readonly left: Promise<unknown>[];
}

const inside = new AsyncLocalStorage<Sending>();

const ignore = () => undefined;

type Carry = (command: object, context: CommandContext) => unknown;

const LONGEST_CLOSE_MS = 30_000;

async function untilAborted<T>(
  signal: AbortSignal | undefined,
  work: Promise<T>,
  left: Promise<unknown>[],
): Promise<T> {
  if (!signal) return work;
  let stop = () => {};
  const aborted = new Promise<never>((_, reject) => {
    stop = () => {
      left.push(work);
      reject(signal.reason as Error);
    };
    signal.addEventListener('abort', stop, { once: true });
  });
  try {
    return await Promise.race([work, aborted]);
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

const DISPATCH: OptionNames<DispatchOptions> = { commandId: true, signal: true };

function classOf(command: unknown): Class | undefined {
  const prototype =
    typeof command === 'object' && command !== null
      ? (Object.getPrototypeOf(command) as object | null)
      : null;
  return prototype ? (prototype.constructor as Class) : undefined;
}

function carriedOutBy(handler: object): readonly (readonly [Class, Carry])[] {
  const cls = handler.constructor as AnyClass;
  const rows = commandsOf(cls);
  if (rows.length === 0)
    throw new InvalidDefinition(cls.name, 'carries out no command: give it @CommandHandler(TheCommand).');
  return rows.map(({ command, method }) => [
    command,
    (given, context) => (handler as Record<string | symbol, Carry>)[method]!(given, context),
  ]);
}
