import { types } from 'node:util';
import { InvalidDefinition, type Class } from '@backstory/events';
import { eventTypeOf, type ObjectFields } from '@backstory/events/codec';
import { AsyncDecision, AsyncFold } from './errors.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';
import type { StateOptions } from './state-options.js';

/** What a decider is made of, when types are no matter any more. */
export interface UntypedParts extends StateOptions {
  readonly initial: unknown;
  readonly events: Readonly<Record<string, Class>>;
  readonly decide: Readonly<Record<string, (state: unknown, ...given: never[]) => unknown>>;
  readonly evolve: Readonly<Record<string, (state: unknown, event: never) => unknown>>;
  readonly fields?: ObjectFields;
}

/** @throws InvalidDefinition, AsyncFold, AsyncDecision, NotAnEvent for what the compiler does not see, or JavaScript is not told */
export function checkParts(category: string, parts: UntypedParts): void {
  const subject = `decider(${JSON.stringify(category)})`;
  requireTable(subject, 'parts', parts);
  const unknown = Object.keys(parts).find((name) => !PARTS.includes(name));
  if (unknown !== undefined)
    throw new InvalidDefinition(subject, `has a part "${unknown}": its parts are ${PARTS.join(', ')}.`);
  for (const part of ['events', 'decide', 'evolve'] as const) requireTable(subject, part, parts[part]);
  if (parts.initial === undefined)
    throw new InvalidDefinition(subject, 'needs an initial state: { initial: { balance: 0 }, … }.');
  checkEvents(subject, parts);
  checkEvolve(category, subject, parts);
  checkDecide(category, parts);
}

const PARTS = ['initial', 'events', 'decide', 'evolve', 'fields', 'version', 'snapshots'];

function requireTable(subject: string, part: string, given: unknown): void {
  if (typeof given === 'object' && given !== null && !Array.isArray(given)) return;
  throw new InvalidDefinition(subject, `needs ${part}: ${EXAMPLES[part]!}.`);
}

const EXAMPLES: Readonly<Record<string, string>> = {
  parts: "decider('account', { initial, events, decide, evolve })",
  events: 'an object of event classes, { events: { Deposited }, … }',
  decide: 'an object of functions, { decide: { deposit: (state, amount) => new Deposited(amount) }, … }',
  evolve: 'an object of functions, { evolve: { Deposited: (state, event) => ({ … }) }, … }',
};

function checkEvents(subject: string, { events }: UntypedParts): void {
  const names = new Map<Class, string>();
  for (const [name, cls] of Object.entries(events)) {
    if (typeof cls !== 'function')
      throw new InvalidDefinition(
        `${subject} events.${name}`,
        'is no event class: two files that import each other leave it undefined.',
      );
    eventTypeOf(cls);
    const other = names.get(cls);
    if (other !== undefined)
      throw new InvalidDefinition(
        `${subject} events.${name}`,
        `is the same class as events.${other}: one event, one name.`,
      );
    names.set(cls, name);
  }
}

function checkEvolve(category: string, subject: string, { events, evolve }: UntypedParts): void {
  for (const name of Object.keys(events)) {
    if (!Object.hasOwn(evolve, name))
      throw new InvalidDefinition(
        subject,
        `has no evolve.${name}: add ${name}: (state, event) => …, or ${name}: (state) => state if it rightly changes nothing.`,
      );
  }
  for (const [name, fold] of Object.entries(evolve)) {
    if (!Object.hasOwn(events, name))
      throw new InvalidDefinition(
        subject,
        `has evolve.${name}, but no event of that name: add its class to events.`,
      );
    requireFunction(`${category}.evolve.${name}`, fold);
    if (isAsync(fold)) throw new AsyncFold(`${category}.evolve.${name}`);
  }
}

function checkDecide(category: string, { decide }: UntypedParts): void {
  for (const [name, decision] of Object.entries(decide)) {
    const at = `${category}.${name}`;
    const clashes = name === 'state' || name === 'then' || name.startsWith('evolve.');
    if (clashes || name in EventSourcedAggregate.prototype)
      throw new InvalidDefinition(at, `cannot be a command, because ${taken(name)}: give it another name.`);
    requireFunction(at, decision);
    if (isAsync(decision)) throw new AsyncDecision(at);
  }
}

function taken(name: string): string {
  if (name === 'then') return 'whatever has a "then" is taken for a promise';
  if (name.startsWith('evolve.')) return 'names like this are those of the functions that evolve the state';
  return `every aggregate has a property "${name}"`;
}

function requireFunction(at: string, given: unknown): void {
  if (typeof given !== 'function') throw new InvalidDefinition(at, 'is no function.');
}

function isAsync(given: unknown): boolean {
  return types.isAsyncFunction(given) || types.isGeneratorFunction(given);
}
