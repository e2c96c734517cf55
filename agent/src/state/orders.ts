import { type Failure, failure } from '@belay/core/codes';
import { decodeCanonical, encodeCanonical, openEnvelope, type Order } from '@belay/core/evidence';
import { ed25519Verify } from '@belay/core/node-crypto';
import { err, ok, type Result } from '@belay/core/result';
import type { DeviceState } from './device-state.ts';
import type { StateStore } from './state-store.ts';

type Done = Record<string, number>;

/**
 * Opens an order and remembers it, durably, before it is carried out: done once. Undefined: done before.
 * Errors: those of envelopes, BELAY_E_WRONG_DEVICE, BELAY_E_EXPIRED.
 */
export function takeOrder(envelope: Uint8Array, state: DeviceState, store: StateStore, nowMs: number): Result<Order | undefined, Failure> {
  if (state.trust === undefined) return err(failure('BELAY_E_NOT_ENROLLED'));
  const opened = openEnvelope(envelope, 'order', state.trust, ed25519Verify, nowMs);
  if (!opened.ok) return opened;
  const order = opened.value;
  if (order.device !== state.enrolment?.device) return err(failure('BELAY_E_WRONG_DEVICE'));
  if (order.expiresAt <= nowMs) return err(failure('BELAY_E_EXPIRED'));
  const done = read(store);
  if (done[order.id] !== undefined) return ok(undefined);
  const kept = Object.entries(done).filter(([, expiresAt]) => expiresAt > nowMs);
  store.put({ orders: encodeCanonical(Object.fromEntries([...kept, [order.id, order.expiresAt]])) });
  return ok(order);
}

function read(store: StateStore): Done {
  const stored = store.get('orders');
  const decoded = stored === undefined ? undefined : decodeCanonical(stored);
  return decoded?.ok === true ? (decoded.value as Done) : {};
}
