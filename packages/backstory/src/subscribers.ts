import { InvalidDefinition, type Class } from '@backstory/events';
import { declaredProcess, processSubscriber } from '@backstory/process';
import { declaredSubscriber, type FunctionalSubscriber } from '@backstory/router';
import type { App } from './app.js';

/**
 * A subscriber of an application: a class with `@Subscriber` or `@ProcessManager` that is made without arguments, an instance of one, what `subscriber` made,
 * or a function that makes one of these from the app.
 */
export type SubscriberSource = Class | object | FunctionalSubscriber | ((app: App) => object);

/** @throws InvalidDefinition */
export function checkedSubscribers(given: unknown): readonly SubscriberSource[] {
  if (!Array.isArray(given))
    throw new InvalidDefinition(
      'defineBackstory',
      'needs a list of subscribers: write { subscribers: […] }.',
    );
  // Not forEach: it passes over holes.
  for (const [i, source] of given.entries()) {
    if (typeof source === 'function' || (typeof source === 'object' && source !== null)) continue;
    const problem = `was given subscribers[${i}], which is ${String(source)}: two files that import each other leave it so.`;
    throw new InvalidDefinition('defineBackstory', problem);
  }
  return given as readonly SubscriberSource[];
}

/** The subscriber that a source stands for in this app. */
export function subscriberFrom(source: SubscriberSource, app: App): object {
  const made = madeFrom(source, app);
  return declaredProcess(made.constructor as Class) ? processSubscriber(made, app) : made;
}

function madeFrom(source: SubscriberSource, app: App): object {
  if (typeof source !== 'function') return source;
  if (declaredSubscriber(source as Class) || declaredProcess(source as Class))
    return new (source as new () => object)();
  // A class that is no subscriber cannot be called: it is refused by its name.
  if (/^class\b/.test(Function.prototype.toString.call(source)))
    throw new InvalidDefinition(
      source.name,
      "is no subscriber: decorate the class with @Subscriber('…') or @ProcessManager('…').",
    );
  return (source as (app: App) => object)(app);
}
