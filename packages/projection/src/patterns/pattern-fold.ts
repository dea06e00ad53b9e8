import type { RecordedEvent } from '@backstory/core';
import type { Class } from '@backstory/events';
import { atOnce } from '../definition/at-once.js';
import { momentOf } from '../windows/moment.js';
import { instantText } from '../windows/window-document.js';
import type { Step } from './step.js';

/** What is kept of a pattern under one key: what has begun and is not complete. */
export interface PatternDocument<Memory> {
  /** The latest time of an event of the key. */
  time: string | null;
  /** Matches so far. */
  found: number;
  /** First steps that were forgotten because too many were waiting. */
  forgotten: number;
  open: OpenMatch<Memory>[];
}

/** Some steps of a pattern, the next of which is still to come. */
export interface OpenMatch<Memory> {
  readonly from: string;
  readonly to: string;
  /** The ids of the events of the steps so far. */
  readonly events: readonly string[];
  readonly memory: Memory;
}

/** A pattern that was found: from when to when, the ids of the events of its steps, and what was remembered of them. */
export interface PatternMatch<Memory> extends OpenMatch<Memory> {
  /** The how manieth of its key, from 1. */
  readonly number: number;
}

/** A pattern with everything decided. */
export interface Rules<Memory> {
  /** JSON, of which every match begins with a copy. */
  readonly initial: string;
  readonly withinMs: number;
  readonly steps: readonly Step<Memory>[];
  readonly without: readonly Step<Memory>[];
  readonly maxOpen: number;
}

interface Arrived {
  readonly event: Class;
  readonly recorded: RecordedEvent<object>;
}

/** Goes on with what has begun, and gives what is complete. */
export function takeByPattern<Memory>(
  rules: Rules<Memory>,
  document: PatternDocument<Memory>,
  arrived: Arrived,
): readonly PatternMatch<Memory>[] {
  const { steps, without, maxOpen } = rules;
  const at = momentOf(arrived.recorded);
  const time = Math.max(at, document.time === null ? -Infinity : Date.parse(document.time));
  document.time = instantText(time);
  const found: PatternMatch<Memory>[] = [];
  document.open = document.open.flatMap((open) => {
    if (time > Date.parse(open.from) + rules.withinMs) return [];
    // What happened before the last step is neither the next one nor in between.
    if (at < Date.parse(open.to)) return [open];
    const next = steps[open.events.length]!;
    if (!fits(next, open.memory, arrived))
      return without.some((it) => fits(it, open.memory, arrived)) ? [] : [open];
    const longer = after(open, next, arrived, at);
    if (longer.events.length < steps.length) return [longer];
    found.push({ number: ++document.found, ...longer });
    return [];
  });
  const [first] = steps as [Step<Memory>];
  const begun = {
    from: instantText(at),
    to: instantText(at),
    events: [],
    memory: JSON.parse(rules.initial) as Memory,
  };
  if (fits(first, begun.memory, arrived) && time <= at + rules.withinMs)
    document.open.push(after(begun, first, arrived, at));
  if (document.open.length > maxOpen) {
    document.open.shift();
    document.forgotten++;
  }
  return found;
}

function fits<Memory>({ event, when }: Step<Memory>, memory: Memory, arrived: Arrived): boolean {
  if (event !== arrived.event) return false;
  return !when || atOnce(when(arrived.recorded.data, memory, arrived.recorded), 'its `when`');
}

function after<Memory>(
  { from, events, memory }: OpenMatch<Memory>,
  { keep }: Step<Memory>,
  { recorded }: Arrived,
  at: number,
): OpenMatch<Memory> {
  return {
    from,
    to: instantText(at),
    events: [...events, recorded.id],
    memory: keep ? atOnce(keep(recorded.data, memory, recorded), 'its `keep`') : memory,
  };
}
