import { Aggregate, EventSourcedAggregate } from '@backstory/aggregate';
import { DomainEvent, EventHandler, Field, Fields, instant } from '@backstory/events';
import { captured } from './captured.js';

@DomainEvent('door.opened', { version: 2, upcast: { 1: ({ when }) => ({ at: when }) } })
@Fields({ at: instant })
class Opened {
  constructor(readonly at: Date) {}
}

@Aggregate('door')
class Door extends EventSourcedAggregate {
  @Field(instant) openedAt?: Date;
  times = 0;
  open(at: Date) {
    this.raise(new Opened(at));
  }
  @EventHandler(Opened) protected opened({ at }: Opened) {
    this.openedAt = at;
    this.times++;
  }
}

const application = { aggregates: [Door] };
const at = '2026-01-02T03:04:05.678Z';
const history = {
  stream: 'door-7',
  events: [
    { type: 'door.opened', schemaVersion: 1, data: { when: at } },
    { type: 'door.opened', schemaVersion: 2, data: { at } },
  ],
  state: { openedAt: at, times: 2 },
};

test('a captured history is folded with the code of today, from whatever version of its events', () => {
  const { given, state } = captured(application, history);
  expect(state).toMatchObject({ openedAt: new Date(at), times: 2 });
  given.when(() => undefined).expect({ events: [], state });
});

test('it goes on from there, and another state is told', () => {
  const { given } = captured(application, history);
  given
    .when((door) => (door as Door).open(new Date(0)))
    .expect({ events: [new Opened(new Date(0))], state: { times: 3 } });
  const other = captured(application, { ...history, state: { openedAt: at, times: 3 } });
  expect(() => other.given.when(() => undefined).expect({ state: other.state })).toThrow(
    /The state of Door is another than expected/,
  );
});

test('what the application does not know is named', () => {
  expect(() => captured({ aggregates: [] }, history)).toThrow(/No aggregate of the application folds door-7/);
  const odd = { ...history, events: [{ type: 'door.shut', schemaVersion: 1, data: {} }] };
  expect(() => captured(application, odd)).toThrow(/Door has no handler for door.shut/);
});
