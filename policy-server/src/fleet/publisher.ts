import type { Publisher } from '../context.ts';
import type { Store } from '../store/index.ts';

/** Says what changed; every server then brings it to the devices connected to it (see connections.ts). */
export function createPublisher(store: Pick<Store, 'notify'>): Publisher {
  return {
    policyChanged: () => store.notify('policy'),
    deviceChanged: (deviceId) => store.notify('device', deviceId),
  };
}
