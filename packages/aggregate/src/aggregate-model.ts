import type { FoldableEvent } from '@backstory/core/administration';
import { UnknownEventType, type Class, type EventTypes, type FieldType, type Json } from '@backstory/events';
import { attachRecord, recordOf, AggregateRecord } from './aggregate-record.js';
import { FoldFailed, NotTheNextEvent } from './errors.js';
import { EventSourcedAggregate } from './event-sourced-aggregate.js';
import { foldPlan, type FoldPlan } from './fold-plan.js';
import { failureOf, fold } from './fold.js';
import type { SnapshotPolicy } from './state-options.js';
import { keepFolded, stateOf } from './state-check.js';
import { stateShape } from './state-shape.js';

/**
 * How aggregates of one kind are made, folded and shown. Repositories and replay know aggregates only through it, so
 * that a kind need not be a class.
 */
export interface AggregateModel<A extends object> {
  /** The name of the class. */
  readonly name: string;
  readonly category: string;
  readonly types: EventTypes;
  /** Changes with the code that makes the state of its events, so that no other code reads what this one has kept. */
  readonly shape: string;
  /** When to keep snapshots; `undefined` for never. */
  readonly snapshots: Required<SnapshotPolicy> | undefined;
  /** Whether its state is never changed in place but replaced, as a decider's. */
  readonly isPure: boolean;
  /** What `value` is declared to be: how its parts are stored, and what tells the elements of a list apart. */
  readonly type: FieldType;
  /** A new instance, to which nothing has happened. */
  create(id: string, use?: InstanceUse): A;
  /**
   * Folds the next events of its stream.
   *
   * @throws UnknownEventType, UpcastFailed, UnreadableEvent, FoldFailed — the instance is unusable then
   */
  fold(aggregate: A, events: readonly FoldableEvent[]): void;
  /** The state as plain JSON, for snapshots, diffs and digests. @throws UnstorableValue */
  state(aggregate: A): Json;
  /** The state as values: the instance with its properties; of a decider what its `evolve` gave. */
  value(aggregate: A): unknown;
  /**
   * The instance whose state this is, as of a recorded event. The JSON becomes part of it: nobody else may hold it.
   *
   * @throws UnreadableValue
   */
  restore(id: string, state: Json, at: RestoredAt): A;
}

/** What an instance is for. */
export interface InstanceUse {
  /** Nobody will raise on it, as in a replay: its state is not kept for comparison, which costs a look at all of it. */
  readonly isOnlyFolded?: boolean;
}

/** Where a state is of, and what the instance that it becomes is for. */
export interface RestoredAt extends InstanceUse {
  readonly version: number;
  readonly position: number;
}

/**
 * The model of an aggregate class; checks the class the first time.
 *
 * @throws InvalidDefinition, PrivateState, AsyncFold, NotAnEvent, MissingUpcaster, DuplicateEventType
 */
export function modelOf<A extends EventSourcedAggregate>(cls: Class<A>): AggregateModel<A> {
  let model = models.get(cls);
  if (!model) models.set(cls, (model = new ClassModel(cls)));
  return model as unknown as AggregateModel<A>;
}

const models = new WeakMap<Class, ClassModel<EventSourcedAggregate>>();

class ClassModel<A extends EventSourcedAggregate> implements AggregateModel<A> {
  readonly name: string;
  readonly category: string;
  readonly types: EventTypes;
  readonly snapshots: Required<SnapshotPolicy> | undefined;
  private readonly plan: FoldPlan;
  private knownShape: string | undefined;
  private knownType: FieldType | undefined;

  constructor(private readonly cls: Class<A>) {
    this.plan = foldPlan(cls, EventSourcedAggregate as unknown as Class);
    this.name = this.plan.name;
    this.category = this.plan.category;
    this.types = this.plan.types;
    this.snapshots = this.plan.state.snapshots;
  }

  get isPure(): boolean {
    return this.plan.form.isPure;
  }

  get type(): FieldType {
    return (this.knownType ??= this.plan.form.type(this.cls));
  }

  get shape(): string {
    const { state, form, types, steps } = this.plan;
    const code = [this.cls, ...form.code];
    const base = EventSourcedAggregate;
    return (this.knownShape ??= stateShape({
      version: state.version,
      code,
      initial: form.initial,
      base,
      types,
      steps,
    }));
  }

  create(id: string, use?: InstanceUse): A {
    const aggregate = this.make(id, use);
    keepFolded(aggregate);
    return aggregate;
  }

  fold(aggregate: A, events: readonly FoldableEvent[]): void {
    const record = recordOf(aggregate);
    record.checkUsable();
    for (const event of events) {
      if (event.version !== record.version + 1)
        throw new NotTheNextEvent(event.stream, event.version, record.version + 1);
      try {
        const step = this.plan.steps.get(event.type);
        if (!step) throw new UnknownEventType(event.type, event, this.name);
        if (step.method !== undefined) fold(aggregate, record, step.method, step.type.decode(event));
      } catch (cause) {
        throw this.failed(record, event, cause);
      }
      record.version = event.version;
      record.position = event.position;
    }
    keepFolded(aggregate);
  }

  state(aggregate: A): Json {
    const record = recordOf(aggregate);
    record.checkUsable();
    return stateOf(aggregate, record);
  }

  value(aggregate: A): unknown {
    return this.plan.form.value(aggregate);
  }

  restore(id: string, state: Json, at: RestoredAt): A {
    const aggregate = this.make(id, at);
    this.plan.form.restore(aggregate, state, this.category);
    const record = recordOf(aggregate);
    record.version = at.version;
    record.position = at.position;
    keepFolded(aggregate);
    return aggregate;
  }

  private make(id: string, { isOnlyFolded = false }: InstanceUse = {}): A {
    const aggregate = new (this.cls as new () => A)();
    attachRecord(aggregate, new AggregateRecord(this.plan, id, isOnlyFolded));
    return aggregate;
  }

  private failed(record: AggregateRecord, { stream, version, type }: FoldableEvent, cause: unknown): unknown {
    const error = failureOf(
      record,
      cause,
      (handler, options) => new FoldFailed(stream, version, type, handler, options),
    );
    record.spoil(`folding version ${version} failed`, error);
    return error;
  }
}
