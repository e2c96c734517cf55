import type { Logger } from 'pino';
import { collectDefaultMetrics } from 'prom-client';
import type { ServerConfig } from './config/schema.ts';
import { webPlace } from './config/web-place.ts';
import type { ServerContext } from './context.ts';
import { startNotices } from './features/notices/start.ts';
import { type FleetServer, startFleet } from './fleet/server.ts';
import { startHttp } from './http/server.ts';
import { type OpenContext, openContext, readAuthority } from './open.ts';
import type { Authority, KeyPairPem } from './pki/authority.ts';
import { dataFolder } from './pki/data-folder.ts';
import { ensureServerCertificate, serverNames } from './pki/server-certificate.ts';

export type RunningServer = {
  readonly context: ServerContext;
  readonly fleet: FleetServer;
  readonly apiAddress: string;
  close(): Promise<void>;
};

/** Opens every port; when it settles the server serves. */
export async function startServer(config: ServerConfig, log: Logger): Promise<RunningServer> {
  const opened = await openContext(config, log);
  const { context } = opened;
  try {
    collectDefaultMetrics({ register: context.metrics });
    const data = dataFolder(config.data);
    const authority = await readAuthority(data);
    const tls = await ensureServerCertificate(data, authority, serverNames(config), context.clock());
    return await listen(opened, authority, tls);
  } catch (error) {
    await opened.close();
    throw error;
  }
}

async function listen(opened: OpenContext, authority: Authority, tls: KeyPairPem): Promise<RunningServer> {
  const { context } = opened;
  const fleet = await startFleet(context, authority, tls);
  const http = await startHttp(context, { key: tls.key, cert: tls.certificate }).catch(async (error: unknown) => {
    await fleet.close();
    throw error;
  });
  await context.store.listening();
  const notices = startNotices(context, webPlace(context.config, Number(new URL(http.address).port)).origin);
  await context.serverEvents.append({ type: 'server.started', fields: { version: context.version } });
  return {
    context,
    fleet,
    apiAddress: http.address,
    async close() {
      await Promise.all([http.close(), fleet.close(), notices.close()]);
      await context.serverEvents.append({ type: 'server.stopped', fields: {} });
      await opened.close();
    },
  };
}
