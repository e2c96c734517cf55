import { type CriterionResult, type DecisionContext, explain, type Explanation, forRequester, type RuleExplanation } from '@belay/core/policy';
import { type ExplainedCriterionSchema, ExplainedCriterion_Truth, type ExplainedRuleSchema, ExplainedRule_Part, type ExplanationSchema, type PolicyVersionSchema, type WhyAnswerSchema, WhyAnswer_Decision } from '@belay/proto/local';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { Clock } from '../platform/platform.ts';
import type { PolicyInForce } from '../state/device-state.ts';
import { commandText } from './command-text.ts';
import type { Remembered } from './decided.ts';
import { demandTexts } from './demand-texts.ts';
import { inert, inertBytes } from './inert.ts';
import { ruleName } from './messages.ts';

export type WhyDeps = { readonly platform: { readonly clock: Pick<Clock, 'now'> }; policy(): PolicyInForce | undefined };

/** `requester`: of one's own requests, no more than sudo told; `all`: root, down to the nearest miss. */
export type Audience = 'requester' | 'all';

const EXPLAINED_RULES = 20;

/**
 * SECURITY(T-30): what a requester is told is made of what they may know, never cut out of what they may not. What is not there and what
 * is not allowed is one answer to them, in every field.
 */
export function whyAnswer(what: Remembered, audience: Audience, deps: WhyDeps): MessageInitShape<typeof WhyAnswerSchema> {
  const { decision, manifest } = what;
  const shown = decision === undefined ? undefined : forRequester({ decision, rules: [], omitted: 0 });
  const demands = decision?.kind === 'ask' ? demandTexts(decision.demands) : [];
  const now = deps.policy();
  const isOther = now?.manifest.number !== manifest?.number || now?.manifest.epoch !== manifest?.epoch;
  return {
    request: BigInt(what.number),
    atMs: BigInt(what.atMs),
    uid: what.uid,
    user: inert(what.user ?? ''),
    command: commandText(what.typed.argv),
    decision: decisionOf(what),
    reason: what.why === undefined ? '' : audience === 'requester' && what.why === 'not-found' ? 'no-rule' : what.why,
    text: inert(what.text, 2000),
    rules: (shown?.by ?? []).map(ruleName),
    message: inert(shown?.message ?? ''),
    demands: [...demands],
    outsideRules: what.outsideRules,
    ...(manifest === undefined ? {} : { policy: versionOf(manifest) }),
    ...(isOther && now !== undefined ? { policyNow: versionOf(now.manifest) } : {}),
    ...(audience === 'all' ? { explanation: explanationOf(what, now, deps) } : {}),
  };
}

function decisionOf({ why, decision, number }: Remembered): WhyAnswer_Decision {
  if (why !== undefined) return WhyAnswer_Decision.DENY;
  return number === 0 && decision?.kind === 'ask' ? WhyAnswer_Decision.ASK : WhyAnswer_Decision.ALLOW;
}

export function versionOf({ number, epoch, issuedAt, expiresAt }: PolicyInForce['manifest']): MessageInitShape<typeof PolicyVersionSchema> {
  return { number: BigInt(number), epoch, issuedMs: BigInt(issuedAt), expiresMs: BigInt(expiresAt) };
}

function explanationOf(what: Remembered, now: PolicyInForce | undefined, deps: WhyDeps): MessageInitShape<typeof ExplanationSchema> {
  const { request, context, decision } = what;
  if (request === undefined || context === undefined) return { note: unexplained(what) };
  const about = { resolved: inertBytes(request.executable.resolved), runAs: inert(`${request.runAs.userName ?? request.runAs.uid}:${request.runAs.groupName ?? request.runAs.gid}`), directory: inertBytes(request.cwd) };
  const policy = what.policy ?? now;
  if (policy === undefined) return { ...about, note: 'The policy that decided is no longer kept, and none is in force.' };
  const asked = what.policy === undefined ? underPolicyOfToday(context, policy, deps) : context;
  const explained = explain(policy.set, request, asked, EXPLAINED_RULES);
  return { ...about, rules: explained.rules.map(ruleOf), omitted: explained.omitted, note: inert(noteOf(what, policy, explained, decision?.kind)) };
}

function unexplained({ why, outsideRules, isTooLarge }: Remembered): string {
  if (outsideRules) return 'Root is outside the rules: whatever root asks for runs, and is recorded.';
  if (why === 'not-found') return 'No rule was asked: there was no such command, or it could not be read.';
  return isTooLarge ? 'The request was too large to be kept whole.' : 'No rule was asked.';
}

/** The facts of then, but for what came with the policy. */
function underPolicyOfToday(context: DecisionContext, { manifest }: PolicyInForce, { platform }: WhyDeps): DecisionContext {
  const nowMs = platform.clock.now();
  return { ...context, nowMs, manifestExpired: manifest.expiresAt <= nowMs, device: { id: manifest.device, name: manifest.name, groups: manifest.groups, labels: manifest.labels } };
}

function noteOf({ policy, manifest }: Remembered, used: PolicyInForce, { decision }: Explanation, then: string | undefined): string {
  if (policy === undefined) return `Policy ${manifest?.number ?? 0}, which decided, is no longer kept: this is what policy ${used.manifest.number} says now.`;
  return then !== undefined && decision.kind !== then ? 'The device has changed since: asked again, the engine would answer otherwise.' : '';
}

const PARTS = { decided: ExplainedRule_Part.DECIDED, outranked: ExplainedRule_Part.OUTRANKED, 'does-not-hold': ExplainedRule_Part.DOES_NOT_HOLD } as const;
const TRUTHS = { true: ExplainedCriterion_Truth.TRUE, false: ExplainedCriterion_Truth.FALSE, unknown: ExplainedCriterion_Truth.UNKNOWN } as const;

function ruleOf({ rule, then, priority, part, criteria }: RuleExplanation): MessageInitShape<typeof ExplainedRuleSchema> {
  return { rule: ruleName(rule), then, priority, part: PARTS[part], criteria: criteria.map(criterionOf) };
}

function criterionOf({ criterion, truth, wants, found }: CriterionResult): MessageInitShape<typeof ExplainedCriterionSchema> {
  return { criterion, truth: TRUTHS[truth], wants: inert(wants), found: inert(found ?? '') };
}
