import { Big, defineBackstory, memory, type App } from 'backstory';
import { eventually } from '../../test/support/eventually';
import definition from './backstory.config';
import { commands } from './src/order-commands';
import { Line } from './src/order-events';
import { Order } from './src/order';
import { OrderProcess } from './src/order-process';
import { PretendGateway, type MoneyRequest } from './src/payment-gateway';
import { Shop } from './src/shop';

/** Has never heard of one customer's card. */
class Forgetful extends PretendGateway {
  isRepaired = false;
  override async charge(request: MoneyRequest) {
    if (request.customerId === 'ann' && !this.isRepaired) throw new Error('no such card');
    return super.charge(request);
  }
}

let app: App;
afterEach(() => app.close());

test("one customer's payment fails: her order waits, the others go on; repaired and retried, it goes on as well", async () => {
  const gateway = new Forgetful(new Big(1_000));
  app = await defineBackstory({
    name: definition.name,
    store: memory(),
    aggregates: definition.aggregates,
    commands,
    subscribers: [(running) => new OrderProcess(running, gateway)],
  }).start();
  const shop = new Shop(app);
  const lines = [new Line('poster', 1, new Big('33.33'))];
  await shop.place('1', { customerId: 'ann', lines });
  await shop.place('2', { customerId: 'bob', lines });
  const statusOf = async (id: string) => (await app.repository(Order).load(id)).status;
  await eventually(async () => (await statusOf('2')) === 'paid');

  const parked = await eventually(async () => (await app.subscriptions.parked('order-process'))[0]);
  expect(parked).toMatchObject({
    state: 'retrying',
    stream: 'payment-1',
    eventType: 'payment.requested',
    handler: 'charge',
    reason: 'poison',
    error: { message: 'no such card' },
  });
  expect(await statusOf('1')).toBe('created');

  gateway.isRepaired = true;
  await app.subscriptions.retry(
    'order-process',
    { key: parked.key },
    { actor: 'bob', reason: 'card entered' },
  );
  await eventually(async () => (await statusOf('1')) === 'paid');
  await eventually(async () => (await app.subscriptions.parked('order-process')).length === 0);
  expect(gateway.charges).toHaveLength(2);
});
