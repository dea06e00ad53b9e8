import { types } from 'node:util';
import { Context, newId, type ContextFields } from '@backstory/core';
import { shown } from '@backstory/core/state';
import {
  InvalidOption,
  LIMITS,
  isName,
  knownOptions,
  numberOption,
  type OptionNames,
} from '@backstory/core/store';
import { classOfEvent, definitionOf, eventTypeOf } from '@backstory/events/codec';
import { InvalidSchedule } from './errors.js';
import { LAST_TIME, type StoredSchedule } from './schedule.js';

/** When, and under which name. */
export interface ScheduleOptions {
  /** At this time, also one that is past. */
  readonly at?: Date;
  /** So many milliseconds from now. */
  readonly after?: number;
  /** Again and again, so many milliseconds apart; the first time `at` or `after`, or else one such time from now. */
  readonly every?: number;
  /** To cancel or replace it by. Default: a new one; in a handler or command one that follows from it. */
  readonly id?: string;
  /** For an event: the stream that it will be recorded in. Without it what is scheduled is a command. */
  readonly stream?: string;
}

/** A schedule as it will be kept. @throws InvalidSchedule, InvalidOption, InvalidData, UnstorableValue */
export async function scheduleOf(
  message: object,
  options: ScheduleOptions,
  now: number,
): Promise<StoredSchedule> {
  const { stream, id: given, every } = knownOptions(options, OPTIONS);
  const cls = classOfEvent(message);
  const definition = definitionOf(cls);
  if (!definition)
    throw new InvalidSchedule(
      cls.name,
      stream === undefined
        ? "what is kept for later needs a name that stays: @Command('order.give-up')."
        : "is no event: give the class its own @DomainEvent('what.happened').",
    );
  if (stream !== undefined && !isName(stream, LIMITS.stream))
    throw new InvalidSchedule('stream', 'is no name of a stream.');
  if (given !== undefined && !isName(given, LONGEST_ID))
    throw new InvalidSchedule('id', `must be a name of at most ${LONGEST_ID} bytes.`);
  if (every !== undefined) numberOption('every', every, 1, Number.MAX_SAFE_INTEGER);
  const due = firstTime(options, now);
  const encoded = eventTypeOf(cls).encode(message);
  // Derived in a handler or a command, so that doing it again schedules it once.
  const derived = await derivedToken(`schedule:${given ?? definition.name}`);
  const token = derived ?? newId();
  return {
    id: given ?? token,
    token,
    ...(derived !== undefined && { isDerived: true as const }),
    kind: stream === undefined ? 'command' : 'event',
    ...(stream !== undefined && { stream }),
    ...encoded,
    context: carriedOn(Context.current().fields),
    due,
    ...(every !== undefined && { every }),
    tryAt: due,
    state: 'waiting',
    attempts: 0,
  };
}

/** What follows from the run of the handler or command at hand; `undefined` where nothing is run again. */
export function derivedToken(what: string): Promise<string | undefined> {
  return Context.current().saving(what, async (derived) => derived);
}

const OPTIONS: OptionNames<ScheduleOptions> = { at: true, after: true, every: true, id: true, stream: true };
/** @throws InvalidOption for what no schedule can be called */
export function requireId(id: unknown): asserts id is string {
  if (isName(id, LONGEST_ID)) return;
  throw new InvalidOption(
    'id',
    `must be the id of a schedule, a text of 1 to ${LONGEST_ID} bytes, not ${shown(id)}.`,
  );
}

/** With the time before it, it is a key of the state store. */
const LONGEST_ID = 512;

function firstTime({ at, after, every }: ScheduleOptions, now: number): string {
  if (at !== undefined && after !== undefined)
    throw new InvalidSchedule('at', 'is given together with after: give one of them.');
  if (at === undefined && after === undefined && every === undefined)
    throw new InvalidSchedule('at', 'is missing: say when, with at, after or every.');
  if (at !== undefined && (!types.isDate(at) || Number.isNaN(at.getTime())))
    throw new InvalidSchedule('at', 'must be a valid Date.');
  if (after !== undefined) numberOption('after', after, 0, Number.MAX_SAFE_INTEGER);
  const time = at?.getTime() ?? now + (after ?? every!);
  if (!(time >= FIRST_TIME && time <= LAST_TIME))
    throw new InvalidSchedule('at', 'must be in the years 0000 to 9999.');
  if (every !== undefined && time + every > LAST_TIME)
    throw new InvalidSchedule('every', 'has no second time in the years 0000 to 9999.');
  return new Date(Math.ceil(time)).toISOString();
}

const FIRST_TIME = Date.parse('0000-01-01T00:00:00.000Z');

/** What a scheduled command or event follows from. The command at hand and its trace will be over by then. */
function carriedOn(fields: ContextFields): ContextFields {
  const { correlationId, causationId, actor, tenant, priority, origin, own } = fields;
  return Object.fromEntries(
    Object.entries({ correlationId, causationId, actor, tenant, priority, origin, own }).filter(
      ([, it]) => it !== undefined,
    ),
  );
}
