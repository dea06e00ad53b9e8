import { LIMITS, isName, knownOptions, type OptionNames } from '@backstory/core/store';
import { ClassTable, type AnyClass, type Class } from './class-table.js';
import { InvalidDefinition } from './errors.js';

/**
 * Data of one version of an event turned into data of the next. It is given JSON and returns JSON; written as
 * `(old: { amount: number }) => ({ ...old, currency: 'EUR' })` it states what it expects.
 */
export type Upcaster = { upcast(data: Record<string, unknown>): unknown }['upcast'];

/** How an event class has changed since its first events were recorded. */
export interface DomainEventOptions {
  /** The version of the shape of its data. Default 1. */
  readonly version?: number;
  /** Earlier names. Events recorded under them are read as this class. */
  readonly aliases?: readonly string[];
  /** For each earlier version, how its data becomes data of the next one. */
  readonly upcast?: Readonly<Record<number, Upcaster>>;
}

/** What `@DomainEvent` says of a class. */
export interface EventDefinition {
  readonly name: string;
  readonly version: number;
  readonly aliases: readonly string[];
  readonly upcast: Readonly<Record<number, Upcaster>>;
}

/**
 * `@DomainEvent('account.deposited')`: the stable name under which events of this class are recorded.
 * By convention `{domain}.{what happened}`. Renaming the class does not change it. Without decorator syntax:
 * `DomainEvent('account.deposited')(class Deposited { … })`, which gives the class.
 */
export function DomainEvent(
  name: string,
  options: DomainEventOptions = {},
): <C extends Class>(cls: C, context?: ClassDecoratorContext) => C {
  return (cls) => {
    const { version = 1, aliases = [], upcast = {} } = knownOptions(options, OPTIONS);
    const problem =
      [name, ...aliases].map(nameProblem).find((it) => it !== undefined) ?? versionProblem(version, upcast);
    if (problem) throw new InvalidDefinition(cls.name, problem);
    if (definitionOf(cls))
      throw new InvalidDefinition(
        cls.name,
        'has two @DomainEvent decorators: use aliases for earlier names.',
      );
    table.add(cls, Object.freeze({ name, version, aliases, upcast }));
    return cls;
  };
}

/** What the class's own `@DomainEvent` says. Not inherited: a subclass without its own name is not an event. */
export function definitionOf(cls: AnyClass): EventDefinition | undefined {
  return table.own(cls)[0];
}

const OPTIONS: OptionNames<DomainEventOptions> = { version: true, aliases: true, upcast: true };
const table = new ClassTable<EventDefinition>('event');

function nameProblem(name: unknown): string | undefined {
  if (typeof name !== 'string' || name === '')
    return "has an event type without a name: @DomainEvent('what.happened').";
  if (Buffer.byteLength(name) > LIMITS.type)
    return `has an event type name of more than ${LIMITS.type} bytes: "${name.slice(0, 40)}…".`;
  if (!isName(name, LIMITS.type))
    return `has an event type name with control or broken characters: ${JSON.stringify(name)}.`;
  return undefined;
}

function versionProblem(version: number, upcast: Readonly<Record<number, Upcaster>>): string | undefined {
  if (!Number.isSafeInteger(version) || version < 1) return `has version ${version}: versions are 1, 2, 3 …`;
  const needless = Object.keys(upcast).find((from) => !(Number(from) >= 1 && Number(from) < version));
  return (
    needless && `has an upcaster from version ${needless}, but is at version ${version}: raise the version.`
  );
}
