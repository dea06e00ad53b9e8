import { modelOf, type EventSourcedAggregate } from '@backstory/aggregate';
import type { Class } from '@backstory/events';
import type { Repository } from '@backstory/repository';
import type { ServiceIdentifier } from 'inversify';

/**
 * What to inject to get the repository of an aggregate; always the same for the same aggregate.
 *
 * ```ts
 * constructor(@inject(repositoryOf(Account)) private readonly accounts: Repository<Account>) {}
 * ```
 *
 * @throws InvalidDefinition and the like for what is no aggregate
 */
export function repositoryOf<A extends EventSourcedAggregate>(
  aggregate: Class<A>,
): ServiceIdentifier<Repository<A>> {
  const known = identifiers.get(aggregate);
  if (known !== undefined) return known;
  const { name } = modelOf(aggregate);
  // Inversify quotes it where nothing is bound, so it says what to do.
  const made = Symbol(`repositoryOf(${name}), bound by bindBackstory for an app with aggregates: [${name}]`);
  identifiers.set(aggregate, made);
  return made;
}

const identifiers = new WeakMap<object, symbol>();
