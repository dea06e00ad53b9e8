import { Big, defineBackstory, memory } from 'backstory';
import definition from './backstory.config';
import { Order } from './src/order';
import { Line } from './src/order-events';
import { CustomerOrder, ordersOf } from './src/orders-by-customer';

test('orders are found by customer and status, each as the aggregate has it', async () => {
  const shop = defineBackstory({
    name: 'shop',
    store: memory(),
    aggregates: definition.aggregates,
    projections: definition.projections,
  });
  await shop.run(async (app) => {
    const orders = app.repository(Order);
    for (const [id, customer] of [
      ['1', 'ann'],
      ['2', 'bob'],
      ['3', 'ann'],
    ] as const)
      await orders.update(
        id,
        (it) => it.create(customer, [new Line('poster', Number(id), new Big('33.33'))]),
        {
          create: true,
        },
      );
    await orders.update('3', (it) => {
      it.pay('p-3', new Big('99.99'));
      it.ship('DHL', 'JD1');
    });
    await app.caughtUp(CustomerOrder, (await app.events.identity()).head);
    const found = await ordersOf(app, 'ann');
    expect(found.map(({ orderId, status, amount }) => [orderId, status, amount.toString()])).toEqual([
      ['1', 'created', '33.33'],
      ['3', 'shipped', '99.99'],
    ]);
    expect(await ordersOf(app, 'ann', 'shipped')).toMatchObject([{ orderId: '3', trackingNumber: 'JD1' }]);
    expect(await ordersOf(app, 'eve')).toEqual([]);
    for (const { orderId, status } of found) expect((await orders.load(orderId)).status).toBe(status);
  });
});
