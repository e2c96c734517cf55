import type { EventDraft, EnvelopeKind, Payload, RoleKeyList, Trust } from '@belay/core/evidence';
import type { Logger } from 'pino';
import type { Registry } from 'prom-client';
import type { ServerConfig } from './config/schema.ts';
import type { Notices } from './features/notices/notice.ts';
import type { SecretBox } from './pki/secret-box.ts';
import type { Db, Store } from './store/index.ts';

/** Unix milliseconds. */
export type Clock = () => number;

/** What this server signs with, and what lets others trust it. Private keys stay inside. */
export interface ServerKeys {
  readonly serverId: Uint8Array;
  /** SPKI DER of the offline root key. */
  readonly rootKey: Uint8Array;
  readonly trust: Trust;
  readonly roleKeys: RoleKeyList;
  /** Signed envelopes, as handed to devices. */
  readonly roleKeysEnvelope: Uint8Array;
  readonly authorityEnvelope: Uint8Array;
  /** Signs with the newest living key of the role that the kind needs. Never a kind of the root key's. */
  seal<K extends Exclude<EnvelopeKind, 'authority' | 'role-keys'>>(kind: K, payload: Payload<K>): Uint8Array;
}

/** The server's own chained log: what administrators do is evidence too. */
export interface ServerEvents {
  append(draft: EventDraft): Promise<void>;
  /**
   * An act and its events in one transaction: neither is there without the other. Call `record` for each event. Never call
   * it, or `append`, from within another transaction: the chain is locked first, then the database.
   */
  transact<T>(work: (tx: Db, record: (draft: EventDraft) => void) => Promise<T>): Promise<T>;
}

/** Brings manifests to devices. */
export interface Publisher {
  /** Policies changed: every device whose manifest differs gets a new one; connected ones at once, on every server. */
  policyChanged(): Promise<void>;
  /** Name, labels, groups or state of one device changed. */
  deviceChanged(deviceId: string): Promise<void>;
}

/** What every part of the server is given. Take a `Pick` of it. */
export type ServerContext = {
  readonly config: ServerConfig;
  readonly log: Logger;
  readonly clock: Clock;
  readonly store: Store;
  readonly keys: ServerKeys;
  readonly secrets: SecretBox;
  readonly serverEvents: ServerEvents;
  readonly publisher: Publisher;
  readonly notices: Notices;
  readonly metrics: Registry;
  readonly version: string;
};
