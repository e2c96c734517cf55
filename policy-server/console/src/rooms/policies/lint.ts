import { lint, type LintFinding, parsePolicyDocuments, type PolicyProblem } from '@belay/core/policy-tools';
import type { PolicyDetail } from '../../api/types.ts';

export type Linted = { readonly findings: readonly LintFinding[]; readonly problems: readonly PolicyProblem[] };

/** By the same code as `belayctl policy check`, here in the browser. */
export function lintAll(documents: readonly Pick<PolicyDetail, 'name' | 'fileName' | 'source'>[]): Linted {
  const files = [...new Map(documents.map(({ name, source }) => [source, { name, text: source }])).values()];
  const parsed = parsePolicyDocuments(files);
  return parsed.ok ? { findings: lint(parsed.value), problems: [] } : { findings: [], problems: parsed.error };
}
