import { defineBackstory, sqlite } from 'backstory';
import { Fine } from './src/fine';
import { OutstandingFine } from './src/outstanding';
import { paymentsPerDay } from './src/payments-per-day';

export default defineBackstory({
  name: 'fines',
  store: sqlite('fines.db'),
  aggregates: [Fine],
  projections: [OutstandingFine, paymentsPerDay],
});
