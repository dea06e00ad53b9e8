import type { foldsOnly } from '@backstory/events/codec';
import { recordOf } from './aggregate-record.js';
import { raise, type RaiseMetadata } from './raise.js';

/**
 * The base of aggregates: objects whose state follows from their events alone.
 *
 * ```ts
 * @Aggregate('account')
 * class Account extends EventSourcedAggregate {
 *   balance = 0;
 *   deposit(amount: number) { this.raise(new Deposited(amount)); }
 *   @EventHandler(Deposited) protected deposited(event: Deposited) { this.balance += event.amount; }
 * }
 * ```
 *
 * Subclasses have no constructor parameters; a repository makes them. Their own properties are the state: what JSON does
 * not know is declared with `@Field`, and a property that is `undefined` counts as absent. Only handlers change it: outside
 * production (by NODE_ENV) state that anything else has changed is refused, before saving at the latest.
 */
export abstract class EventSourcedAggregate {
  /** For the types only: handlers here fold. */
  declare readonly [foldsOnly]: true;

  /** What follows the category in the name of its stream. */
  get id(): string {
    return recordOf(this).id;
  }

  /** The version of the last event folded, counting those raised and not yet saved. 0: nothing has happened. */
  get version(): number {
    return recordOf(this).version;
  }

  /**
   * Says that something has happened: checks the event, folds it as it will be read back, and keeps it until the
   * aggregate is saved. `metadata` says what the ambient context does not, above all `occurredAt` for imports.
   *
   * The state is checked as well: a state of up to about 100 values with every event, a larger one with the first after a load or
   * a save, then now and then, and always before it is saved. So `save` may refuse what many events have made of a large state.
   *
   * @throws InvalidData, UnstorableValue, MissingHandler, RaiseFailed, RaiseInFold, AsyncFold, ChangedWithoutEvent, UpdateOver
   */
  protected raise(event: object, metadata?: RaiseMetadata): void {
    raise(this, event, metadata);
  }
}
