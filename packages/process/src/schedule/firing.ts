import type { RecordResult } from '@backstory/core';
import { UnknownEventType, type EventTypes } from '@backstory/events';
import type { Commands } from '../command/commands.js';
import type { SchedulerParts } from './scheduler-parts.js';

/** What schedules become when they are due. */
export interface FiringParts {
  readonly commands: Commands;
  readonly types: EventTypes;
  readonly record: (
    stream: string,
    events: readonly object[],
    options: { readonly appendId: string },
  ) => Promise<RecordResult>;
}

/** A command is dispatched, an event recorded: read as they are now, through their upcasters. */
export function firing({ commands, types, record }: FiringParts): Pick<SchedulerParts, 'fire' | 'check'> {
  return {
    check({ kind, type }) {
      if (kind === 'command') commands.named(type);
      else if (!types.find(type)) throw new UnknownEventType(type);
    },
    async fire({ stream, ...stored }, id, signal) {
      if (stream === undefined)
        return commands.carryOut(commands.named(stored.type).decode(stored), { commandId: id, signal });
      const type = types.find(stored.type);
      if (!type) throw new UnknownEventType(stored.type);
      return record(stream, [type.decode(stored)], { appendId: id });
    },
  };
}
