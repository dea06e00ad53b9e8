/** What is recorded in a transaction of the application's own database client: `app.within(client, …)`. */
export type { AppTransaction, Within, WithinOptions } from './app-transaction.js';
