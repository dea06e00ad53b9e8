import { hash } from 'node:crypto';
import { readRecorded, type EventStore, type StoredEvent } from '@backstory/core';
import type { Known } from './event-checks.js';
import { placeOf, type Findings } from './finding.js';

/** What is asked of events beside those that caused them: a few questions a page, however long the log. */
export class CauseChecks {
  /** Causes of which all effects were compared. */
  private readonly asked = new Set<string>();

  constructor(
    private readonly store: EventStore,
    private readonly findings: Findings,
  ) {}

  async see(page: readonly Known[]): Promise<void> {
    const caused = page.filter(({ metadata }) => metadata.causationId !== undefined);
    await this.causes(caused);
    await this.twice(caused);
  }

  private async causes(caused: readonly Known[]): Promise<void> {
    const positions = await this.positionsOf(caused.map(({ metadata }) => metadata.causationId!));
    for (const { event, metadata } of caused) {
      const { causationId, source = '' } = metadata;
      const cause = positions.get(causationId!);
      if (cause !== undefined && cause < event.position) continue;
      this.findings.add(
        cause === undefined ? 'missing-cause' : 'later-cause',
        {
          subject: source,
          what:
            cause === undefined
              ? 'the event that is said to have caused it is not in the log'
              : 'it was recorded before the event that is said to have caused it',
          todo: 'Causation names recorded events, as the context of a handler does; ids of other systems go to origin.',
        },
        placeOf(event),
      );
    }
  }

  private async positionsOf(ids: readonly string[]): Promise<ReadonlyMap<string, number>> {
    const positions = new Map<string, number>();
    for (const some of portions([...new Set(ids)]))
      for await (const { events } of this.store.readAll({ ids: some, includeSystem: true }))
        for (const { id, position } of events) positions.set(id, position);
    return positions;
  }

  /**
   * An effect is there twice where two appends made the same of the same cause, and one of them at least has no id that follows from what
   * was done: of two with such ids each was meant. A cause is asked about once, with all its effects.
   */
  private async twice(caused: readonly Known[]): Promise<void> {
    const suspects = caused
      .filter(({ event }) => !isDerived(event))
      .map(({ metadata }) => metadata.causationId!);
    const fresh = [...new Set(suspects)].filter((id) => !this.asked.has(id));
    if (this.asked.size > MOST_ASKED) this.asked.clear();
    for (const id of fresh) this.asked.add(id);
    for (const some of portions(fresh)) {
      const first = new Map<string, Effect>();
      for await (const { events } of this.store.readAll({ causationIds: some }))
        for (const event of events) this.compare(first, event);
    }
  }

  private compare(first: Map<string, Effect>, event: StoredEvent): void {
    const { stream, type, data, position, appendIndex } = event;
    const { causationId } = readRecorded(event).metadata;
    const key = hash('sha1', JSON.stringify([causationId, stream, type, data]), 'base64');
    const effect = { position, appendIndex, isDerived: isDerived(event) };
    const before = first.get(key);
    if (!before) first.set(key, effect);
    if (!before || isSameAppend(before, effect) || (before.isDerived && effect.isDerived)) return;
    this.findings.add(
      'done-twice',
      {
        subject: type,
        what: 'the same was recorded twice in the same stream, of the same cause, by two appends',
        todo: 'Record in the context of the handler, Context.handling(event, …), or with a commandId: then a repetition is recognised. What is twice by now is put right with a new event.',
      },
      placeOf(event),
    );
  }
}

/** What is remembered of an effect to know it again. */
interface Effect extends Pick<StoredEvent, 'position' | 'appendIndex'> {
  readonly isDerived: boolean;
}

const MOST_ASKED = 100_000;

/** So many ids are asked for at a time. */
const AT_ONCE = 200;

function* portions<T>(items: readonly T[]): Generator<readonly T[], void> {
  for (let i = 0; i < items.length; i += AT_ONCE) yield items.slice(i, i + AT_ONCE);
}

/** UUID v8: it follows from what was done, by whom, for which event. */
function isDerived({ id }: StoredEvent): boolean {
  return id[14] === '8';
}

/** An append has its events next to each other, counted from 0. */
function isSameAppend(before: Effect, event: Effect): boolean {
  return event.position - before.position === event.appendIndex - before.appendIndex;
}
