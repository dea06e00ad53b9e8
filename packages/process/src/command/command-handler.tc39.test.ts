import { defineBackstory, memory } from 'backstory';
import { Command, CommandHandler } from '@backstory/process';

@Command('door.open')
class Open {}
class Shut {}

@CommandHandler(Open)
class Opening {
  handle(_: Open) {
    return 'opened';
  }
}
class Desk {
  @CommandHandler(Shut) shut(_: Shut) {
    return 'shut';
  }
}

test('standard decorators name what carries out a command, on a class and on a method', async () => {
  const doors = defineBackstory({ name: 'doors', store: memory(), commands: [Opening, () => new Desk()] });
  await doors.run(async (app) => {
    expect([await app.dispatch(new Open()), await app.dispatch(new Shut())]).toEqual(['opened', 'shut']);
    expect(app.commands.known).toEqual(['door.open', 'Shut']);
  });
});
