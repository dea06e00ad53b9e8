export { bindBackstory, type Bindings } from './bind-backstory.js';
export { BACKSTORY } from './service-identifiers.js';
export { repositoryOf } from './repository-of.js';
export { AggregateNotInjectable, AppAlreadyBound } from './errors.js';
