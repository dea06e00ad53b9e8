import type { NewEvent } from '@backstory/core';
import { internals } from '@backstory/events/codec';
import { AggregateUnusable, AggregateWithoutId, ReadOnlyAggregate, UpdateOver } from './errors.js';
import type { FoldPlan } from './fold-plan.js';
import { isProduction } from './is-production.js';

/** What the framework knows about one instance. It is kept under a symbol and is no part of the state. */
export class AggregateRecord {
  /** Of the last event folded, recorded or pending. */
  version = 0;
  /** Of the last recorded event, in the log. 0: none. */
  position = 0;
  /** Raised and not yet recorded. */
  readonly pending: NewEvent[] = [];
  /** Whether what costs time with every event is checked. Asked once for an instance, for asking is slow. */
  readonly isDevelopment = !isProduction();
  /** The state that the events made, as text; in development only, where it is compared with the state there is. */
  folded: string | undefined;
  /** Instead of it, where the state is too large to be looked at with every raise: a copy that only events reach. */
  twin: object | undefined;
  /** How many values the state had when it was last looked at. */
  size = 0;
  /** What raises have earned of the next look. */
  earned = 0;
  /** The version at which the whole state was last known to be storable. */
  checkedAt = 0;
  /** The handler at work. */
  folding: string | symbol | undefined;
  /** Set when the instance was loaded as of the past: `at version 3`. */
  readOnly: string | undefined;
  saving = false;
  /** Set when the function of the update that this instance was loaded for has returned. */
  isUpdateOver = false;
  private broken: AggregateUnusable | undefined;

  constructor(
    readonly plan: FoldPlan,
    readonly id: string,
    /** Nobody will raise on it: its state is not kept for comparison. */
    readonly isOnlyFolded = false,
  ) {}

  get isUsable(): boolean {
    return this.broken === undefined;
  }

  /** What made it unusable. */
  get failure(): unknown {
    return this.broken?.cause;
  }

  /** @throws AggregateUnusable */
  checkUsable(): void {
    if (this.broken) throw this.broken;
  }

  /** @throws AggregateUnusable, ReadOnlyAggregate */
  checkWritable(): void {
    this.checkUsable();
    if (this.readOnly !== undefined) throw new ReadOnlyAggregate(this.plan.name, this.id, this.readOnly);
  }

  /** @throws AggregateUnusable, ReadOnlyAggregate, UpdateOver */
  checkOpen(): void {
    this.checkWritable();
    if (this.isUpdateOver) throw new UpdateOver(this.plan.name, this.id);
  }

  spoil(reason: string, cause?: unknown): AggregateUnusable {
    this.broken ??= new AggregateUnusable(this.plan.name, this.id, reason, { cause });
    return this.broken;
  }
}

/** What the framework knows about an aggregate: its version, what is pending. @throws AggregateWithoutId when nobody made it with an id */
export function recordOf(aggregate: object): AggregateRecord {
  const record = (aggregate as { [internals]?: AggregateRecord })[internals];
  if (!record) throw new AggregateWithoutId(aggregate.constructor.name);
  return record;
}

/** Not enumerable: printing and comparing an aggregate shows its state. */
export function attachRecord(aggregate: object, record: AggregateRecord): void {
  Object.defineProperty(aggregate, internals, { value: record });
}
