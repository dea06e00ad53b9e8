import type { EventStore, StoredEvent } from '@backstory/core';
import type { ProjectionModel } from '../definition/projection-model.js';
import type { Between } from './events-between.js';
import { Stretch } from '../stretch.js';
import { TextFold, type Folding, type Texts } from './text-fold.js';

/**
 * The events between two generations, read before the view of the state that they are compared on is opened: then neither waits
 * for the other's connection. Where there are too many of them the log is read while the view is open, with a connection more.
 */
export class LogBetween {
  private held: readonly StoredEvent[] = [];
  private range: Between = { after: 0, upTo: 0 };
  /** There are more than are held. */
  isTooLong = false;
  private folded: { readonly fold: TextFold; readonly at: number } | undefined;

  constructor(
    private readonly parts: {
      readonly events: EventStore;
      readonly model: ProjectionModel;
      readonly signal?: AbortSignal | undefined;
    },
  ) {}

  /** Reads on, from a position to the head; anew where that is before what is held. */
  async load(after: number): Promise<void> {
    const { events, model, signal } = this.parts;
    if (after < this.range.after) [this.held, this.range] = [[], { after, upTo: after }];
    const { head } = await events.identity();
    const from = Math.max(after, this.range.upTo);
    const held = this.held.filter(({ position }) => position > after);
    let length = held.reduce((sum, { data }) => sum + data.length, 0);
    this.isTooLong = false;
    for await (const page of events.readAll({
      types: model.typeNames,
      after: from,
      upTo: head,
      pageSize: PAGE,
    })) {
      signal?.throwIfAborted();
      for (const { data } of page.events) length += data.length;
      this.isTooLong ||= length > LONGEST || held.length > MOST;
      if (this.isTooLong) break;
      held.push(...page.events);
    }
    this.held = this.isTooLong ? [] : held;
    this.range = this.isTooLong ? { after: 0, upTo: 0 } : { after, upTo: Math.max(from, head) };
  }

  /** Whether a part of the log need not be read any more. */
  covers({ after, upTo }: Between): boolean {
    return after === upTo || (after >= this.range.after && upTo <= this.range.upTo);
  }

  /** The events of a part of the log, in pages. */
  async *pages({ after, upTo }: Between): AsyncGenerator<readonly StoredEvent[], void> {
    if (this.covers({ after, upTo })) {
      const own = this.held.filter(({ position }) => position > after && position <= upTo);
      for (let at = 0; at < own.length; at += PAGE) yield own.slice(at, at + PAGE);
      return;
    }
    const { events, model, signal } = this.parts;
    for await (const page of events.readAll({ types: model.typeNames, after, upTo, pageSize: PAGE })) {
      signal?.throwIfAborted();
      yield page.events;
    }
  }

  /** Folds the documents that the events held have changed, as they were before those. */
  async foldBefore(after: number, folding: Folding): Promise<void> {
    if (this.folded?.at === after && (await this.hasBefore({ after, upTo: this.range.upTo }))) return;
    this.folded = { at: after, fold: await this.before({ after, upTo: this.range.upTo }, folding) };
  }

  /** Whether the documents that a part of the log has changed are folded up to there. */
  async hasBefore(between: Between): Promise<boolean> {
    const { folded } = this;
    if (folded?.at !== between.after) return false;
    for (const key of await this.keys(between)) if (!folded.fold.has(key)) return false;
    return true;
  }

  /** Documents that a part of the log has changed, as they were before it. */
  async textsBefore(between: Between, folding: Folding): Promise<Texts> {
    if (!(await this.hasBefore(between))) return (await this.before(between, folding)).texts();
    const texts = this.folded!.fold.texts();
    return new Map([...(await this.keys(between))].map((key) => [key, texts.get(key)]));
  }

  private async before(between: Between, folding: Folding): Promise<TextFold> {
    const { model } = this.parts;
    const fold = new TextFold(folding);
    for (const key of await this.keys(between)) fold.begin(key, undefined);
    const stretch = new Stretch();
    for await (const events of this.pages({ after: 0, upTo: between.after }))
      for (const event of events) {
        fold.fold(model.foldable(event));
        if (stretch.isLong) await stretch.pause();
      }
    return fold;
  }

  private async keys(between: Between): Promise<ReadonlySet<string>> {
    const keys = new Set<string>();
    for await (const events of this.pages(between))
      for (const event of events) for (const key of this.parts.model.foldable(event).keys) keys.add(key);
    return keys;
  }
}

const PAGE = 2_000;
/** Events held, and characters of their data. */
const [MOST, LONGEST] = [100_000, 32 * 2 ** 20];
