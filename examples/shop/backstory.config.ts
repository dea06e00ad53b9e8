import { Big, defineBackstory, sqlite } from 'backstory';
import { Fulfilment } from './src/fulfilment';
import { Order } from './src/order';
import { commands } from './src/order-commands';
import { OrderProcess } from './src/order-process';
import { CustomerOrder } from './src/orders-by-customer';
import { Payment } from './src/payment';
import { PretendGateway } from './src/payment-gateway';
import { Shipment } from './src/shipment';

export default defineBackstory({
  name: 'shop',
  store: sqlite('shop.db'),
  aggregates: [Order, Payment, Shipment, Fulfilment],
  commands,
  projections: [CustomerOrder],
  subscribers: [(app) => new OrderProcess(app, new PretendGateway(new Big(1_000)))],
});
