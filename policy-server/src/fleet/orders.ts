import { randomUUID } from 'node:crypto';
import type { Order } from '@belay/core/evidence';
import type { ServerContext } from '../context.ts';

export type OrdersDeps = Pick<ServerContext, 'store' | 'keys' | 'clock'>;

export interface Orders {
  /** Signs an order for one device and sends it the moment the device is connected. Answers its id. */
  give(device: string, action: Order['action'], validForMs: number): Promise<string>;
  /** Those that have not expired, oldest first; the device does each once. */
  pending(device: string): Promise<readonly { readonly id: string; readonly envelope: Uint8Array }[]>;
}

export function createOrders({ store, keys, clock }: OrdersDeps): Orders {
  return {
    async give(device, action, validForMs) {
      const id = randomUUID();
      const issuedAt = clock();
      const expiresAt = issuedAt + validForMs;
      const envelope = keys.seal('order', { server: keys.serverId, device, id, issuedAt, expiresAt, action });
      await store.transaction(async (tx) => {
        await tx.deleteFrom('orders').where('device_id', '=', device).where('expires_at', '<', issuedAt).execute();
        await tx.insertInto('orders').values({ id, device_id: device, envelope, issued_at: issuedAt, expires_at: expiresAt }).execute();
      });
      await store.notify('order', device);
      return id;
    },
    pending: (device) => store.db.selectFrom('orders').select(['id', 'envelope']).where('device_id', '=', device)
      .where('expires_at', '>', clock()).orderBy('issued_at').limit(100).execute(),
  };
}
