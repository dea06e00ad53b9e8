import { Recorder, type StoredEvent } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import { AppendWatch } from './append-watch.js';

it.each(['01890a5d-ac96-774b-bcce-b302099a8057', '01890a5d-ac96-774b-bcce-fffffffffffe'])(
  'the events of append %s are found among others',
  async (appendId) => {
    const store = new MemoryEventStore();
    const recorder = new Recorder(store, { source: 'bank' });
    const event = { type: 'noted', data: '{}' };
    const write = (events: number) => [
      { stream: 'a-1', expected: 'any' as const, events: Array.from({ length: events }, () => event) },
    ];
    await recorder.record(write(2));
    const { ids } = await recorder.record(write(4), { appendId });
    await recorder.record(write(2));
    const watch = new AppendWatch(appendId);
    const events: StoredEvent[] = [];
    for await (const page of store.readStream('a-1', { pageSize: 3 })) {
      events.push(...page.events);
      watch.see(page.events);
    }
    expect(events).toHaveLength(8);
    expect(watch.found).toEqual({ ids, version: 6, position: 6 });
    expect(ids[0]).toBe(appendId);
  },
);

it('an append that is not there is not found', () => {
  const watch = new AppendWatch('01890a5d-ac96-774b-bcce-b302099a8057');
  watch.see([]);
  expect(watch.found).toBeUndefined();
});
