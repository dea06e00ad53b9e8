/** For those who look after stores and what runs on them: what they are made of, how it is moved on, and who asks for it. */
export { ASKING, ActionNotRecorded, checkAskedBy, wishOf, type AskedBy, type Wish } from './asked-by.js';
export type { Migration, StoreAdministration, StoreStatus } from './store-administration.js';
export type { FoldableEvent } from './event.js';
export type { LogExtent, StrayColumn, TextsPage, TextsPart } from './event-store.js';
export { damagedEvents, eventsIn } from './event-texts.js';
export { indexedIn } from './append-check.js';
export { StreamCount } from './stream-count.js';
