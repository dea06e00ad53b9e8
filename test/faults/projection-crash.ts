import type { Storage } from '@backstory/core';
import { DomainEvent } from '@backstory/events';
import { postgres } from '@backstory/postgres';
import { projection } from '@backstory/projection';
import { sqlite } from '@backstory/sqlite';

@DomainEvent('thing.counted')
export class Counted {
  constructor(readonly n: number) {}
}

/** Every event changes the document of its stream and the one of all: what is folded twice, or never, shows in both. */
export const totals = projection('totals', {
  version: 1,
  key: ({ stream }) => [stream, 'all'],
  indexes: ['sum'],
  initial: { sum: 0, events: 0, order: '' },
  events: { Counted },
  fold: {
    Counted: ({ sum, events, order }, { n }, { position }) => ({
      sum: sum + n,
      events: events + 1,
      order: `${order}${position} `.slice(-60),
    }),
  },
});

/** A PostgreSQL database by its URL, else a SQLite file. */
export function storageOf(place: string): Storage {
  return place.startsWith('postgres') ? postgres(place) : sqlite(place);
}
