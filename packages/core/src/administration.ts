/** For those who look after stores: what they are made of, and how it is moved on. */
export type { Migration, StoreAdministration, StoreStatus } from './store-administration.js';
export type { LogExtent, TextsPage, TextsPart } from './event-store.js';
export { StreamCount } from './stream-count.js';
