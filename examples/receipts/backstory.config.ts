import { defineBackstory, sqlite } from 'backstory';
import { Receipt } from './src/receipt';

export default defineBackstory({
  name: 'receipts',
  store: sqlite('receipts.db'),
  aggregates: [Receipt],
});
