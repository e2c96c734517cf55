import type { CaseResult, CaseSuite, Coverage, PolicyProblem, SuiteResult } from '@belay/core/policy-tools';
import { createApi } from '../api.ts';
import { readCaseFiles } from './case-files.ts';

/** What was run, here or there. */
export type TestRun = { readonly runs: readonly SuiteResult[]; readonly coverage: Coverage };
type Answer = { readonly coverage: Coverage; readonly suites: readonly { readonly name: string; readonly file: string; readonly cases: readonly CaseResult[] }[] };

/** Has the server run cases against what is in force there, or was in another version. What is wrong with the files is told before they are sent. */
export async function runOnServer(paths: readonly string[], version: number | undefined): Promise<TestRun | { readonly problems: readonly PolicyProblem[] }> {
  const { loadCaseFile } = await import('@belay/core/policy-tools');
  const files = await readCaseFiles(paths);
  const suites: CaseSuite[] = [];
  const problems: PolicyProblem[] = [];
  for (const file of files) {
    const loaded = loadCaseFile(file);
    if (loaded.ok) suites.push(...loaded.value);
    else problems.push(...loaded.error);
  }
  if (problems.length > 0) return { problems };
  const answer = await createApi().post<Answer>('/policies/test', { files, ...(version === undefined ? {} : { version }) });
  // As they were sent, one after the other.
  return { coverage: answer.coverage, runs: suites.map((suite, index) => ({ suite, results: answer.suites[index]?.cases ?? [], held: [] })) };
}
