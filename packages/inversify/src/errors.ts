import { BackstoryError } from '@backstory/core';

/** An aggregate was to come out of a container, or has Inversify's decorators. Only repositories make aggregates. */
export class AggregateNotInjectable extends BackstoryError {
  readonly code = 'BACKSTORY_AGGREGATE_NOT_INJECTABLE';
  constructor(
    readonly aggregate: string,
    message: string,
  ) {
    super(message);
  }
}

/** A second app was to be bound in a container. */
export class AppAlreadyBound extends BackstoryError {
  readonly code = 'BACKSTORY_APP_ALREADY_BOUND';
  constructor(readonly app: string) {
    super(
      `${app} is not bound, because the container or a parent of it has an app already: bind one app once, ` +
        'and give another one a container of its own.',
    );
  }
}
