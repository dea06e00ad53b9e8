import type { EventStore } from '@backstory/core';
import { InvalidOption } from '@backstory/core/store';
import { shown } from '@backstory/core/state';

/** @throws InvalidOption for what is neither a position nor an instant */
export function requireWhen(when: unknown): asserts when is number | Date {
  const isTime = when instanceof Date ? !Number.isNaN(when.getTime()) : typeof when === 'number';
  if (!isTime)
    throw new InvalidOption('when', `must be a position of the log or a valid Date, not ${shown(when)}.`);
}

/** The position of the log at an instant, for what was recorded up to one is a prefix of it. @throws InvalidOption beyond the head */
export async function positionAt(events: EventStore, when: number | Date): Promise<number> {
  if (typeof when === 'number') {
    const { head } = await events.identity();
    if (Number.isSafeInteger(when) && when >= 0 && when <= head) return when;
    throw new InvalidOption('when', `must be an instant or a position from 0 to ${head}, not ${when}.`);
  }
  const query = { recordedUpTo: when, backwards: true, limit: 1, includeSystem: true } as const;
  for await (const page of events.readAll(query)) return page.events[0]?.position ?? 0;
  return 0;
}
