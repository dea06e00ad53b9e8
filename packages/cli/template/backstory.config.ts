import { defineBackstory, sqlite } from 'backstory';
import { Account } from './src/account';

/** The application. The `backstory` command reads this file; what runs is in src/main.ts. */
export default defineBackstory({
  name: 'my-app',
  store: sqlite('my-app.db'),
  aggregates: [Account],
});
