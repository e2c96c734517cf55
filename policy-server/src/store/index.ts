export type { Db } from './backend.ts';
export { eventIds, wordsOf } from './event-search.ts';
export type { EventRow } from './event-rows.ts';
export { createNotifier, type Notifier } from './notify.ts';
export type { Tables } from './schema.ts';
export { openStore, type Store, type StoreConfig } from './store.ts';
