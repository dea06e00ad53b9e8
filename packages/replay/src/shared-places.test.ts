import { Aggregate, EventSourcedAggregate } from '@backstory/aggregate';
import { MemoryEventStore } from '@backstory/core/store';
import { Recorder } from '@backstory/core';
import { DomainEvent, EventHandler } from '@backstory/events';
import { ReplayCursor, history } from './index.js';

@DomainEvent('list.added')
class Added {}
@DomainEvent('list.counted')
class Counted {}

@Aggregate('list')
class List extends EventSourcedAggregate {
  lines: { count: number }[] = [];
  /** The same object as the last one in the list, and not one that is equal. */
  current: { count: number } | undefined;
  /** Not there while it is undefined. */
  note?: string;
  @EventHandler(Added) protected added(): void {
    this.current = { count: 0 };
    this.lines.push(this.current);
  }
  @EventHandler(Counted) protected counted(): void {
    this.current!.count++;
  }
}

test('a cursor that went back tells the same of a state that holds one object in two places', async () => {
  const store = new MemoryEventStore();
  const recorder = new Recorder(store, { source: 'test' });
  const types = ['list.added', ...Array.from({ length: 599 }, () => 'list.counted')];
  const events = types.map((type) => ({ type, data: '{}' }));
  await recorder.record([{ stream: 'list-1', expected: 'none', events }]);
  const source = { events: store, aggregates: [List] };

  const states: unknown[] = [];
  for await (const { after } of history(source, 'list-1')) states.push(after);
  const cursor = await ReplayCursor.open(source, 'list-1');
  for (const version of [600, 300, 400, 550, 257])
    expect((await cursor.at(version)).state).toEqual(states[version - 1]);
});
