import assert, { AssertionError } from 'node:assert';
import { recordOf, strayChange, type AggregateModel, type EventSourcedAggregate } from '@backstory/aggregate';
import { isPlain } from '@backstory/events/codec';

/** What a test expects of a decision. */
export type Expected = readonly object[] | ErrorClass | Error | RegExp | ExpectedChange;

/** Events in order, the state, or both. Of a state that is an object only the named properties are compared. */
export interface ExpectedChange {
  readonly events?: readonly object[];
  readonly state?: unknown;
}

/** A class of errors, abstract or not. */
export type ErrorClass = abstract new (...args: never[]) => Error;

/** What came of it. */
export interface Outcome<A extends EventSourcedAggregate> {
  readonly model: AggregateModel<A>;
  readonly aggregate: A;
  /** Another instance, made from the events alone. */
  readonly replayed: A;
  /** What was thrown, if anything was. */
  readonly error?: unknown;
}

/** @throws AssertionError, or the error that was thrown where none was expected */
export function checkOutcome<A extends EventSourcedAggregate>(outcome: Outcome<A>, expected: Expected): void {
  checkStateFollows(outcome);
  if (typeof expected === 'function' || expected instanceof Error || expected instanceof RegExp) {
    checkError(outcome, expected);
    return;
  }
  if ('error' in outcome) throw outcome.error;
  checkExpectation(expected);
  const { events, state }: ExpectedChange = Array.isArray(expected)
    ? { events: expected as object[] }
    : (expected as ExpectedChange);
  if (events) checkEvents(outcome, events);
  if (state !== undefined) checkState(outcome, state);
}

/** An expectation of nothing would always be met. */
function checkExpectation(expected: readonly object[] | ExpectedChange): void {
  if (Array.isArray(expected)) return;
  const names = Object.keys(expected);
  const odd = names.find((name) => name !== 'events' && name !== 'state');
  if (odd === undefined && names.length > 0) return;
  const problem = odd === undefined ? 'an empty object' : `"${odd}"`;
  throw new TypeError(`Nothing is expected by ${problem}: give { events: […] }, { state: { … } } or both.`);
}

/** State that did not come from events would be lost when the aggregate is loaded again. */
function checkStateFollows<A extends EventSourcedAggregate>({
  model,
  aggregate,
  replayed,
}: Outcome<A>): void {
  const record = recordOf(aggregate);
  if (!record.isUsable) return;
  const [actual, expected] = [model.state(aggregate), model.state(replayed)];
  const stray = strayChange(record, actual, expected);
  if (stray) compare(actual, expected, stray.message);
}

function checkError<A extends EventSourcedAggregate>(
  outcome: Outcome<A>,
  expected: ErrorClass | Error | RegExp,
): void {
  const wanted = typeof expected === 'function' ? expected.name : String(expected);
  if (!('error' in outcome)) {
    const raised = recordOf(outcome.aggregate).pending.map(({ type }) => type);
    fail(
      `${outcome.model.name} was expected to refuse with ${wanted}, but raised ${raised.join(', ') || 'nothing'}.`,
      outcome,
      expected,
    );
  }
  const { error } = outcome;
  if (typeof expected === 'function') {
    if (!(error instanceof expected))
      fail(`Expected ${wanted}, but ${String(error)} was thrown.`, outcome, expected);
  } else if (expected instanceof RegExp) {
    if (!expected.test(error instanceof Error ? error.message : String(error)))
      fail(`${String(error)} does not match ${wanted}.`, outcome, expected);
  } else {
    compare(factsOf(error), factsOf(expected), 'Another error was thrown than expected:');
  }
}

function checkEvents<A extends EventSourcedAggregate>(
  { model, aggregate }: Outcome<A>,
  expected: readonly object[],
): void {
  const decode = (type: string, stored: { readonly schemaVersion?: number; readonly data: string }) =>
    model.types.find(type)!.decode({ schemaVersion: 1, ...stored });
  const raised = recordOf(aggregate).pending.map((event) => decode(event.type, event));
  const wanted = expected.map((event) => {
    const encoded = model.types.encode(event);
    return decode(encoded.type, encoded);
  });
  compare(raised, wanted, `${model.name} raised other events than expected:`);
}

function checkState<A extends EventSourcedAggregate>(
  { model, replayed }: Outcome<A>,
  expected: unknown,
): void {
  const readBack = model.value(model.restore(replayed.id, model.state(replayed), recordOf(replayed)));
  const what = `The state of ${model.name} is another than expected:`;
  if (!isPlain(expected) || typeof readBack !== 'object' || readBack === null)
    return compare(readBack, expected, what);
  const named = Object.keys(expected).map((name) => [name, (readBack as Record<string, unknown>)[name]]);
  compare(Object.fromEntries(named), expected, what);
}

function factsOf(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  return { ...error, class: error.constructor.name, message: error.message };
}

function compare(actual: unknown, expected: unknown, what: string): void {
  try {
    assert.deepStrictEqual(actual, expected);
  } catch (error) {
    if (!(error instanceof AssertionError)) throw error;
    throw new AssertionError({
      message: `${what}\n${error.message}`,
      actual,
      expected,
      operator: 'deepStrictEqual',
    });
  }
}

function fail<A extends EventSourcedAggregate>(
  message: string,
  outcome: Outcome<A>,
  expected: unknown,
): never {
  throw new AssertionError({ message, actual: outcome.error, expected, operator: 'given' });
}
