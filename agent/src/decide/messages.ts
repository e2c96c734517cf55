import type { Decision, RuleRef } from '@belay/core/policy';
import { inert } from './inert.ts';

type DenyReason = Extract<Decision, { kind: 'deny' }>['reason'];

export function ruleName(rule: RuleRef): string {
  return inert(`${rule.policy}/${rule.rule}`, 300);
}

export function ruleNames(rules: readonly RuleRef[]): string {
  return rules.map(ruleName).sort().join(', ');
}

export function rulesOf(decision: Decision): readonly RuleRef[] {
  if (decision.kind !== 'deny') return decision.by;
  return 'by' in decision.reason ? decision.reason.by : [];
}

/** Every sentence to a requester begins with the request's number. */
export function numbered(request: number, text: string): string {
  return inert(`Belay #${request}: ${text}`, 2000);
}

/** "Not allowed" and "does not exist" read alike: the reply must not tell what lies where the requester cannot look. */
export const NOT_ALLOWED = 'policy does not allow this here, or there is no such command. To have it allowed, give IT this number.';

export function denialText(reason: DenyReason): string {
  switch (reason.kind) {
    case 'denied-by-rule':
      return `refused by the rule "${ruleNames(reason.by)}".${reason.message === undefined ? '' : ` ${inert(reason.message)}`}`;
    case 'no-rule':
      return NOT_ALLOWED;
    case 'unsafe-file':
      return `the rule "${ruleNames(reason.by)}" does not hold for this file, because others than root could change it. Give IT this number.`;
    case 'no-policy':
      return 'no policy is in force on this device. Run "belay status" and tell IT what it says.';
  }
}
