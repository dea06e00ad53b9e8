import type { RecordedEvent } from '@backstory/core';
import { knownOptions, type OptionNames } from '@backstory/core/store';
import { InvalidDefinition, type Class } from '@backstory/events';

/** An event of a class, on a condition, and what is remembered of it. @throws InvalidDefinition, InvalidOption */
export function step<Event extends object, Memory>(
  event: Class<Event>,
  options: StepOptions<Event, Memory> = {},
): Step<Memory> {
  if (typeof event !== 'function')
    throw new InvalidDefinition('step(…)', 'needs an event class: step(Deposited, { when: … }).');
  const { when, keep } = knownOptions(options, OPTIONS);
  for (const [name, given] of Object.entries({ when, keep }))
    if (given !== undefined && typeof given !== 'function')
      throw new InvalidDefinition('step(…)', `has a \`${name}\` that is no function of the event.`);
  return Object.freeze({ event, when, keep }) as unknown as Step<Memory>;
}

/** Whether something is a list of what {@link step} has made. */
export function areSteps(steps: unknown): boolean {
  return (
    Array.isArray(steps) &&
    steps.every((it) => typeof (it as Partial<Step<never>> | null)?.event === 'function')
  );
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

const OPTIONS: OptionNames<StepOptions<object, unknown>> = { when: true, keep: true };
