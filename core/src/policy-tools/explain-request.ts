import * as z from 'zod';
import type { Sha256 } from '../crypto.ts';
import { type CompiledPolicy, decide, explain, forRequester, type RequesterExplanation, type RuleExplanation, rulePaths } from '../policy/index.ts';
import { caseSets } from './cases/run.ts';
import { type CaseOutcome, outcomeOf } from './cases/outcome.ts';
import { questionIn } from './cases/question.ts';
import { caseSchema } from './cases/schema.ts';
import { worldSchema } from './cases/schema-world.ts';
import { isMerged } from './merged-folders.ts';

/** A request in the form in which a file of cases has it; what a case is called and expects may stand there and says nothing. */
export const requestSchema = z.strictObject({
  world: worldSchema.default({}),
  case: caseSchema.partial({ name: true, expect: true }).refine(({ run }) => run[0]?.startsWith('/') === true, { path: ['run', 0], message: 'the command must be an absolute path, for instance /usr/bin/apt-get' }),
});
export type WrittenRequest = z.output<typeof requestSchema>;

/** For those who may see all of it. */
export type ExplainedRequest = {
  readonly outcome: CaseOutcome;
  /** Those that hold, then the nearest misses. */
  readonly rules: readonly RuleExplanation[];
  readonly omitted: number;
  /** What of it whoever asks is shown. */
  readonly requester: RequesterExplanation;
  /** Names of policies that are not for this device. */
  readonly elsewhere: readonly string[];
  /** Policies of this device that only watch, and what they would make of it; undefined: there are none. */
  readonly monitored: { readonly policies: readonly string[]; readonly outcome: CaseOutcome } | undefined;
};

/** What a person reads. */
const NEAREST_RULES = 6;
/** Rules that are listed when all are asked for: an answer has an end. */
const MAX_RULES = 1000;

/** Why a device of such a world decides as it does, by the engine that decides there. */
export function explainRequest(policies: readonly CompiledPolicy[], { world, case: ask }: WrittenRequest, options: { readonly sha256: Sha256; readonly all?: boolean | undefined }): ExplainedRequest {
  const { enforced, monitored } = caseSets({ world }, policies);
  const paths = rulePaths(monitored);
  const links = { ...mergedLinks([...paths, ...ask.run.slice(0, 1)], world), ...world.links };
  const { request, context } = questionIn({ ...world, links }, ask, { sha256: options.sha256, rulePaths: paths });
  const explanation = explain(enforced, request, context, options.all === true ? MAX_RULES : NEAREST_RULES);
  const here = new Set(monitored.policies.map(({ name }) => name));
  return {
    outcome: outcomeOf(explanation.decision),
    rules: explanation.rules.map((rule) => withNames(rule, ask)),
    omitted: explanation.omitted,
    requester: forRequester(explanation),
    elsewhere: policies.filter(({ name }) => !here.has(name)).map(({ name }) => name).sort(),
    monitored: monitored === enforced ? undefined : { policies: namesOf(monitored.policies), outcome: outcomeOf(decide(monitored, request, context)) },
  };
}

/** /bin, /sbin and /lib lead into /usr, as they do on the systems of today, unless the world says what is there. */
function mergedLinks(paths: readonly string[], { files = {}, links = {} }: WrittenRequest['world']): Readonly<Record<string, string>> {
  const merged = paths.filter((path) => isMerged(path) && !Object.hasOwn(files, path) && !Object.hasOwn(links, path));
  return Object.fromEntries(merged.map((path) => [path, `/usr${path}`]));
}

/** Numbers that the request does not give are none of a real account's: whoever it is is told by the names that it does give. */
function withNames(rule: RuleExplanation, { who, groups = [] }: WrittenRequest['case']): RuleExplanation {
  const found = groups.length === 0 ? `${who}, in no other group` : `${who}, in ${groups.join(', ')}`;
  return { ...rule, criteria: rule.criteria.map((each) => (each.criterion === 'who' && each.found !== undefined ? { ...each, found } : each)) };
}

function namesOf(policies: readonly CompiledPolicy[]): readonly string[] {
  return policies.filter(({ mode }) => mode === 'monitor').map(({ name }) => name).sort();
}
