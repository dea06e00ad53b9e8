import { memory, type EventStore, type LogPage } from '@backstory/core';
import { Deposited, recording } from '../../../../test/support/bank-events.js';
import { modelOf } from '../definition/projection-source.js';
import type { SqlModel } from '../tables/sql-model.js';
import { sqlProjection } from '../tables/sql-projection.js';
import { TablesAsOf } from './tables-as-of.js';

const model = modelOf(
  sqlProjection('days', {
    version: 1,
    tables: { days: { columns: { day: 'text' }, key: ['day'] } },
    events: { Deposited },
    handle: { Deposited: async () => undefined },
  }),
) as SqlModel;

it('events with more characters than may be held are refused, however few they are', async () => {
  const opened = await memory().open();
  const { events, state } = opened;
  await recording(events)('1', new Deposited(1), new Deposited(2));
  const padding = ' '.repeat(17 * 2 ** 20);
  const padded: EventStore = Object.assign(Object.create(events) as EventStore, {
    async *readAll(...given: Parameters<EventStore['readAll']>): AsyncGenerator<LogPage> {
      for await (const page of events.readAll(...given))
        yield { ...page, events: page.events.map((it) => ({ ...it, data: it.data + padding })) };
    },
  });
  const at = (position: number) => new TablesAsOf({ model, events: padded, state }, position);
  const nothing = async () => undefined;
  await expect(at(2).query(nothing)).rejects.toThrow(/more than 32 Mi characters of account.deposited/);
  // One alone is not too much for it, and the next thing in the way is that memory has no SQL.
  await expect(at(1).query(nothing)).rejects.toThrow(/this state store has no SQL/);
  await opened.close();
});
