import { Aggregate, EventSourcedAggregate } from '@backstory/aggregate';
import { Recorder } from '@backstory/core';
import { MemoryEventStore } from '@backstory/core/store';
import { DomainEvent, EventHandler } from '@backstory/events';
import { Repository } from './repository.js';

@DomainEvent('list.added')
class Added {
  constructor(readonly value: number) {}
}

@Aggregate('list')
class List extends EventSourcedAggregate {
  values: number[] = [];
  add(value: number): void {
    this.raise(new Added(value));
  }
  @EventHandler(Added) protected added({ value }: Added): void {
    this.values.push(value === 13 ? value / 0 : value);
  }
}

async function lists() {
  const store = new MemoryEventStore();
  const repository = new Repository(List, { store, recorder: new Recorder(store, { source: 'test' }) });
  const recorded = async () => {
    let count = 0;
    for await (const { events } of store.readStream('list-1')) count += events.length;
    return count;
  };
  return { repository, recorded };
}
const fill = (list: List, to = 1_000) => {
  for (let i = list.values.length; i < to; i++) list.add(i + 100);
};

test.each(['development', 'production'])(
  'what many events have made of a large state is refused before any of them is recorded, in %s',
  async (mode) => {
    const before = process.env['NODE_ENV'];
    process.env['NODE_ENV'] = mode;
    try {
      const { repository, recorded } = await lists();
      const broken = repository.update(
        '1',
        (list) => {
          fill(list);
          list.add(13);
          list.add(14);
        },
        { create: true },
      );
      await expect(broken).rejects.toThrow('list.state.values[1000] is Infinity');
      expect(await recorded()).toBe(0);
      await repository.update('1', (list) => fill(list), { create: true });
      expect(await recorded()).toBe(1_000);
    } finally {
      process.env['NODE_ENV'] = before;
    }
  },
);

test('a large state that something else has changed is refused before anything is recorded', async () => {
  const { repository, recorded } = await lists();
  const changed = repository.update(
    '1',
    (list) => {
      fill(list);
      list.values[3] = 7;
      list.add(14);
    },
    { create: true },
  );
  await expect(changed).rejects.toMatchObject({
    code: 'BACKSTORY_CHANGED_WITHOUT_EVENT',
    properties: ['values'],
  });
  expect(await recorded()).toBe(0);
});
