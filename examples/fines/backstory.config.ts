import { defineBackstory, sqlite } from 'backstory';
import { Fine } from './src/fine';
import { OutstandingFine } from './src/outstanding';

export default defineBackstory({
  name: 'fines',
  store: sqlite('fines.db'),
  aggregates: [Fine],
  projections: [OutstandingFine],
});
