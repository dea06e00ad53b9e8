import { EventHandler, defineBackstory, memory, type App, type RecordedEvent } from 'backstory';
import { Subscriber, batchReaction, reaction, subscriber, type Delivery } from 'backstory/subscriptions';
import { Deposited, Withdrawn } from '../support/bank-events.js';
import { eventually } from '../support/eventually.js';

const sent: string[] = [];
const bank = {
  async notify(stream: string, amount: number, { signal }: { readonly signal: AbortSignal }) {
    await Promise.resolve();
    signal.throwIfAborted();
    if (amount === 13 && !bank.isRepaired) throw new Error('no letter for 13');
    sent.push(`${stream} ${amount}`);
  },
  isRepaired: false,
};

@Subscriber('letters', {
  from: 'now',
  concurrency: 8,
  checkpointMs: 50,
  retry: { attempts: 2, delayMs: 10 },
  outcomes: 'failures',
})
class Letters {
  @EventHandler(Withdrawn, { timeoutMs: 5_000 })
  async send(event: Withdrawn, recorded: RecordedEvent<Withdrawn>, { signal }: Delivery) {
    await bank.notify(recorded.stream, event.amount, { signal });
  }
}

const totals = subscriber({
  name: 'totals',
  key: ({ metadata }) => metadata.tenant ?? 'all',
  on: [
    reaction(Deposited, async ({ amount }, recorded, { once }) => {
      await once(recorded, async (tx) => {
        const total = Number((await tx.get('totals', 'all')) ?? 0);
        await tx.put('totals', 'all', String(total + amount));
      });
    }),
  ],
});

const exported = subscriber({
  name: 'exported',
  on: [
    batchReaction(
      [Deposited, Withdrawn],
      async (batch, { once }) => {
        await once(async (tx, fresh) => {
          const rows = fresh.map(({ id, data }) => ({ key: id, value: String(data.amount) }));
          await tx.putMany('exported', rows);
        });
      },
      { size: 500, waitMs: 20 },
    ),
  ],
});

let app: App;
beforeEach(async () => {
  sent.length = 0;
  bank.isRepaired = false;
  const definition = defineBackstory({
    name: 'bank',
    store: memory(),
    events: [Deposited, Withdrawn],
    subscribers: [Letters, totals],
  });
  app = await definition.start();
});
afterEach(() => app.close());

it('reacts, parks what fails, and goes on when it is repaired', async () => {
  await app.record('account-1', [new Deposited(20), new Withdrawn(13), new Withdrawn(1)]);
  await app.record('account-2', [new Deposited(5), new Withdrawn(2)]);
  await eventually(
    async () => (await app.subscriptions.parked('letters', { states: ['dead'] })).length === 1,
  );
  await eventually(async () => (await app.state.read((view) => view.get('totals', 'all'))) === '25');

  const { state, lag, parked } = await app.subscriptions.status('letters');
  expect({ state, parked, seconds: lag.seconds }).toMatchObject({ parked: { dead: 1 } });
  const [letter] = await app.subscriptions.parked('letters');
  expect(letter).toMatchObject({
    key: 'account-1',
    reason: 'poison',
    error: { message: 'no letter for 13' },
  });

  const [outcome] = await app.subscriptions.outcomes('letters', { states: ['dead'] });
  expect(outcome).toMatchObject({ handler: 'send', attempts: 2, error: { message: 'no letter for 13' } });

  bank.isRepaired = true;
  await app.subscriptions.retry('letters', { key: 'account-1' }, { actor: 'ann', reason: 'template fixed' });
  await eventually(() => sent.length === 3);
  expect(sent).toEqual(['account-2 2', 'account-1 13', 'account-1 1']);

  const written = await app.record('account-2', [new Withdrawn(1)]);
  await app.handled('letters', written.ids[0]!, { timeoutMs: 10_000 });
  expect(sent.at(-1)).toBe('account-2 1');

  await app.subscriptions.replay('letters', { event: written.ids[0]! }, { actor: 'ann', reason: 'no paper' });
  await eventually(() => sent.length === 5);
  expect(sent.slice(3)).toEqual(['account-2 1', 'account-2 1']);
});

it('handles several events at once', async () => {
  await app.subscriptions.add(exported);
  const { ids } = await app.record('account-1', [new Deposited(1), new Withdrawn(2)]);
  await app.handled('exported', ids[1]!);
  const rows = await app.state.read((view) => view.list('exported'));
  expect(new Map(rows.map(({ key, value }) => [key, value]))).toEqual(
    new Map([
      [ids[0], '1'],
      [ids[1], '2'],
    ]),
  );
});

it('is added, paused and removed while it runs', async () => {
  const counted: number[] = [];
  const counter = subscriber({
    name: 'counter',
    on: [reaction(Deposited, ({ amount }) => void counted.push(amount))],
  });
  await app.subscriptions.add(counter);
  await app.record('account-1', [new Deposited(1)]);
  await eventually(() => counted.length === 1);
  await app.subscriptions.pause('counter', { actor: 'ann', reason: 'counting stops' });
  await app.subscriptions.resume('counter', { actor: 'ann' });
  await app.subscriptions.reset('counter', 'beginning', { actor: 'ann' });
  await eventually(() => counted.length === 2);
  await app.subscriptions.remove('counter');
});
