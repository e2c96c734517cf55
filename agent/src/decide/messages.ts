import type { ByteString } from '@belay/core/bytes';
import type { Decision, RuleRef } from '@belay/core/policy';
import type { ElevationRequest } from '@belay/core/request';
import type { Why } from './evidence.ts';
import { inert, inertBytes } from './inert.ts';

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

/** Of these the number alone tells more: which rule, by which policy. What does not exist is among them, or the hint would tell. */
const EXPLAINED: ReadonlySet<Why> = new Set(['denied-by-rule', 'no-rule', 'not-found', 'unsafe-file']);

/** A refusal for the terminal, with how to learn more where there is more. */
export function denied(request: number, why: Why, text: string, decision: Decision | undefined): string {
  const isExplained = EXPLAINED.has(why) || (why === 'bad-request' && decision !== undefined);
  return numbered(request, isExplained ? `${text} Why: belay why ${request}` : text);
}

/** "Not allowed" and "does not exist" read alike: the reply must not tell what lies where the requester cannot look. */
export const NOT_ALLOWED = 'policy does not allow this here, or there is no such command. To have it allowed, give IT this number.';

/** The same of a request that has no number, because it was only asked about. */
export function unnumbered(text: string): string {
  return text.replace(/ (?:To have it allowed, give|Give) IT this number\.$/, '');
}

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

/** Somebody asked for a variable by name, and the rules that allow the rest do not keep it. */
export function unkeptText(name: string, by: readonly RuleRef[]): string {
  return `the variable ${inertBytes(name as ByteString, 64)} cannot be kept or set: the rule "${ruleNames(by)}" does not say so. Leave it out, or ask IT.`;
}

const LONGEST_COMMAND = 400;

/** The question of `require.confirm`: what will run, as whom. Cut where it is too long to read, and then it says so. */
export function confirmText(request: number, { executable, args, runAs }: ElevationRequest): string {
  const words = [executable.typed, ...args].map((word) => (/^[\w/.:=@%+,-]+$/.test(word) ? word : `'${inertBytes(word)}'`)).join(' ');
  const command = words.length > LONGEST_COMMAND ? `${words.slice(0, LONGEST_COMMAND)}… (${args.length} arguments)` : words;
  return numbered(request, `run ${command} as ${runAs.userName ?? `#${runAs.uid}`}? [y/N] `);
}
