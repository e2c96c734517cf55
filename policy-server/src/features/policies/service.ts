import { type Failure, failure } from '@belay/core/codes';
import { type CompiledPolicy, decodeBundle } from '@belay/core/policy';
import { checkRecovery, type PolicyFile, type PolicyProblem } from '@belay/core/policy-tools';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { type Held, isLibrary, isMonitor, nextDocuments, watchingVariant } from './documents.ts';
import { textDiff } from './text-diff.ts';

export type PolicyFailure = Failure & { readonly problems?: readonly PolicyProblem[] };

/** `diff` is a unified diff of the source, empty when unchanged; of a policy whose sets or defaults changed it says so. */
export type PolicyChange = { readonly name: string; readonly change: 'added' | 'changed' | 'removed' | 'unchanged'; readonly diff: string };
/** `version` is the one in force afterwards; `published` is false for a dry run and when nothing changed. */
export type Applied = { readonly version: number; readonly published: boolean; readonly changes: readonly PolicyChange[] };

export type ApplyRequest = {
  readonly files: readonly PolicyFile[];
  readonly comment: string;
  /** Refuse when another version is in force by now. */
  readonly baseVersion?: number | undefined;
  /** Remove the policies that the files do not have. */
  readonly prune?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
};

/** What policies share is called `KIND/NAME`. */
export type PolicySummary = { readonly kind: string; readonly name: string; readonly fileName: string; readonly digest: string; readonly description: string; readonly targets: unknown };
export type PolicyDetail = PolicySummary & { readonly version: number; readonly source: string };
export type PolicyVersion = { readonly version: number; readonly createdAt: number; readonly createdBy: string; readonly comment: string; readonly rollbackOf: number | null };

export interface PolicyService {
  /** `version` left out: the one in force, 0 when there is none yet. */
  list(version?: number): Promise<Result<{ readonly version: number; readonly policies: readonly PolicySummary[] }, Failure>>;
  /** All or nothing. Errors: BELAY_E_POLICY_INVALID with every problem, BELAY_E_POLICY_RECOVERY, BELAY_E_CONFLICT. */
  apply(request: ApplyRequest, by: string): Promise<Result<Applied, PolicyFailure>>;
  show(name: string, version?: number): Promise<Result<PolicyDetail, Failure>>;
  /** Newest first; `before` is the version that the last page ended with. */
  versions(limit: number, before?: number): Promise<readonly PolicyVersion[]>;
  diff(from: number, to: number): Promise<Result<readonly PolicyChange[], Failure>>;
  /** Publishes an old version's content under a new number. */
  rollback(version: number, comment: string, by: string): Promise<Result<Applied, PolicyFailure>>;
}

export type PolicyServiceDeps = Pick<ServerContext, 'store' | 'serverEvents' | 'publisher' | 'clock'>;

type Published = { readonly comment: string; readonly rollbackOf: number | null; readonly by: string; readonly at: number };

const CONFLICTS = new Set(['23505', 'SQLITE_CONSTRAINT_PRIMARYKEY']);
const MAX_POLICIES = 10_000;
/** In force before anything was published. */
const NO_VERSION = 0;

export function createPolicyService(deps: PolicyServiceDeps): PolicyService {
  return { ...reader(deps), ...publisher(deps) };
}

function reader({ store }: PolicyServiceDeps): Pick<PolicyService, 'list' | 'show' | 'versions' | 'diff'> {
  const { db } = store;
  const versionNamed = async (version?: number): Promise<number | undefined> => {
    if (version === undefined) return (await currentVersion(db)) ?? NO_VERSION;
    return (await db.selectFrom('policy_versions').select('version').where('version', '=', version).executeTakeFirst())?.version;
  };
  return {
    async list(wanted) {
      const version = await versionNamed(wanted);
      if (version === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      return ok({ version, policies: (await heldIn(db, version)).map(summaryOf) });
    },
    async show(name, wanted) {
      const version = await versionNamed(wanted);
      const row = version === undefined ? undefined : (await heldIn(db, version)).find((held) => held.name === name);
      return row === undefined || version === undefined ? err(failure('BELAY_E_NOT_PERMITTED')) : ok({ ...summaryOf(row), version, source: row.source });
    },
    async versions(limit, before) {
      let query = db.selectFrom('policy_versions').selectAll().orderBy('version', 'desc').limit(limit);
      if (before !== undefined) query = query.where('version', '<', before);
      const rows = await query.execute();
      return rows.map((row) => ({ version: row.version, createdAt: row.created_at, createdBy: row.created_by, comment: row.comment, rollbackOf: row.rollback_of }));
    },
    async diff(from, to) {
      const [before, after] = [await versionNamed(from), await versionNamed(to)];
      if (before === undefined || after === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      return ok(changesBetween(await heldIn(db, before), await heldIn(db, after)));
    },
  };
}

function publisher(deps: PolicyServiceDeps): Pick<PolicyService, 'apply' | 'rollback'> {
  const { clock, publisher: fleet } = deps;
  /** Devices learn of it after it is committed, never before. */
  const announced = async (published: Result<Applied, PolicyFailure>): Promise<Result<Applied, PolicyFailure>> => {
    if (published.ok && published.value.published) await fleet.policyChanged();
    return published;
  };
  return {
    async apply(request, by) {
      return announced(await atOnce(() => applyFiles(deps, request, { comment: request.comment, rollbackOf: null, by, at: clock() })));
    },
    async rollback(version, comment, by) {
      return announced(await atOnce(() => republish(deps, version, { comment, rollbackOf: version, by, at: clock() })));
    },
  };
}

/** Two servers that publish at once make the same version number: one of them must look again. */
async function atOnce(publish: () => Promise<Result<Applied, PolicyFailure>>): Promise<Result<Applied, PolicyFailure>> {
  try {
    return await publish();
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (typeof code === 'string' && CONFLICTS.has(code)) return err(failure('BELAY_E_CONFLICT'));
    throw error;
  }
}

async function applyFiles(deps: PolicyServiceDeps, request: ApplyRequest, meta: Published): Promise<Result<Applied, PolicyFailure>> {
  return deps.serverEvents.transact(async (tx, record): Promise<Result<Applied, PolicyFailure>> => {
    const current = (await currentVersion(tx)) ?? NO_VERSION;
    const { baseVersion } = request;
    if (baseVersion !== undefined && baseVersion !== current) {
      return err(failure('BELAY_E_CONFLICT', `Version ${current} is in force by now, not ${baseVersion}; look at the difference and apply again.`));
    }
    const before = await heldIn(tx, current);
    const next = nextDocuments(request.files, request.prune === true ? [] : before);
    if (!next.ok) return invalid(next.error);
    const { kept, prepared } = next.value;
    if (kept.length + prepared.length > MAX_POLICIES) return err(failure('BELAY_E_TOO_LARGE', `A fleet has at most ${MAX_POLICIES} policies.`));
    const unrecoverable = checkRecovery([...prepared.flatMap(({ compiled }) => compiled ?? []), ...(await compiledIn(tx, kept))]);
    if (unrecoverable !== undefined) return err(unrecoverable);
    const after = [...kept, ...prepared.map(({ held }) => held)];
    const changes = changesBetween(before, after);
    if (request.dryRun === true || changes.every(({ change }) => change === 'unchanged')) return ok({ version: current, published: false, changes });
    for (const { held, bundle } of prepared) if (bundle !== undefined) await storeBundle(tx, held.digest, bundle, meta.at);
    await publish(tx, current + 1, after.some(isMonitor) ? await withVariants(tx, after, meta.at) : after, meta);
    record({ type: 'policy.published', fields: { by: meta.by, version: current + 1, policies: after.map(({ name }) => name).toSorted() } });
    return ok({ version: current + 1, published: true, changes });
  });
}

async function storeBundle(tx: Db, digest: Uint8Array, content: Uint8Array, at: number): Promise<void> {
  await tx.insertInto('bundles').values({ digest, content, created_at: at }).onConflict((conflict) => conflict.column('digest').doNothing()).execute();
}

/** Where devices only watch, each policy has a second bundle, which its summary names. */
async function withVariants(tx: Db, held: readonly Held[], at: number): Promise<readonly Held[]> {
  const policies = held.filter((each) => !isLibrary(each));
  const compiled = await compiledIn(tx, policies);
  const named = new Map<string, string>();
  for (const [index, policy] of policies.entries()) {
    const variant = watchingVariant(compiled[index] as CompiledPolicy);
    if (variant?.bundle === undefined) continue;
    await storeBundle(tx, variant.digest, variant.bundle, at);
    named.set(policy.name, Buffer.from(variant.digest).toString('hex'));
  }
  return held.map((each) => (named.has(each.name) ? { ...each, summary: JSON.stringify({ ...(JSON.parse(each.summary) as object), watching: named.get(each.name) }) } : each));
}

function invalid(problems: readonly PolicyProblem[]): Result<Applied, PolicyFailure> {
  const count = problems.length;
  return err({ ...failure('BELAY_E_POLICY_INVALID', `The policy files have ${count === 1 ? 'an error' : `${count} errors`}; nothing was applied.`), problems });
}

async function republish(deps: PolicyServiceDeps, version: number, meta: Published): Promise<Result<Applied, PolicyFailure>> {
  return deps.serverEvents.transact(async (tx, record): Promise<Result<Applied, PolicyFailure>> => {
    const current = (await currentVersion(tx)) ?? NO_VERSION;
    const known = await tx.selectFrom('policy_versions').select('version').where('version', '=', version).executeTakeFirst();
    if (known === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
    const [before, after] = [await heldIn(tx, current), await heldIn(tx, version)];
    const changes = changesBetween(before, after);
    if (changes.every(({ change }) => change === 'unchanged')) return ok({ version: current, published: false, changes });
    const unrecoverable = checkRecovery(await compiledIn(tx, after));
    if (unrecoverable !== undefined) return err(unrecoverable);
    await publish(tx, current + 1, after, meta);
    record({ type: 'policy.rolled-back', fields: { by: meta.by, version: current + 1, of: version } });
    return ok({ version: current + 1, published: true, changes });
  });
}

async function publish(tx: Db, version: number, policies: readonly Held[], { comment, rollbackOf, by, at }: Published): Promise<void> {
  await tx.insertInto('policy_versions').values({ version, created_at: at, created_by: by, comment, rollback_of: rollbackOf }).execute();
  for (const held of policies) await tx.insertInto('policies').values({ ...held, version }).execute();
}

async function currentVersion(db: Db): Promise<number | undefined> {
  return (await db.selectFrom('policy_versions').select('version').orderBy('version', 'desc').limit(1).executeTakeFirst())?.version;
}

async function heldIn(db: Db, version: number): Promise<readonly Held[]> {
  return db.selectFrom('policies').select(['name', 'file_name', 'source', 'digest', 'summary']).where('version', '=', version).orderBy('name').execute();
}

async function compiledIn(db: Db, held: readonly Held[]): Promise<readonly CompiledPolicy[]> {
  const compiled: CompiledPolicy[] = [];
  for (const { name, digest } of held.filter((each) => !isLibrary(each))) {
    const row = await db.selectFrom('bundles').select('content').where('digest', '=', digest).executeTakeFirstOrThrow();
    const decoded = decodeBundle(row.content);
    if (!decoded.ok) throw new Error(`the stored bundle of ${name} cannot be read: ${decoded.error.message}`);
    compiled.push(decoded.value);
  }
  return compiled;
}

function changesBetween(before: readonly Held[], after: readonly Held[]): readonly PolicyChange[] {
  const old = new Map(before.map((held) => [held.name, held]));
  const next = new Map(after.map((held) => [held.name, held]));
  return [...new Set([...old.keys(), ...next.keys()])].toSorted().map((name) => {
    const [from, to] = [old.get(name), next.get(name)];
    const diff = textDiff(from?.source ?? '', to?.source ?? '');
    const isRecompiled = from !== undefined && to !== undefined && from.source === to.source;
    if (from === undefined) return { name, change: 'added', diff };
    if (to === undefined) return { name, change: 'removed', diff };
    if (isRecompiled && Buffer.from(from.digest).equals(to.digest)) return { name, change: 'unchanged', diff };
    return { name, change: 'changed', diff: isRecompiled ? 'what it shares with others (sets, defaults) has changed\n' : diff };
  });
}

function summaryOf(held: Held): PolicySummary {
  const { kind = 'Policy', metadata, targets } = JSON.parse(held.summary) as { kind?: string; metadata: { description?: string }; targets?: unknown };
  return { kind, name: held.name, fileName: held.file_name, digest: Buffer.from(held.digest).toString('hex'), description: metadata.description ?? '', targets: targets ?? null };
}
