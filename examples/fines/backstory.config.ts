import { defineBackstory, sqlite } from 'backstory';
import { Fine } from './src/fine';

export default defineBackstory({
  name: 'fines',
  store: sqlite('fines.db'),
  aggregates: [Fine],
});
