import { type Failure, failure } from '../codes.ts';
import { err, ok, type Result } from '../result.ts';
import type { Manifest, Order, RoleKeyList } from './payloads.ts';

/** What this enforcer can do beyond the first version of the manifest. */
export const SUPPORTED_FEATURES: readonly string[] = ['grants/v1'];
/** A manifest that lists grants says that its reader must understand them. */
const GRANTS_FEATURE = 'grants/v1';

/** How far a device's clock may be behind the server's. */
export const CLOCK_SKEW_MS = 5 * 60 * 1000;

/** Epoch and number of the manifest in force; both 0 when there is none. */
export type ManifestMark = { readonly epoch: number; readonly number: number };

/**
 * Whether a manifest whose signature holds may replace the one in force. An older one is never accepted, so holding one
 * back and replaying it gains nothing. `minimumEpoch` is the root-signed role key list's.
 *
 * Errors: BELAY_E_WRONG_DEVICE, BELAY_E_STALE, BELAY_E_EXPIRED, BELAY_E_NOT_YET_VALID, BELAY_E_FEATURE.
 */
export function acceptManifest(
  manifest: Manifest,
  held: ManifestMark,
  device: { readonly id: string; readonly nowMs: number; readonly minimumEpoch: number },
): Result<Manifest, Failure> {
  if (manifest.device !== device.id) return err(failure('BELAY_E_WRONG_DEVICE'));
  const older = manifest.epoch < held.epoch || (manifest.epoch === held.epoch && manifest.number < held.number);
  // SECURITY(T-25): held back and replayed, or from before a restored database.
  if (older || manifest.epoch < device.minimumEpoch) return err(failure('BELAY_E_STALE'));
  if (manifest.issuedAt > device.nowMs + CLOCK_SKEW_MS) return err(failure('BELAY_E_NOT_YET_VALID'));
  if (manifest.expiresAt <= device.nowMs) return err(failure('BELAY_E_EXPIRED'));
  const missing = manifest.features.find((feature) => !SUPPORTED_FEATURES.includes(feature));
  if (missing !== undefined) return err(failure('BELAY_E_FEATURE', `The policy needs "${missing}", which this agent does not have; update the agent.`));
  if (manifest.grants.length > 0 && !manifest.features.includes(GRANTS_FEATURE)) return err(failure('BELAY_E_FEATURE', `The policy has grants, and does not say that they are "${GRANTS_FEATURE}".`));
  return ok(manifest);
}

/**
 * Whether an order whose signature holds is to be done now. `isDone`: the ids remembered.
 *
 * Errors: BELAY_E_WRONG_DEVICE, BELAY_E_STALE (done already), BELAY_E_EXPIRED, BELAY_E_NOT_YET_VALID.
 */
export function acceptOrder(order: Order, device: { readonly id: string; readonly nowMs: number; readonly isDone: (id: string) => boolean }): Result<Order, Failure> {
  if (order.device !== device.id) return err(failure('BELAY_E_WRONG_DEVICE'));
  if (device.isDone(order.id)) return err(failure('BELAY_E_STALE', 'This order was done already.'));
  if (order.issuedAt > device.nowMs + CLOCK_SKEW_MS) return err(failure('BELAY_E_NOT_YET_VALID'));
  return order.expiresAt <= device.nowMs ? err(failure('BELAY_E_EXPIRED')) : ok(order);
}

/**
 * Whether a list of role keys that the root signed may replace the one held: it goes back in neither version nor epoch.
 *
 * Errors: BELAY_E_STALE, BELAY_E_MALFORMED (an id twice, or the root's).
 */
export function acceptRoleKeys(list: RoleKeyList, held: { readonly version: number; readonly epoch: number } | undefined): Result<RoleKeyList, Failure> {
  // SECURITY(T-25): an old list, held back and replayed, would bring a revoked key to life again.
  if (held !== undefined && (list.version < held.version || list.epoch < held.epoch)) return err(failure('BELAY_E_STALE'));
  const ids = new Set(list.keys.map((key) => key.id));
  if (ids.size !== list.keys.length || ids.has('root')) return err(failure('BELAY_E_MALFORMED', 'The list names a key twice, or one "root".'));
  return ok(list);
}
