import { toHex } from '@belay/core/bytes';
import { type Failure, failure } from '@belay/core/codes';
import { sha256 } from '@belay/core/node-crypto';
import { type CompiledPolicy, decodeBundle } from '@belay/core/policy';
import { type ExplainedRequest, explainRequest, type KnownDevice, whoCan, type WhoCan, type WhoCanQuestion, type WrittenRequest } from '@belay/core/policy-tools';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import type { Scope as DeviceScope } from '../accounts/permissions.ts';
import { readDevice } from '../devices/read.ts';
import { isLibrary } from './documents.ts';

/** `version`: left out: the one in force. `device`: an id, or a name that only one device has; its groups and labels count. */
type Scope = { readonly version?: number | undefined; readonly device?: string | undefined };
export type ExplainQuestion = Scope & WrittenRequest & { readonly all?: boolean | undefined };
export type WhoCanOnFleet = Scope & Omit<WhoCanQuestion, 'device'>;

/** `version` 0: nothing was ever published. `device` null: none of the fleet. */
type Scoped = { readonly version: number; readonly device: KnownDevice | null };
/** `at`: the moment that was asked about, as written. */
export type Explained = Scoped & ExplainedRequest & { readonly at: string };
export type WhoCanAnswer = Scoped & WhoCan;

/** Questions about policy that change nothing. An unknown version, and a device that is unknown or out of reach, is BELAY_E_NOT_PERMITTED. */
export interface PolicyQuestions {
  explain(question: ExplainQuestion, reach: DeviceScope): Promise<Result<Explained, Failure>>;
  whoCan(question: WhoCanOnFleet, reach: DeviceScope): Promise<Result<WhoCanAnswer, Failure>>;
}

export function createPolicyQuestions({ store, clock }: Pick<ServerContext, 'store' | 'clock'>): PolicyQuestions {
  const bundles: Bundles = new Map();
  return {
    async explain({ world, case: ask, all, ...scope }, reach) {
      const found = await scopeOf(store.db, bundles, scope, reach);
      if (!found.ok) return found;
      const { policies, ...scoped } = found.value;
      // Without a time it is about now, and not about the moment that a case has where it says none.
      const at = ask.at ?? `${new Date(clock()).toISOString().slice(0, 19)}Z`;
      const device = { ...world.device, ...knownOf(scoped.device) };
      return ok({ ...scoped, at, ...explainRequest(policies, { world: { ...world, device }, case: { ...ask, at } }, { sha256, all }) });
    },
    async whoCan({ version, device, ...question }, reach) {
      const found = await scopeOf(store.db, bundles, { version, device }, reach);
      if (!found.ok) return found;
      const { policies, ...scoped } = found.value;
      return ok({ ...scoped, ...whoCan(policies, { ...question, device: scoped.device ?? undefined }) });
    },
  };
}

function knownOf(device: KnownDevice | null): { id?: string; name?: string; groups?: string[]; labels?: Record<string, string> } {
  return device === null ? {} : { id: device.id, name: device.name, groups: [...device.groups], labels: { ...device.labels } };
}

/** Decoded, by digest. */
export type Bundles = Map<string, CompiledPolicy>;

async function scopeOf(db: Db, bundles: Bundles, { version, device: named }: Scope, reach: DeviceScope): Promise<Result<Scoped & { readonly policies: readonly CompiledPolicy[] }, Failure>> {
  const device = named === undefined ? undefined : await readDevice(db, named, reach);
  if (named !== undefined && device === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
  let query = db.selectFrom('policy_versions').select('version').orderBy('version', 'desc').limit(1);
  if (version !== undefined) query = query.where('version', '=', version);
  const found = (await query.executeTakeFirst())?.version;
  if (version !== undefined && found === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
  const known = device === undefined ? null : { id: device.id, name: device.name, groups: device.groups, labels: device.labels };
  return ok({ version: found ?? 0, device: known, policies: found === undefined ? [] : await policiesOf(db, bundles, found) });
}

const CACHED = 10_000;

/** A bundle never changes, so it is decoded once. */
export async function policiesOf(db: Db, bundles: Bundles, version: number): Promise<readonly CompiledPolicy[]> {
  const held = await db.selectFrom('policies').select(['name', 'digest']).where('version', '=', version).orderBy('name').execute();
  const policies: CompiledPolicy[] = [];
  for (const { name, digest } of held) {
    if (!isLibrary({ name })) policies.push(await policyOf(db, bundles, { name, digest }));
  }
  return policies;
}

async function policyOf(db: Db, bundles: Bundles, { name, digest }: { readonly name: string; readonly digest: Uint8Array }): Promise<CompiledPolicy> {
  const key = toHex(digest);
  const known = bundles.get(key);
  if (known !== undefined) return known;
  const { content } = await db.selectFrom('bundles').select('content').where('digest', '=', digest).executeTakeFirstOrThrow();
  const decoded = decodeBundle(content);
  if (!decoded.ok) throw new Error(`the stored bundle of ${name} cannot be read: ${decoded.error.message}`);
  if (bundles.size >= CACHED) bundles.clear();
  bundles.set(key, decoded.value);
  return decoded.value;
}
