import { equalBytes, fromHex, toHex } from '@belay/core/bytes';
import { encodeCanonical } from '@belay/core/evidence';
import { sha256 } from '@belay/core/node-crypto';
import { type CompiledPolicy, decodeBundle, type Targets, targetsDevice } from '@belay/core/policy';
import type { ServerContext } from '../context.ts';
import { isLibrary, isMonitor } from '../features/policies/documents.ts';
import { grantsFor } from '../features/requests/grants.ts';
import type { Db, Tables } from '../store/index.ts';

export type IssuedManifest = Tables['manifests'];
export type ManifestDeps = Pick<ServerContext, 'store' | 'keys' | 'clock' | 'config'>;

export interface Manifests {
  /**
   * The device's present manifest: the last one issued when nothing in it would change and at least half of its life is
   * left, else a new one under the next number. Undefined for a device that is not part of the fleet.
   */
  current(deviceId: string): Promise<IssuedManifest | undefined>;
  /** A bundle's content, if it is in the device's last manifest. */
  bundle(deviceId: string, digest: Uint8Array): Promise<Uint8Array | undefined>;
}

const CACHED_POLICIES = 10_000;

export function createManifests(deps: ManifestDeps): Manifests {
  const policies = new Map<string, CompiledPolicy>();
  return {
    current: (deviceId) => deps.store.transaction((tx) => issue(deps, policies, tx, deviceId)),
    async bundle(deviceId, digest) {
      const { db } = deps.store;
      const row = await db.selectFrom('manifests').select('bundles').where('device_id', '=', deviceId).executeTakeFirst();
      // SECURITY(T-36): a device learns only the policies that are meant for it.
      if (row === undefined || !(JSON.parse(row.bundles) as string[]).includes(toHex(digest))) return undefined;
      return (await db.selectFrom('bundles').select('content').where('digest', '=', digest).executeTakeFirst())?.content;
    },
  };
}

type Content = { readonly name: string; readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>>; readonly bundles: readonly string[] };
/** Left out where there is none: the content of a device without grants is what it always was. */
type Granted = { readonly grants?: readonly Uint8Array[]; readonly revocations?: readonly string[] };

const GRANTS_FEATURE = 'grants/v1';

async function issue(deps: ManifestDeps, policies: Map<string, CompiledPolicy>, tx: Db, deviceId: string): Promise<IssuedManifest | undefined> {
  const { store, keys, clock } = deps;
  // The lock comes first: whoever gets the higher number has then read the newer content.
  const device = await tx.selectFrom('devices').select(['name', 'state', 'issued_number']).where('id', '=', deviceId)
    .$if(store.lockRows, (query) => query.forUpdate()).executeTakeFirst();
  if (device === undefined || device.state !== 'active') return undefined;
  const now = clock();
  const content = { ...(await contentFor(policies, tx, deviceId, device.name)), ...(await grantedTo(tx, deviceId, now)) };
  const { epoch, version } = keys.roleKeys;
  const hash = sha256(encodeCanonical({ ...content, epoch, version }));
  const last = await tx.selectFrom('manifests').selectAll().where('device_id', '=', deviceId).executeTakeFirst();
  const isFresh = last !== undefined && now < last.issued_at + (last.expires_at - last.issued_at) / 2;
  if (isFresh && equalBytes(last.content_hash, hash)) return last;
  const row = seal(deps, deviceId, content, { number: device.issued_number + 1, hash, now });
  await tx.updateTable('devices').set({ issued_number: row.number }).where('id', '=', deviceId).execute();
  const { device_id: _, ...changes } = row;
  await tx.insertInto('manifests').values(row).onConflict((conflict) => conflict.column('device_id').doUpdateSet(changes)).execute();
  return row;
}

async function grantedTo(tx: Db, device: string, now: number): Promise<Granted> {
  const { grants, revocations } = await grantsFor(tx, device, now);
  return { ...(grants.length === 0 ? {} : { grants }), ...(revocations.length === 0 ? {} : { revocations }) };
}

function seal({ keys, config }: ManifestDeps, device: string, content: Content & Granted, { number, hash, now }: { number: number; hash: Uint8Array; now: number }): IssuedManifest {
  const expiresAt = now + config.devices.manifest;
  const { epoch } = keys.roleKeys;
  const envelope = keys.seal('manifest', {
    server: keys.serverId, device, epoch, number, issuedAt: now, expiresAt, name: content.name, groups: [...content.groups],
    labels: { ...content.labels }, bundles: content.bundles.map((digest) => fromHex(digest) as Uint8Array), grants: [...(content.grants ?? [])], revocations: [...(content.revocations ?? [])], features: content.grants === undefined ? [] : [GRANTS_FEATURE],
  });
  return { device_id: device, epoch, number, content_hash: hash, bundles: JSON.stringify(content.bundles), envelope, issued_at: now, expires_at: expiresAt };
}

/** Of a document in force. `watching`: the bundle for devices that only watch. */
type Summary = { readonly targets?: Targets; readonly watching?: string };

async function contentFor(policies: Map<string, CompiledPolicy>, tx: Db, deviceId: string, name: string): Promise<Content> {
  const groupRows = await tx.selectFrom('device_groups').select('group_name').where('device_id', '=', deviceId).orderBy('group_name').execute();
  const labelRows = await tx.selectFrom('device_labels').select(['key', 'value']).where('device_id', '=', deviceId).orderBy('key').execute();
  const groups = groupRows.map((row) => row.group_name);
  const inForce = await tx.selectFrom('policies').select(['name', 'digest', 'summary'])
    .where('version', '=', (eb) => eb.selectFrom('policy_versions').select((max) => max.fn.max('version').as('version'))).execute();
  const labels = Object.fromEntries(labelRows.map((row) => [row.key, row.value]));
  const bundles: string[] = [];
  const device = { id: deviceId, groups, labels };
  const summaries = inForce.map(({ summary }) => JSON.parse(summary) as Summary);
  const watches = inForce.some(({ name: held }, index) => isMonitor({ name: held }) && targetsDevice(summaries[index] as Required<Summary>, device));
  for (const [index, { name: held, digest }] of inForce.entries()) {
    // What policies share is in their bundles already.
    if (isLibrary({ name: held }) || !targetsDevice(await policyOf(policies, tx, digest), device)) continue;
    bundles.push((watches ? summaries[index]?.watching : undefined) ?? toHex(digest));
  }
  return { name, groups, labels, bundles: [...new Set(bundles)].sort() };
}

/** A bundle never changes, so it is decoded once. */
async function policyOf(policies: Map<string, CompiledPolicy>, tx: Db, digest: Uint8Array): Promise<CompiledPolicy> {
  const name = toHex(digest);
  const known = policies.get(name);
  if (known !== undefined) return known;
  const row = await tx.selectFrom('bundles').select('content').where('digest', '=', digest).executeTakeFirst();
  if (row === undefined) throw new Error(`the bundle ${name} of the policy in force is not in the database`);
  const decoded = decodeBundle(row.content);
  if (!decoded.ok) throw new Error(`the bundle ${name} cannot be read: ${decoded.error.message}`);
  if (policies.size >= CACHED_POLICIES) policies.clear();
  policies.set(name, decoded.value);
  return decoded.value;
}
