import type { Sha256 } from '../../crypto.ts';
import { type CompiledPolicy, type Decision, decide, loadPolicySet, type PolicySet, rulePaths, targetsDevice } from '../../policy/index.ts';
import { type Mismatch, mismatches } from './compare.ts';
import { type HeldRules, heldRules } from './coverage.ts';
import type { CaseSuite, PolicyCase } from './load.ts';
import { type CaseOutcome, outcomeOf } from './outcome.ts';
import { type CaseQuestion, questionIn } from './question.ts';
import type { TestedPolicies } from './tested.ts';
import { whyLines } from './why.ts';

export type CaseResult = {
  readonly name: string;
  readonly line: number;
  /** Empty: it passed. Those of `monitored` have that before their key. */
  readonly mismatches: readonly Mismatch[];
  readonly outcome: CaseOutcome;
  /** Of a case that failed: what decided, and why what was expected did not. */
  readonly why: readonly string[];
};

/** `held`: by file, policy and rule; see `coverageOf`. */
export type SuiteResult = { readonly suite: CaseSuite; readonly results: readonly CaseResult[]; readonly held: readonly HeldRules[] };

/** Policies of a suite's world: those in force, and those with what is only watched. */
export type CaseSets = { readonly enforced: PolicySet; readonly monitored: PolicySet };

/** Decides every case of a suite, as a device of its world would, by the policies that are for this device. */
export function runCases(suite: CaseSuite, tested: TestedPolicies, sha256: Sha256): SuiteResult {
  const sets = caseSets(suite, tested.map(({ policy }) => policy));
  const paths = rulePaths(sets.monitored);
  const held: HeldRules[] = [];
  const results = suite.cases.map((each) => {
    const question = questionIn(suite.world, each, { sha256, rulePaths: paths });
    const decision = decide(sets.enforced, question.request, question.context);
    held.push(heldRules(sets.monitored, question, tested));
    return judge(each, decision, { sets, question });
  });
  return { suite, results, held };
}

/** The manifest of a device lists what is for it, and nothing else. */
export function caseSets({ world }: Pick<CaseSuite, 'world'>, policies: readonly CompiledPolicy[]): CaseSets {
  const { id = 'd-test', groups = [], labels = {} } = world.device ?? {};
  const inForce = policies.filter((policy) => targetsDevice(policy, { id, groups, labels }));
  const enforced = loadPolicySet(inForce, 'enforce');
  return { enforced, monitored: enforced.policies.length === inForce.length ? enforced : loadPolicySet(inForce, 'monitor') };
}

type Judged = { readonly sets: CaseSets; readonly question: CaseQuestion };

function judge({ name, line, expect }: PolicyCase, decision: Decision, { sets, question }: Judged): CaseResult {
  const outcome = outcomeOf(decision);
  const found = mismatches(expect, outcome);
  const why = found.length === 0 ? [] : whyLines(sets.enforced, question, typeof expect === 'string' ? [] : (expect.by ?? []));
  const watched = typeof expect === 'string' ? undefined : expect.monitored;
  if (watched === undefined) return { name, line, outcome, mismatches: found, why };
  const other = mismatches(watched, outcomeOf(decide(sets.monitored, question.request, question.context)));
  const whyWatched = other.length === 0 ? [] : whyLines(sets.monitored, question, typeof watched === 'string' ? [] : (watched.by ?? []));
  return {
    name, line, outcome,
    mismatches: [...found, ...other.map((each) => ({ ...each, what: `monitored.${each.what}` }))],
    why: [...why, ...whyWatched.map((text) => `monitored: ${text}`)],
  };
}
