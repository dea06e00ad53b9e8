import type { ExpectedVersion, RecordResult } from '@backstory/core';
import { InvalidOption, LIMITS, isName, knownOptions, type OptionNames } from '@backstory/core/store';
import type { GivenMetadata } from '@backstory/events/codec';
import type { HandlerOutcome } from './deliver.js';
import type { Dropped } from './middleware.js';

/** How events are published. */
export interface PublishOptions {
  /** Deliver and do not record. Default false. */
  readonly transient?: boolean;
  /** Give back when every handler has ended (`'handlers'`, the default) or when the events are recorded (`'record'`). */
  readonly wait?: 'handlers' | 'record';
  /** Default `'any'`. Not for transient events. */
  readonly expected?: ExpectedVersion;
  /** What the ambient context does not say. */
  readonly metadata?: GivenMetadata;
  /** Repeats a publishing whose record's outcome is unknown. Not for transient events. */
  readonly appendId?: string;
}

/** What became of a publishing. */
export interface Published {
  /** `undefined`: nothing was, because it was transient or all of it was dropped. */
  readonly record: RecordResult | undefined;
  /** What middleware kept back. */
  readonly dropped: readonly Dropped[];
  /** Of each handler, when they were waited for. */
  readonly outcomes: readonly HandlerOutcome[];
  /** Why events that are recorded could not be handed out; above all that they could not be read back. */
  readonly undelivered: unknown;
  /** Outcomes when all have ended, also where nobody waits for them. It does not fail. */
  readonly settled: Promise<HandedOut>;
}

/** How handing out ended. */
export type HandedOut = Pick<Published, 'outcomes' | 'undelivered'>;

/** @throws InvalidOption */
export function checkPublishing(stream: unknown, events: unknown, options: PublishOptions): PublishOptions {
  if (!isName(stream, LIMITS.stream))
    throw new InvalidOption('stream', `must be the name of a stream, of ${LIMITS.stream} bytes at most.`);
  if (!Array.isArray(events)) throw new InvalidOption('events', 'must be a list, also of one event.');
  const { transient, wait, expected, appendId } = knownOptions(options, PUBLISH);
  if (transient !== undefined && typeof transient !== 'boolean')
    throw new InvalidOption('transient', `must be true or false, not ${String(transient)}.`);
  if (wait !== undefined && wait !== 'handlers' && wait !== 'record')
    throw new InvalidOption('wait', `must be 'handlers' or 'record', not ${String(wait)}.`);
  if (transient && wait === 'record')
    throw new InvalidOption(
      'wait',
      'a transient event is not recorded: there is nothing to wait for but its handlers.',
    );
  if (transient && (expected !== undefined || appendId !== undefined))
    throw new InvalidOption(
      expected === undefined ? 'appendId' : 'expected',
      'a transient event is not recorded.',
    );
  return options;
}

const PUBLISH: OptionNames<PublishOptions> = {
  transient: true,
  wait: true,
  expected: true,
  metadata: true,
  appendId: true,
};
