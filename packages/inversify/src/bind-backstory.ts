import { modelOf, type EventSourcedAggregate } from '@backstory/aggregate';
import { InvalidOption } from '@backstory/core/store';
import type { Class } from '@backstory/events';
import type { App } from 'backstory';
import type { Bind, IsBound, OnActivation } from 'inversify';
import { AggregateNotInjectable, AppAlreadyBound } from './errors.js';
import { repositoryOf } from './repository-of.js';
import { BACKSTORY } from './service-identifiers.js';

/** Where an app is bound: a Container, or what the function of a ContainerModule is given. */
export interface Bindings {
  readonly bind: Bind;
  readonly isBound: IsBound;
  readonly onActivation: OnActivation;
}

/**
 * Binds what a running app has to give: the app, its log, its state, and the repository of each aggregate under
 * `repositoryOf(Account)`. It waits for nothing and opens nothing. Who started the app closes it.
 *
 * ```ts
 * const app = await bank.start();
 * const container = new Container();
 * await container.load(new ContainerModule((module) => bindBackstory(module, app)));
 * ```
 *
 * @throws InvalidOption for what is no running app or no container; AppAlreadyBound; AggregateNotInjectable for an aggregate
 * with Inversify's decorators. Nothing is bound then.
 */
export function bindBackstory(container: Bindings, app: App): void {
  // Functions have a `bind`, too: releases before 7 gave one to modules.
  if (typeof (container as Partial<Bindings> | undefined)?.onActivation !== 'function')
    throw new InvalidOption('container', NO_CONTAINER);
  if (typeof (app as Partial<App> | undefined)?.repository !== 'function')
    throw new InvalidOption('app', 'must be a running app: bindBackstory(container, await bank.start()).');
  if (container.isBound(BACKSTORY.app)) throw new AppAlreadyBound(app.name);
  app.aggregates.forEach(refuseDecorated);
  container.bind(BACKSTORY.app).toConstantValue(app);
  container.bind(BACKSTORY.events).toConstantValue(app.events);
  container.bind(BACKSTORY.state).toConstantValue(app.state);
  for (const aggregate of app.aggregates) {
    container.bind(repositoryOf(aggregate)).toConstantValue(app.repository(aggregate));
    refuseResolving(aggregate, container);
  }
}

const NO_CONTAINER =
  'must be a Container of Inversify 7.11 or later, or what it gives to the function of a ContainerModule: ' +
  'new ContainerModule((module) => bindBackstory(module, app)).';

/** `@injectable` and `@inject` would be without effect. */
function refuseDecorated(aggregate: Class<EventSourcedAggregate>): void {
  // Inversify brings reflect-metadata, whose global types are not this package's to add.
  const { getMetadataKeys } = Reflect as unknown as { getMetadataKeys?: (cls: Class) => readonly unknown[] };
  if (!getMetadataKeys?.(aggregate).some((key) => String(key).startsWith('@inversifyjs/'))) return;
  const { name } = modelOf(aggregate);
  throw new AggregateNotInjectable(
    name,
    `${name} is an aggregate and has Inversify's decorators, but nothing is injected into an aggregate: ` +
      'remove them, and give what a decision needs to its method.',
  );
}

function refuseResolving(aggregate: Class<EventSourcedAggregate>, container: Bindings): void {
  const { name } = modelOf(aggregate);
  const refuse = (): never => {
    throw new AggregateNotInjectable(
      name,
      `${name} is an aggregate, and a container gives none: inject its repository, ` +
        `@inject(repositoryOf(${name})), and load or update it there by its id.`,
    );
  };
  let asking = false;
  // Stands back where it was bound by somebody else, who would otherwise be told of an ambiguity.
  const bare = (): boolean => {
    if (asking) return false;
    asking = true;
    try {
      return !container.isBound(aggregate);
    } finally {
      asking = false;
    }
  };
  container.bind(aggregate).toDynamicValue(refuse).when(bare);
  container.onActivation(aggregate, refuse);
}
