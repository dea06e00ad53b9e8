import type { AggregateModel } from '@backstory/aggregate';
import { categoryOf, idOf, readRecorded, type StoredEvent } from '@backstory/core';
import type { Json } from '@backstory/events';
import type { Expression, Names } from '@backstory/router/filter';
import { NoSuchPath } from './errors.js';
import { LivePart } from './live-part.js';
import { StateView } from './state-view.js';

/** A moment in the history of a stream, to which a question is put. */
export interface Asked {
  /** Of the live aggregate. */
  readonly value: unknown;
  /** The last event; `null` at version 0. */
  readonly event: StoredEvent | null;
}

/** Names in a question to a state beside those of its properties. */
export const STATE_NAMES = ['$state', '$before', '$event', '$version', '$stream', '$id'];

/**
 * A question that is put to each state of a stream in turn. Only those properties of the state are looked at that the
 * expression names, each compared with what it was: a question costs little, however large the state is.
 */
export class StateQuestion {
  /** Properties that the expression names and that no state had so far. */
  readonly unseen: Set<string>;
  private readonly parts: ReadonlyMap<string, LivePart>;
  private readonly whole: LivePart | undefined;
  private readonly view = new StateView();
  private before: unknown;

  constructor(
    private readonly expression: Expression,
    private readonly model: AggregateModel<object>,
    private readonly stream: string,
  ) {
    const names = [...expression.names].filter((it) => !STATE_NAMES.includes(it));
    this.parts = new Map(names.map((name) => [name, new LivePart(model, [name])]));
    this.unseen = new Set(names);
    const isWhole = expression.names.has('$state') || expression.names.has('$before');
    this.whole = isWhole ? new LivePart(model, []) : undefined;
  }

  /** Whether it holds. `$before` is the state that was asked before. @throws UnstorableValue */
  holds({ value, event }: Asked): boolean {
    const state = this.whole && this.view.of(this.whole.read(value), this.model.type);
    const values = new Map<string, unknown>();
    for (const [name, part] of this.parts) {
      const found: Json | undefined = part.read(value);
      if (found !== undefined) this.unseen.delete(name);
      values.set(name, this.view.of(found, part.type));
    }
    const holds = this.expression.holds(this.namesFor({ values, state, event }));
    this.before = state;
    return holds;
  }

  private namesFor({ values, state, event }: Moment): Names {
    const { stream, before } = this;
    return (name) => {
      if (values.has(name)) return values.get(name);
      if (name === '$state') return state;
      if (name === '$before') return before;
      if (name === '$version') return event?.version ?? 0;
      if (name === '$event') return event ? eventView(event) : null;
      if (name === '$stream') return stream;
      return name === '$id' ? idOf(stream) : undefined;
    };
  }
}

/** It holds nowhere because it is misspelt. @throws NoSuchPath */
export function refuseUnseen(
  { stream, head }: { readonly stream: string; readonly head: number },
  unseen: ReadonlySet<string>,
  model: AggregateModel<object>,
): void {
  const [path] = unseen;
  if (path === undefined) return;
  const known = Object.keys(model.value(model.create(idOf(stream))) ?? {});
  throw new NoSuchPath(stream, head, path, known);
}

interface Moment {
  readonly values: ReadonlyMap<string, unknown>;
  readonly state: unknown;
  readonly event: StoredEvent | null;
}

/** An event as an expression sees it: JSON, with times as text. */
export function eventView(event: StoredEvent): Readonly<Record<string, unknown>> {
  const { recordedAt, ...recorded } = readRecorded(event);
  return {
    ...recorded,
    recordedAt: recordedAt.toISOString(),
    category: categoryOf(event.stream),
    streamId: idOf(event.stream),
  };
}
