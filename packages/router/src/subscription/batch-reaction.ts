import { Context } from '@backstory/core';
import { LONGEST_TIMER, knownOptions, numberOption, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition, type AnyClass, type Class } from '@backstory/events';
import { ClassTable, metadataOf } from '@backstory/events/codec';
import type { Batch, BatchDelivery, BatchHandling } from './batch.js';
import { requireEventClass, type Reaction, type ReactionSettings } from './reaction.js';

/** How a handler is run that takes several events at once. */
export interface BatchSettings extends Omit<ReactionSettings, 'when'> {
  /** At most so many events. Default 100. */
  readonly size?: number;
  /** At most so many bytes of data and metadata; one event may have more. Default 1,048,576. */
  readonly bytes?: number;
  /** How long an event waits for others. Default 0: for none that are not there. */
  readonly waitMs?: number;
}

/** `batchReaction([Deposited, Withdrawn], (batch, { once }) => …, { size: 500 })`: what a subscriber made of functions does on events, many at once. */
export function batchReaction<const C extends readonly Class[]>(
  events: C,
  run: BatchHandling<EventOf<C[number]>>,
  options: BatchSettings & { readonly name?: string } = {},
): readonly Reaction[] {
  requireEvents('batchReaction(…)', events);
  if (typeof run !== 'function')
    throw new InvalidDefinition(
      'batchReaction(…)',
      `needs a function: batchReaction([${events[0]!.name}], (batch) => …).`,
    );
  const {
    name,
    size = 100,
    bytes = 1_048_576,
    waitMs = 0,
    ...settings
  } = knownOptions(options, { ...SETTINGS, name: true });
  const batch: Batch = {
    size: Math.floor(numberOption('size', size, 1, 10_000)),
    bytes: numberOption('bytes', bytes, 1, Number.MAX_SAFE_INTEGER),
    waitMs: numberOption('waitMs', waitMs, 0, LONGEST_TIMER),
    run: run as unknown as Batch['run'],
  };
  const called = name ?? (run.name || events.map((it) => it.name).join());
  return events.map((event) => ({ event, name: called, run: alone(batch), settings, batch }));
}

/** An instance of one of these event classes. */
export type EventOf<C> = C extends Class<infer E> ? E : never;

/** `@BatchHandler([Deposited, Withdrawn], { size: 500 })`: calls this method of a subscriber with several events at once. */
export function BatchHandler<const C extends readonly Class[]>(
  events: C,
  settings: BatchSettings = {},
): BatchDecorator<EventOf<C[number]>> {
  return (target: object, at: string | symbol | ClassMethodDecoratorContext) => {
    const isContext = typeof at === 'object';
    const method = isContext ? at.name : at;
    requireEvents(String(method), events);
    rows.add(isContext ? metadataOf(at) : target.constructor, { events, method, settings });
  };
}

/** Works as a legacy and as a TC39 method decorator. */
export interface BatchDecorator<E extends object> {
  (prototype: object, key: string | symbol, descriptor: { readonly value?: BatchHandling<E> }): void;
  <T extends object>(method: BatchHandling<E>, context: ClassMethodDecoratorContext<T>): void;
}

/** The handlers of several events that a class declares, bound to an instance. */
export function batchReactionsOf(subscriber: object, cls: AnyClass): readonly Reaction[] {
  const own = subscriber as Record<string | symbol, BatchHandling<object>>;
  // A method overridden in a subclass is one handler, with what was said of it last.
  const last = new Map(rows.all(cls).map((row) => [row.method, row]));
  return [...last.values()].flatMap(({ events, method, settings }) =>
    batchReaction(events, (batch, delivery) => own[method]!(batch, delivery), {
      ...settings,
      name: String(method),
    }),
  );
}

const SETTINGS: OptionNames<BatchSettings> = {
  ...{ retry: true, timeoutMs: true, priority: true },
  ...{ size: true, bytes: true, waitMs: true },
};

/** @throws InvalidDefinition */
function requireEvents(subject: string, events: unknown): void {
  if (!Array.isArray(events) || events.length === 0)
    throw new InvalidDefinition(subject, 'needs a list of event classes: [Deposited, Withdrawn].');
  for (const event of events) requireEventClass(subject, event);
}

interface Row {
  readonly events: readonly Class[];
  readonly method: string | symbol;
  readonly settings: BatchSettings;
}

const rows = new ClassTable<Row>('batchHandlers');

/** With one event, as any handler is run. It belongs to no flow: with others it could not. */
function alone({ run }: Batch): Reaction['run'] {
  return (_event, recorded, delivery) => {
    const { subscription, handler, attempt } = delivery;
    const given: BatchDelivery = {
      ...{ subscription, handler, attempt },
      get signal() {
        return delivery.signal;
      },
      once: (work) => delivery.once(recorded, (tx) => work(tx, [recorded])),
      handling: (it, work) => Context.handling(it, { subscription, handler }).run(work),
    };
    return Context.none.run(() => run([recorded], given));
  };
}
