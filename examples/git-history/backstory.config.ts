import { defineBackstory, sqlite } from 'backstory';
import { Branch } from './src/branch';

export default defineBackstory({
  name: 'git-history',
  store: sqlite('history.db'),
  aggregates: [Branch],
});
