import { DomainEvent, Field, instant } from '@backstory/events';
import { modelOf } from './aggregate-model.js';
import { decider } from './decider.js';

@DomainEvent('door.opened')
class Opened {
  @Field(instant) readonly at: Date;
  constructor(at: Date) {
    this.at = at;
  }
}
class Door {
  @Field(instant) readonly openedAt: Date | null;
  constructor(openedAt: Date | null) {
    this.openedAt = openedAt;
  }
}

test('a decider takes events and a state that standard decorators declare', () => {
  const cls = decider('door', {
    initial: () => new Door(null),
    events: { Opened },
    decide: { open: (_, at: Date) => new Opened(at) },
    evolve: { Opened: (_, { at }) => new Door(at) },
  });
  const model = modelOf(cls);
  const door = model.create('1');
  door.open(new Date(5));
  expect(door.state).toEqual(new Door(new Date(5)));
  const restored = model.restore('1', model.state(door), { version: 1, position: 1 });
  expect(restored.state).toStrictEqual(new Door(new Date(5)));
});
