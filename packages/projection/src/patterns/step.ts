import type { RecordedEvent } from '@backstory/core';
import { InvalidDefinition, type Class } from '@backstory/events';

/** An event of a class, on a condition, and what is remembered of it. */
export function step<Event extends object, Memory>(
  event: Class<Event>,
  { when, keep }: StepOptions<Event, Memory> = {},
): Step<Memory> {
  if (typeof event !== 'function')
    throw new InvalidDefinition('step(…)', 'needs an event class: step(Deposited, { when: … }).');
  return Object.freeze({ event, when, keep }) as unknown as Step<Memory>;
}

/** Which events of a class are meant. Pure functions. */
export interface StepOptions<Event extends object, Memory> {
  /** Default: all. `before` is what is remembered of the steps before it. */
  readonly when?: (event: Event, before: Memory, recorded: RecordedEvent<Event>) => boolean;
  /** What is remembered after it. Default: the same as before. */
  readonly keep?: (event: Event, before: Memory, recorded: RecordedEvent<Event>) => NoInfer<Memory>;
}

/** Made by {@link step}. */
export interface Step<Memory> {
  readonly event: Class;
  readonly when: ((event: object, before: Memory, recorded: RecordedEvent<object>) => boolean) | undefined;
  readonly keep: ((event: object, before: Memory, recorded: RecordedEvent<object>) => Memory) | undefined;
}
