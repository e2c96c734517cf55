import { randomUUID } from 'node:crypto';
import { failure } from '@belay/core/codes';
import { Gauge } from 'prom-client';
import type { ServerContext } from '../context.ts';
import { type Connection, type ConnectionDeps, createConnection, refuse, type SyncStream } from './connection.ts';

export type ConnectionsDeps = ConnectionDeps & Pick<ServerContext, 'metrics' | 'config'>;

export interface Connections {
  accept(stream: SyncStream): void;
  close(): void;
}

const RECONCILE_MS = 10 * 60_000;
const DELIVER_AT_ONCE = 16;

/** The devices connected to this server. Whatever changes reaches them the moment it does. */
export function createConnections(deps: ConnectionsDeps): Connections {
  const { store, log, metrics, config } = deps;
  const connected = new Map<string, Connection>();
  new Gauge({ name: 'belay_devices_connected', help: 'Devices connected to this server', registers: [metrics], collect() { this.set(connected.size); } });

  const deliverTo = (connection: Connection | undefined): void => {
    connection?.deliver().catch((error: unknown) => log.error({ err: error, device: connection.device }, 'a change could not be delivered'));
  };
  const deliverToAll = async (): Promise<void> => {
    const waiting = [...connected.values()];
    const work = async (): Promise<void> => {
      for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) await next.deliver();
    };
    await Promise.all(Array.from({ length: DELIVER_AT_ONCE }, work));
  };
  const toAll = (): void => {
    deliverToAll().catch((error: unknown) => log.error({ err: error }, 'a change could not be delivered'));
  };
  const toOneOrAll = (device: string): void => (device === '' ? toAll() : deliverTo(connected.get(device)));
  const endListening = [store.onChange('policy', toAll), store.onChange('device', toOneOrAll), store.onChange('order', toOneOrAll)];
  // Renews manifests at half their life, and mends what a lost notification left undone.
  const timer = setInterval(toAll, Math.min(RECONCILE_MS, config.devices.manifest / 8));
  timer.unref();

  return {
    accept(stream) {
      const requestId = randomUUID();
      if (connected.size >= config.limits.streams) return refuse(stream, failure('BELAY_E_BUSY'), requestId);
      open(deps, stream, connected).catch((error: unknown) => {
        log.error({ err: error, requestId }, 'a device could not be connected');
        refuse(stream, failure('BELAY_E_INTERNAL'), requestId);
      });
    },
    close() {
      clearInterval(timer);
      for (const end of endListening) end();
      for (const connection of connected.values()) connection.end(failure('BELAY_E_BUSY', 'The server is stopping.'));
    },
  };
}

async function open(deps: ConnectionsDeps, stream: SyncStream, connected: Map<string, Connection>): Promise<void> {
  // Nothing may be missed, and nobody not yet known is listened to.
  stream.pause();
  stream.on('error', () => undefined);
  const caller = await deps.identify(stream);
  if (!caller.ok) return refuse(stream, caller.error);
  const { id } = caller.value.device;
  const connection = createConnection(deps, stream, id, () => {
    if (connected.get(id) === connection) connected.delete(id);
  });
  connected.get(id)?.end(failure('BELAY_E_CONFLICT', 'The device has connected again.'));
  connected.set(id, connection);
  stream.resume();
}
