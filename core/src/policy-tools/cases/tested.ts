import { err, ok, type Result } from '../../result.ts';
import { type CompiledPolicy, decodeBundle, encodeBundle } from '../../policy/index.ts';
import { compilePolicy } from '../compile.ts';
import type { PolicyDocument } from '../parse.ts';
import type { PolicyProblem } from '../problem.ts';

/** Policies as a device would get them: compiled, written into a bundle and read again. `file`: where each is written. */
export type TestedPolicies = readonly { readonly file: string; readonly policy: CompiledPolicy }[];

/** An error: a policy that a device would refuse. */
export function testedPolicies(documents: readonly PolicyDocument[]): Result<TestedPolicies, readonly PolicyProblem[]> {
  const tested: { readonly file: string; readonly policy: CompiledPolicy }[] = [];
  const problems: PolicyProblem[] = [];
  for (const { file, policy, firstLine } of documents) {
    if (policy === undefined) continue;
    const decoded = decodeBundle(encodeBundle(compilePolicy(policy)));
    if (decoded.ok) tested.push({ file, policy: decoded.value });
    else problems.push({ file, line: firstLine, column: 1, message: `A device would refuse this policy: ${decoded.error.message}`, remedy: 'Make it smaller or simpler.' });
  }
  return problems.length === 0 ? ok(tested) : err(problems);
}
