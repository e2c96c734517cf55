import type { Logger } from 'pino';
import { Registry } from 'prom-client';
import type { ServerConfig } from './config/schema.ts';
import type { Clock, ServerContext } from './context.ts';
import { openServerEvents, type ServerEventLog } from './features/events/server-events.ts';
import { createNotices } from './features/notices/record.ts';
import { createPublisher } from './fleet/publisher.ts';
import { type Authority, loadAuthority } from './pki/authority.ts';
import { type DataFolder, dataFolder, readIfThere } from './pki/data-folder.ts';
import { loadServerKeys, type ReloadableKeys } from './pki/role-keys.ts';
import { loadSecretBox } from './pki/secret-box.ts';
import { openStore, type StoreConfig } from './store/index.ts';
import { VERSION } from './version.ts';

export type OpenContext = { readonly context: ServerContext; readonly keys: ReloadableKeys; close(): Promise<void> };

export function storeConfigOf(config: ServerConfig, data: DataFolder): StoreConfig {
  const { url, connections } = config.database;
  return url === 'sqlite' ? { kind: 'sqlite', file: data.database } : { kind: 'postgresql', url, connections };
}

/** Keys, database and the server's own log: what `init` and `serve` both stand on. */
export async function openContext(config: ServerConfig, log: Logger, clock: Clock = Date.now): Promise<OpenContext> {
  const data = dataFolder(config.data);
  const keys = loadServerKeys(data, clock);
  const secrets = loadSecretBox(data);
  const store = await openStore(storeConfigOf(config, data), log);
  let serverEvents: ServerEventLog;
  try {
    serverEvents = await openServerEvents({ store, keys, clock, log, folder: data.chain });
  } catch (error) {
    await store.close();
    throw error;
  }
  const context: ServerContext = { config, log, clock, store, keys, secrets, serverEvents, publisher: createPublisher(store), notices: createNotices({ store, clock }), metrics: new Registry(), version: VERSION };
  return {
    context,
    keys,
    async close() {
      await serverEvents.close();
      await store.close();
    },
  };
}

export async function readAuthority(data: DataFolder): Promise<Authority> {
  const key = readIfThere(data.authorityKey)?.toString();
  const certificate = readIfThere(data.authorityCertificate)?.toString();
  if (key === undefined || certificate === undefined) throw new Error(`${data.folder} holds no certificate authority: run "belay-server init" first`);
  return loadAuthority({ key, certificate });
}
