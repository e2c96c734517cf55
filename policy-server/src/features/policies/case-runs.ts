import { setImmediate as turn } from 'node:timers/promises';
import { failure } from '@belay/core/codes';
import { sha256 } from '@belay/core/node-crypto';
import { decodeBundle } from '@belay/core/policy';
import { type CaseResult, type CaseSuite, type Coverage, coverageOf, loadCaseFile, type PolicyFile, type PolicyProblem, runCases, type TestedPolicies } from '@belay/core/policy-tools';
import { err, ok, type Result } from '@belay/core/result';
import type { ServerContext } from '../../context.ts';
import type { Db } from '../../store/index.ts';
import { isLibrary } from './documents.ts';
import type { PolicyFailure } from './service.ts';

/** `files`: files of cases; which policies those name does not matter here. `version` left out: the one in force. */
export type CaseRunRequest = { readonly files: readonly PolicyFile[]; readonly version?: number | undefined };

export type SuiteReport = {
  readonly name: string;
  readonly description: string;
  readonly file: string;
  readonly cases: readonly (CaseResult & { readonly passed: boolean })[];
};
/** `version` 0: nothing was ever published. `coverage`: of every policy of that version, each in the file it was applied from. */
export type CaseRunReport = { readonly version: number; readonly ok: boolean; readonly passed: number; readonly failed: number; readonly coverage: Coverage; readonly suites: readonly SuiteReport[] };

/** Runs cases against what is published; nothing is kept of them. */
export interface CaseRuns {
  /** Errors: BELAY_E_POLICY_INVALID with every problem of every file, BELAY_E_TOO_LARGE, BELAY_E_NOT_PERMITTED for an unknown version. */
  run(request: CaseRunRequest, signal: AbortSignal): Promise<Result<CaseRunReport, PolicyFailure>>;
}

/** In one request: while cases run nothing else does. */
const MAX_CASES = 2000;

export function createCaseRuns({ store }: Pick<ServerContext, 'store'>): CaseRuns {
  return {
    async run({ files, version }, signal) {
      const suites = readSuites(files);
      if (!suites.ok) return suites;
      const published = await publishedPolicies(store.db, version);
      if (published === undefined) return err(failure('BELAY_E_NOT_PERMITTED'));
      const runs: { readonly tested: TestedPolicies; readonly run: ReturnType<typeof runCases> }[] = [];
      for (const suite of suites.value) {
        runs.push({ tested: published.policies, run: runCases(suite, published.policies, sha256) });
        // Others are served in between, and nobody's cases run on after they have gone.
        await turn();
        if (signal.aborted) return err(failure('BELAY_E_TIMEOUT'));
      }
      const reports = runs.map(({ run: { suite, results } }) => reportOf(suite, results));
      const all = reports.flatMap(({ cases }) => cases);
      const failed = all.filter(({ passed }) => !passed).length;
      const coverage = coverageOf(runs.map(({ tested, run: { held } }) => ({ tested, held })));
      return ok({ version: published.version, ok: failed === 0, passed: all.length - failed, failed, coverage, suites: reports });
    },
  };
}

function reportOf({ name, description, file }: CaseSuite, results: readonly CaseResult[]): SuiteReport {
  return { name, description, file, cases: results.map((result) => ({ ...result, passed: result.mismatches.length === 0 })) };
}

function readSuites(files: readonly PolicyFile[]): Result<readonly CaseSuite[], PolicyFailure> {
  const suites: CaseSuite[] = [];
  const problems: PolicyProblem[] = [];
  for (const file of files) {
    const loaded = loadCaseFile(file);
    if (loaded.ok) suites.push(...loaded.value);
    else problems.push(...loaded.error);
  }
  if (problems.length > 0) return err({ ...failure('BELAY_E_POLICY_INVALID', `The files of cases have ${problems.length === 1 ? 'an error' : `${problems.length} errors`}; nothing was run.`), problems });
  const count = suites.reduce((sum, { cases }) => sum + cases.length, 0);
  return count > MAX_CASES ? err(failure('BELAY_E_TOO_LARGE', `These are ${count} cases; at most ${MAX_CASES} run at once. Send them in parts.`)) : ok(suites);
}

/** Undefined: there is no such version. */
async function publishedPolicies(db: Db, wanted: number | undefined): Promise<{ readonly version: number; readonly policies: TestedPolicies } | undefined> {
  let query = db.selectFrom('policy_versions').select('version').orderBy('version', 'desc').limit(1);
  if (wanted !== undefined) query = query.where('version', '=', wanted);
  const version = (await query.executeTakeFirst())?.version;
  if (version === undefined) return wanted === undefined ? { version: 0, policies: [] } : undefined;
  const held = await db.selectFrom('policies').innerJoin('bundles', 'bundles.digest', 'policies.digest')
    .select(['policies.name', 'policies.file_name', 'bundles.content']).where('policies.version', '=', version).orderBy('policies.name').execute();
  const policies = held.filter((each) => !isLibrary(each)).map(({ name, file_name, content }) => {
    const decoded = decodeBundle(content);
    if (!decoded.ok) throw new Error(`the stored bundle of ${name} cannot be read: ${decoded.error.message}`);
    return { file: file_name, policy: decoded.value };
  });
  return { version, policies };
}
