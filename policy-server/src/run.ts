import type { Logger } from 'pino';
import { collectDefaultMetrics, Gauge } from 'prom-client';
import type { ServerConfig } from './config/schema.ts';
import { webPlace } from './config/web-place.ts';
import type { ServerContext } from './context.ts';
import { startNotices } from './features/notices/start.ts';
import { type FleetServer, startFleet } from './fleet/server.ts';
import { startHttp } from './http/server.ts';
import { type OpenContext, openContext, readAuthority } from './open.ts';
import type { Authority } from './pki/authority.ts';
import { dataFolder } from './pki/data-folder.ts';
import type { ReloadableKeys } from './pki/role-keys.ts';
import { keepServerCertificate, type KeptCertificate, serverNames } from './pki/server-certificate.ts';

export type RunningServer = {
  readonly context: ServerContext;
  readonly fleet: FleetServer;
  readonly apiAddress: string;
  /** Takes role keys and a certificate that were put into the data folder meanwhile. What is broken is logged, and what is held stays. */
  reload(): Promise<void>;
  close(): Promise<void>;
};

/** Opens every port; when it settles the server serves. */
export async function startServer(config: ServerConfig, log: Logger): Promise<RunningServer> {
  const opened = await openContext(config, log);
  const { clock, metrics } = opened.context;
  let certificate: KeptCertificate | undefined;
  try {
    collectDefaultMetrics({ register: metrics });
    const data = dataFolder(config.data);
    const authority = await readAuthority(data);
    certificate = await keepServerCertificate({ data, authority, names: serverNames(config), clock, log });
    meterExpiry(opened, certificate);
    return await listen(opened, authority, certificate);
  } catch (error) {
    certificate?.close();
    await opened.close();
    throw error;
  }
}

async function listen(opened: OpenContext, authority: Authority, certificate: KeptCertificate): Promise<RunningServer> {
  const { context, keys } = opened;
  const fleet = await startFleet(context, authority, certificate);
  const http = await startHttp(context, certificate).catch(async (error: unknown) => {
    await fleet.close();
    throw error;
  });
  await context.store.listening();
  const notices = startNotices(context, webPlace(context.config, Number(new URL(http.address).port)).origin);
  const { version, epoch } = keys.roleKeys;
  await context.serverEvents.append({ type: 'server.started', fields: { version: context.version, roleKeys: version, epoch } });
  return {
    context,
    fleet,
    apiAddress: http.address,
    async reload() {
      const failed = (what: string) => (error: unknown) => context.log.error({ err: error }, `${what} could not be reloaded; what was held stays in use`);
      await certificate.look().catch(failed('the server\'s certificate'));
      await reloadKeys(context, keys).catch(failed('the role keys'));
    },
    async close() {
      certificate.close();
      await Promise.all([http.close(), fleet.close(), notices.close()]);
      await context.serverEvents.append({ type: 'server.stopped', fields: {} });
      await opened.close();
    },
  };
}

async function reloadKeys({ log, serverEvents, publisher }: ServerContext, keys: ReloadableKeys): Promise<void> {
  const isNewer = keys.reload();
  const { version: roleKeys, epoch } = keys.roleKeys;
  log.info({ roleKeys, epoch }, isNewer ? 'signs with newer role keys' : 'the role keys are the same');
  if (!isNewer) return;
  await serverEvents.append({ type: 'server.keys-reloaded', fields: { roleKeys, epoch } });
  // Devices that are connected get the list, and a manifest that it signs, now.
  await publisher.policyChanged();
}

function meterExpiry({ context, keys }: OpenContext, certificate: KeptCertificate): void {
  new Gauge({
    name: 'belay_expires_seconds', help: 'When the server\'s certificate and the keys that it signs with end, Unix seconds', labelNames: ['what'], registers: [context.metrics],
    collect() {
      this.set({ what: 'certificate' }, certificate.expiresAt / 1000);
      this.set({ what: 'role-keys' }, keys.signsUntil / 1000);
    },
  });
}
