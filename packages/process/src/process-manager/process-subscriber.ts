import { Context, type RecordedEvent } from '@backstory/core';
import { shown } from '@backstory/core/state';
import { InvalidDefinition, type AnyClass } from '@backstory/events';
import { handlersOf } from '@backstory/events/codec';
import { reaction, subscriber, type FunctionalSubscriber, type ReactionSettings } from '@backstory/router';
import type { RepositoryOf } from '../command/commands.js';
import { ProcessIdMissing } from './errors.js';
import { declaredProcess, type DeclaredProcess } from './process-manager.js';
import type { ProcessState } from './process-state.js';
import { ProcessStep, type ProcessParts } from './process-step.js';

/** What a process manager runs on. An application is one. */
export interface ProcessHost extends ProcessParts {
  readonly repository: RepositoryOf;
}

/**
 * The subscriber that a process manager is. The events of one process are handled in order, whatever streams they are in. Each is one
 * change of the process's state: found recorded, the handler does not run again.
 *
 * @throws InvalidDefinition
 */
export function processSubscriber(manager: object, host: ProcessHost): FunctionalSubscriber {
  const { name, subscription, key, steps } = planOf(manager, host);
  const on = steps.map(({ event, name: step, settings, run }) =>
    reaction(event, (_, recorded, { signal }) => run(recorded, signal), { ...settings, name: step }),
  );
  return subscriber({ ...subscription, name, key, on });
}

/**
 * Shows one event to a process manager, as its subscription does; for tests, which then say when. What the steps throw fails it.
 *
 * @throws InvalidDefinition
 */
export function processReactor(
  manager: object,
  host: ProcessHost,
): (recorded: RecordedEvent<object>, signal?: AbortSignal) => Promise<void> {
  const { name: subscription, steps } = planOf(manager, host);
  return async (recorded, signal = new AbortController().signal) => {
    for (const { event, name: handler, settings, run } of steps) {
      if (!(recorded.data instanceof event) || !isWanted(settings, recorded)) continue;
      await Context.handling(recorded, { subscription, handler }).run(() => run(recorded, signal));
    }
  };
}

/** A process manager with everything found out, and checked before the first event. */
function planOf(manager: object | null, host: ProcessHost) {
  if (typeof manager !== 'object' || manager === null)
    throw new InvalidDefinition(shown(manager), 'is no process manager: give an instance of its class.');
  const cls = manager.constructor as AnyClass;
  const declared = declaredProcess(cls);
  if (!declared)
    throw new InvalidDefinition(
      cls.name,
      "is no process manager: decorate the class with @ProcessManager('…', { state, id }).",
    );
  const { name, subscription } = declared;
  const key = idFunction(declared);
  // A method overridden in a subclass is one handler, however often it is declared.
  const rows = new Map(handlersOf(cls).map((row) => [`${String(row.method)}\n${row.event.name}`, row]));
  const steps = [...rows.values()].map(({ event, method, options = {} }) => {
    const run = runOf({ manager, method, declared, key, host });
    return { event, name: String(method), settings: options as ReactionSettings, run };
  });
  return { name, subscription, key, steps };
}

interface StepParts {
  readonly manager: object;
  readonly method: string | symbol;
  readonly declared: DeclaredProcess;
  readonly key: (recorded: RecordedEvent<object>) => string;
  readonly host: ProcessHost;
}

function runOf({ manager, method, declared, key, host }: StepParts) {
  const states = host.repository(declared.state);
  const own = manager as Record<string | symbol, (...given: unknown[]) => unknown>;
  return async (recorded: RecordedEvent<object>, signal: AbortSignal): Promise<void> => {
    const id = key(recorded);
    const decide = (state: ProcessState) =>
      own[method]!(recorded.data, recorded, new ProcessStep(declared.name, id, state, host, signal));
    await states.update(id, decide, {
      create: true,
      command: `${declared.name}.${String(method)}`,
      signal,
    });
  };
}

/** @throws ProcessIdMissing */
function idFunction({ name, id }: DeclaredProcess): (recorded: RecordedEvent) => string {
  return (recorded) => {
    const own =
      typeof id === 'function'
        ? id(recorded as RecordedEvent<never>)
        : (recorded.data as Readonly<Record<string, unknown>>)[id];
    if (typeof own !== 'string' || own === '') throw new ProcessIdMissing(name, recorded.type);
    return own;
  };
}

function isWanted({ when }: ReactionSettings, recorded: RecordedEvent<object>): boolean {
  if (when === undefined) return true;
  return typeof when === 'function' ? when(recorded) : when.matches(recorded);
}
