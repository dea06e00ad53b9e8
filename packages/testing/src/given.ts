import { modelOf, recordOf, type AggregateModel, type EventSourcedAggregate } from '@backstory/aggregate';
import { newId, streamName, type NewEvent, type StoredEvent } from '@backstory/core';
import type { Class } from '@backstory/events';
import { checkOutcome, type Expected, type Outcome } from './given-outcome.js';

/**
 * A test of one decision: what has happened, what is done, what must come of it.
 *
 * ```ts
 * given(Account, [new Deposited(10)]).when((account) => account.withdraw(5)).expect([new Withdrawn(5)]);
 * given(Account, []).when((account) => account.withdraw(5)).expect(InsufficientFunds);
 * given(Account, [new Deposited(10)]).when((account) => account.withdraw(5)).expect({ state: { balance: 5 } });
 * ```
 *
 * It works under every test runner. Where `when` is given an async function, `expect` gives a promise to await.
 */
export function given<A extends EventSourcedAggregate>(
  cls: Class<A>,
  events: readonly object[] = [],
  { id = 'given' }: { readonly id?: string } = {},
): Given<A> {
  return new Given(modelOf(cls), events, id);
}

/** What has happened. */
export class Given<A extends EventSourcedAggregate> {
  constructor(
    private readonly model: AggregateModel<A>,
    private readonly events: readonly object[],
    private readonly id: string,
  ) {}

  /** What is done. It runs when the expectation is stated. */
  when<R>(act: (aggregate: A) => R): When<A, R> {
    return new When(this.model, this.events, { id: this.id, act });
  }
}

/** What has happened and what is done. */
export class When<A extends EventSourcedAggregate, R> {
  constructor(
    private readonly model: AggregateModel<A>,
    private readonly events: readonly object[],
    private readonly action: { readonly id: string; readonly act: (aggregate: A) => R },
  ) {}

  /**
   * What must come of it: exactly these events, this error (its class, an instance, or a pattern for its message), or
   * `{ events, state }`. Of the state only the named properties are compared, as they are read back from storage.
   *
   * @throws AssertionError with the difference
   */
  expect(expected: Expected): R extends PromiseLike<unknown> ? Promise<void> : void;
  expect(expected: Expected): Promise<void> | void {
    const before = this.events.map((event) => this.model.types.encode(event));
    const aggregate = this.fold(before);
    const check = (outcome: Omit<Outcome<A>, 'model' | 'aggregate' | 'replayed'>) => {
      const replayed = this.fold([...before, ...recordOf(aggregate).pending]);
      checkOutcome({ model: this.model, aggregate, replayed, ...outcome }, expected);
    };
    let result: R;
    try {
      result = this.action.act(aggregate);
    } catch (error) {
      return check({ error });
    }
    if (!isPromise(result)) return check({});
    return Promise.resolve(result).then(
      () => check({}),
      (error: unknown) => check({ error }),
    );
  }

  private fold(events: readonly NewEvent[]): A {
    const aggregate = this.model.create(this.action.id);
    const stream = streamName(this.model.category, this.action.id);
    this.model.fold(
      aggregate,
      events.map((event, i) => asStored(event, stream, i + 1)),
    );
    return aggregate;
  }
}

function asStored({ type, schemaVersion = 1, data }: NewEvent, stream: string, version: number): StoredEvent {
  return {
    id: newId(),
    stream,
    version,
    position: version,
    type,
    schemaVersion,
    data,
    metadata: '{}',
    appendIndex: 0,
    recordedAt: new Date(),
  };
}

function isPromise(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}
