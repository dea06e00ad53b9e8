import { given } from '@backstory/testing';
import {
  Aggregate,
  DomainEvent,
  EventHandler,
  EventSourcedAggregate,
  Ignores,
  defineBackstory,
  memory,
} from 'backstory';
import recorded from './customer-events.json';
import {
  AddressCorrected,
  Customer,
  CustomerGreeted,
  CustomerMoved,
  CustomerRegistered,
  crm,
} from './customer';

// The code of docs/guides/evolution.md, and what it says of old and new code on one log.

describe('every event that was ever recorded is still read', () => {
  test.each(recorded)('$type, version $schemaVersion', ({ type, schemaVersion, data, reads }) => {
    const event = crm.types.find(type)!.decode({ schemaVersion, data: JSON.stringify(data) });
    expect(JSON.parse(JSON.stringify(event))).toEqual(reads);
  });

  test('and no version is forgotten', () => {
    for (const { name, aliases, version } of crm.types.all) {
      const versions = recorded
        .filter(({ type }) => [name, ...aliases].includes(type))
        .map((it) => it.schemaVersion);
      for (let v = 1; v <= version; v++)
        expect({ name, versions }).toEqual({ name, versions: expect.arrayContaining([v]) });
    }
  });
});

test('an address of either kind is an address', () => {
  given(Customer, [new CustomerRegistered('Ann', 'Lee', null), new CustomerMoved('High Street 1, Vienna')])
    .when((customer) => customer.correctAddress('High Street 2', 'Vienna'))
    .expect([new AddressCorrected('High Street 2', 'Vienna')]);
  given(Customer, [new CustomerMoved('High Street 1, Vienna'), new CustomerGreeted()])
    .when(() => undefined)
    .expect({ events: [], state: { address: 'High Street 1, Vienna' } });
});

test('a property that was added without a version is absent from what was recorded before', async () => {
  @DomainEvent('task.added')
  class TaskAdded {
    constructor(
      readonly title: string,
      readonly urgent?: boolean,
    ) {}
  }
  const tasks = defineBackstory({ name: 'tasks', store: memory(), events: [TaskAdded] });
  const added = tasks.types.find('task.added')!.decode({ schemaVersion: 1, data: '{"title":"tidy up"}' });
  expect(added).toStrictEqual(Object.assign(Object.create(TaskAdded.prototype), { title: 'tidy up' }));
  expect((added as TaskAdded).urgent).toBeUndefined();
});

describe('while old and new processes run side by side', () => {
  const before = () => {
    @DomainEvent('task.added')
    class TaskAdded {
      constructor(readonly title: string) {}
    }
    @Aggregate('task')
    class Task extends EventSourcedAggregate {
      title = '';
      add(title: string) {
        this.raise(new TaskAdded(title));
      }
      @EventHandler(TaskAdded) protected added({ title }: TaskAdded) {
        this.title = title;
      }
    }
    return Task;
  };

  const after = () => {
    @DomainEvent('task.added', { version: 2, upcast: { 1: (old) => ({ ...old, urgent: false }) } })
    class TaskAdded {
      constructor(
        readonly title: string,
        readonly urgent: boolean,
      ) {}
    }
    @DomainEvent('task.done')
    class TaskDone {}
    @Aggregate('task')
    class Task extends EventSourcedAggregate {
      state = { title: '', urgent: false, done: false };
      add(title: string) {
        this.raise(new TaskAdded(title, true));
      }
      finish() {
        this.raise(new TaskDone());
      }
      @EventHandler(TaskAdded) protected added({ title, urgent }: TaskAdded) {
        this.state = { ...this.state, title, urgent };
      }
      @EventHandler(TaskDone) protected finished() {
        this.state = { ...this.state, done: true };
      }
    }
    return Task;
  };

  /** What becomes of each with a log that both of them write. */
  async function sideBySide() {
    const store = memory();
    const [Old, New] = [before(), after()];
    const oldApp = await defineBackstory({ name: 'tasks', store, aggregates: [Old] }).start();
    const newApp = await defineBackstory({ name: 'tasks', store, aggregates: [New] }).start();
    await oldApp.repository(Old).update('1', (it) => it.add('old'), { create: true });
    await newApp.repository(New).update('2', (it) => it.add('new'), { create: true });
    await oldApp.repository(Old).update('3', (it) => it.add('old'), { create: true });
    await newApp.repository(New).update('3', (it) => it.finish());
    return {
      oldApp: oldApp.repository(Old),
      newApp: newApp.repository(New),
      close: () => Promise.all([oldApp.close(), newApp.close()]),
    };
  }

  test('the new read everything; its state is another one, from the same events', async () => {
    const { newApp, close } = await sideBySide();
    expect((await newApp.load('1')).state).toEqual({ title: 'old', urgent: false, done: false });
    expect((await newApp.load('3')).state).toEqual({ title: 'old', urgent: false, done: true });
    await close();
  });

  test('the old refuse what they do not know, and record nothing on top of it', async () => {
    const { oldApp, close } = await sideBySide();
    expect((await oldApp.load('1')).title).toBe('old');
    await expect(oldApp.update('2', (it) => it.add('x'))).rejects.toMatchObject({
      code: 'BACKSTORY_UNREADABLE_EVENT',
      message: expect.stringContaining(
        'was recorded with version 2 of its data and this code knows 1; use the newer code',
      ) as string,
    });
    await expect(oldApp.update('3', (it) => it.add('x'))).rejects.toMatchObject({
      code: 'BACKSTORY_UNKNOWN_EVENT_TYPE',
    });
    expect((await oldApp.load('1')).version).toBe(1);
    await close();
  });

  test('who knows an event before anybody raises it refuses nothing', async () => {
    @DomainEvent('task.done')
    class TaskDone {}
    @Aggregate('task')
    @Ignores(TaskDone)
    class Prepared extends before() {}
    const store = memory();
    const New = after();
    const prepared = await defineBackstory({ name: 'tasks', store, aggregates: [Prepared] }).start();
    const newApp = await defineBackstory({ name: 'tasks', store, aggregates: [New] }).start();
    await prepared.repository(Prepared).update('1', (it) => it.add('old'), { create: true });
    await newApp.repository(New).update('1', (it) => it.finish());
    expect(await prepared.repository(Prepared).load('1')).toMatchObject({ title: 'old', version: 2 });
    await Promise.all([prepared.close(), newApp.close()]);
  });
});
