import { modelOf } from '@backstory/aggregate';
import { defineBackstory, memory } from 'backstory';
import { Account, Deposited, Withdrawn } from '../../examples/bank/backstory.config';

// The code of packages/aggregate/README.md.
test('whoever has a log and a class can fold one with the other', async () => {
  await defineBackstory({ name: 'bank', store: memory(), aggregates: [Account] }).run(async (app) => {
    await app.record('account-42', [new Deposited(100), new Withdrawn(30)]);

    const model = modelOf(Account);
    const account = model.create('42');
    for await (const { events } of app.events.readStream('account-42', { upTo: 2 })) {
      model.fold(account, events);
    }

    expect(account).toMatchObject({ id: '42', version: 2, balance: 70 });
    expect(model.state(account)).toEqual({ balance: 70 });
  });
});
