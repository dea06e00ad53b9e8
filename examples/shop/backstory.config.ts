import { defineBackstory, sqlite } from 'backstory';
import { Order } from './src/order';
import { Payment } from './src/payment';
import { Shipment } from './src/shipment';

export default defineBackstory({
  name: 'shop',
  store: sqlite('shop.db'),
  aggregates: [Order, Payment, Shipment],
});
