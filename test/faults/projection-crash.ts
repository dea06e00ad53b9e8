import { DomainEvent } from '@backstory/events';
import { projection } from '@backstory/projection';
import { sqlProjection } from '@backstory/projection/sql';
import { count, sliding, sum, windows } from '@backstory/projection/streams';

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

/** The same in tables: an event that is handled twice breaks a key, and one that is not leaves a gap. */
export const ledger = sqlProjection('ledger', {
  version: 1,
  tables: {
    counted: { columns: { position: 'bigint', n: 'bigint not null' }, key: ['position'] },
    sums: {
      columns: { thing: 'text', sum: 'bigint not null', events: 'bigint not null' },
      key: ['thing'],
      indexes: [['sum']],
    },
  },
  events: { Counted },
  handle: {
    Counted: async ({ n }, { position, stream }, { sql, counted, sums }) => {
      await sql`insert into ${counted} (position, n) values (${position}, ${n})`;
      await sql`insert into ${sums} as s (thing, sum, events) values (${stream}, ${n}, 1)
        on conflict (thing) do update set sum = s.sum + excluded.sum, events = s.events + 1`;
    },
  },
});

/** Windows of every stream and of all, in which whatever is folded twice, or never, shows; and what each of them has told. */
export const lately = windows('lately', {
  version: 1,
  key: ({ stream }) => [stream, 'all'],
  events: { Counted },
  value: { Counted: ({ n }) => n },
  shape: sliding({ sizeMs: 200, everyMs: 50 }),
}).reduce({ events: count(), sum: sum() });
