import { EventEmitter } from 'node:events';
import type { Kysely } from 'kysely';
import type { Tables } from './schema.ts';

/** What changed somewhere in the fleet's servers. The payload is an id, or empty for "look again". */
export const CHANNELS = ['policy', 'device', 'events', 'order', 'keys', 'requests', 'people', 'notices'] as const;
export type Channel = (typeof CHANNELS)[number];
export type ChangeListener = (payload: string) => void;

/**
 * Tells listeners of changes. Delivery is at most once: a listener treats it as a hint to look into the database, and looks
 * on its own from time to time. After a lost connection every listener is called once with an empty payload.
 */
export interface Notifier {
  /** Answers a function that ends the listening. */
  onChange(channel: Channel, listener: ChangeListener): () => void;
  /** Call after the transaction has committed. */
  notify(channel: Channel, payload?: string): Promise<void>;
  /** Within a transaction: heard once it has committed. A hint, so one too many after a rollback does no harm. */
  notifyAfter(tx: Kysely<Tables>, channel: Channel, payload?: string): Promise<void>;
  /** Settles when listening has begun. */
  ready(): Promise<void>;
  close(): Promise<void>;
}

export type LocalNotifier = Notifier & { deliver(channel: Channel, payload: string): void };

/** In one process: SQLite has no other. */
export function createNotifier(): LocalNotifier {
  const emitter = new EventEmitter();
  emitter.setMaxListeners(0);
  const deliver = (channel: Channel, payload: string): void => {
    emitter.emit(channel, payload);
  };
  const notify: Notifier['notify'] = (channel, payload = '') => {
    setImmediate(deliver, channel, payload);
    return Promise.resolve();
  };
  return {
    deliver,
    notify,
    // Whoever hears it looks into the database, and waits there for the one connection that the transaction holds.
    notifyAfter: (_tx, channel, payload) => notify(channel, payload),
    onChange(channel, listener) {
      emitter.on(channel, listener);
      return () => emitter.off(channel, listener);
    },
    ready: () => Promise.resolve(),
    close() {
      emitter.removeAllListeners();
      return Promise.resolve();
    },
  };
}
