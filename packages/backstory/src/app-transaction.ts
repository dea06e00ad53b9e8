import type { EventSourcedAggregate } from '@backstory/aggregate';
import { Context, TransactionOutcomeUnknown, newId, type StoreTransaction } from '@backstory/core';
import { InvalidOption, LIMITS, isName, knownOptions, type OptionNames } from '@backstory/core/store';
import type { RecordOptions } from './record-options.js';

/** Given to the function of `app.within`: what it records is committed together with what the function did by its client. */
export interface AppTransaction {
  /** Records what the aggregate raised. Whether somebody else was faster shows when the transaction ends. */
  save(aggregate: EventSourcedAggregate): Promise<void>;
  /** Records events that no aggregate raised. */
  record(stream: string, events: readonly object[], options?: Omit<RecordOptions, 'appendId'>): Promise<void>;
}

/** How `app.within` goes about it. */
export interface WithinOptions {
  /** The id of what is being done: doing it again, even in another process, changes nothing and records nothing. */
  readonly commandId?: string;
}

/**
 * What became of a transaction. `repeated: true`: an earlier one with the same command id, or of the same run of a handler, had
 * been committed; this one was rolled back, so there is no value.
 */
export type Within<T> =
  { readonly repeated: false; readonly value: T } | { readonly repeated: true; readonly value: undefined };

/** Where a transaction saves and records. */
export interface AppTransactionParts {
  begin(id: string): Promise<StoreTransaction | undefined>;
  save(aggregate: EventSourcedAggregate, into: Appends): Promise<unknown>;
  record(stream: string, events: readonly object[], options: object, into: Appends): Promise<unknown>;
}

export type Appends = Pick<StoreTransaction, 'append'>;

/** Runs `work` in a transaction and commits, or rolls back when it fails. */
export async function within<T>(
  parts: AppTransactionParts,
  work: (transaction: AppTransaction) => T | Promise<T>,
  options: WithinOptions,
): Promise<Within<T>> {
  const { commandId } = knownOptions(options, OPTIONS);
  if (typeof work !== 'function') throw new InvalidOption('work', NO_FUNCTION);
  if (commandId !== undefined && !isName(commandId, LIMITS.idBytes))
    throw new InvalidOption(
      'commandId',
      `must be a text of 1 to ${LIMITS.idBytes} bytes, not ${String(commandId)}.`,
    );
  const context = Context.current();
  if (commandId !== undefined)
    return repeatable(commandId, context.withCommand(commandId), () => attempt(parts, commandId, work));
  return context.saving(SCOPE, (derived) => {
    const id = derived ?? newId();
    // What it records has ids that follow from this one; no event says that it was a command's.
    const inside = context.withCommand(id).with({ commandId: context.fields.commandId });
    return repeatable(id, inside, () => attempt(parts, id, work));
  });
}

/** The saves of a transaction are told apart from those around it. */
const SCOPE = 'within';

async function repeatable<T>(commandId: string, context: Context, run: () => Promise<T>): Promise<T> {
  try {
    return await context.run(run);
  } catch (error) {
    if (!(error instanceof TransactionOutcomeUnknown)) throw error;
    throw new TransactionOutcomeUnknown(error.store, commandId, { cause: error });
  }
}

async function attempt<T>(
  parts: AppTransactionParts,
  id: string,
  work: (transaction: AppTransaction) => T | Promise<T>,
): Promise<Within<T>> {
  const into = await parts.begin(id);
  if (!into) return REPEATED;
  const recording: Promise<unknown>[] = [];
  const kept = (begin: (into: Appends) => Promise<unknown>) => keep(into, recording, begin);
  let value: T;
  try {
    value = await work({
      save: (aggregate) => kept((it) => parts.save(aggregate, it)),
      record: (stream, events, options = {}) => kept((it) => parts.record(stream, events, options, it)),
    });
  } catch (error) {
    await into.rollback(error);
    throw error;
  }
  const results = await into.commit();
  if (!results) return REPEATED;
  await Promise.all(recording);
  return { repeated: false, value };
}

const REPEATED = { repeated: true, value: undefined } as const;

/** Waits until what is recorded waits in the transaction, or is refused. Its end comes with the transaction's. */
async function keep(
  into: Appends,
  recording: Promise<unknown>[],
  begin: (into: Appends) => Promise<unknown>,
): Promise<void> {
  let waits = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (waits = resolve));
  const recorded = begin({
    append: (writes) => {
      const result = into.append(writes);
      waits();
      return result;
    },
  });
  recorded.catch(() => undefined); // told by commit or, before it waits, here
  await Promise.race([waiting, recorded]);
  recording.push(recorded);
}

const OPTIONS: OptionNames<WithinOptions> = { commandId: true };

const NO_FUNCTION =
  'must be a function that is given the transaction: (transaction) => transaction.save(account).';
