// What came of a case, in the words of its expectation.
import { unenforceable } from '../../../agent/src/decide/enforceable.ts';
import type { Decision } from '../../../core/src/policy/index.ts';
import type { PolicyCase, World } from '../../../core/src/policy-tools/index.ts';
import type { RanCase } from './conduct.ts';
import type { Plan } from './translation.ts';

export type LiveEvent = { readonly type: string; readonly fields: Readonly<Record<string, unknown>> };
/** `unenforced`: what the agent must refuse, because nobody enforces it here; named in the refusal. */
export type Seen = { readonly decision: string; readonly by?: readonly string[]; readonly reason?: string | undefined; readonly unenforced: readonly string[]; readonly alert: unknown; /** Put on record of policies that are only watched. */ readonly would?: string | undefined };

const ASKS: ReadonlySet<unknown> = new Set(['reason-refused', 'reauth-failed', 'not-confirmed', 'approval-needed']);
const DENIES: ReadonlySet<unknown> = new Set(['not-found', 'no-rule', 'denied-by-rule', 'unsafe-file', 'no-policy']);

/** By the events of a case's session, of which there must be one, and by what sudo said. */
export function seen(events: readonly LiveEvent[], { output, code, isNoProgram }: RanCase & { /** Its file is no program, so that it cannot end well. */ readonly isNoProgram: boolean }, decision: Decision): Seen {
  const [event, ...others] = events.filter(({ type }) => type !== 'elevation.observed');
  const watched = events.find(({ type }) => type === 'elevation.observed')?.fields;
  if (event === undefined) return { decision: `no event: ${output.trim()}`, unenforced: [], alert: undefined };
  if (others.length > 0) return { decision: `${events.length} events`, unenforced: [], alert: undefined };
  const { why, rules, alert } = event.fields;
  const would = watched === undefined ? undefined : wouldText(watched['would'] as string, watched['rules'] as readonly string[]);
  const base = { by: [...(rules as readonly string[])].sort(), alert, would, unenforced: [] };
  if (event.type === 'elevation.intent') return { ...base, decision: code === 0 || isNoProgram ? 'allow' : `allowed, and ended with ${code}: ${output.trim()}` };
  if (ASKS.has(why)) return { ...base, decision: 'ask' };
  if (why === 'bad-request' && decision.kind === 'deny') return { ...base, decision: 'deny', reason: 'bad-request' };
  if (DENIES.has(why)) return { ...base, decision: 'deny', reason: why as string };
  const named = decision.kind === 'deny' ? [] : unenforceable(decision, { records: true }).filter((name) => output.includes(`"${name}"`) && output.includes('which this agent cannot enforce'));
  return named.length > 0 ? { ...base, decision: decision.kind, unenforced: named } : { ...base, decision: `denied: ${String(why)}: ${output.trim()}` };
}

/** What must be seen: the case's own expectation, and the refusals and alerts that follow from the rules. */
export function expected(policyCase: PolicyCase, world: World, plan: LivePlan): Seen {
  const { decision, watched } = plan;
  const would = isObserved(plan) ? wouldText(watched.kind, rulesOf(watched)) : undefined;
  const { expect } = policyCase;
  const early = refusedEarly(policyCase, world);
  const { decision: kind, by, reason } = typeof expect === 'string' ? { decision: expect, by: undefined, reason: undefined } : expect;
  const alert = decision.kind !== 'deny' ? decision.obligations.alert : decision.reason.kind === 'denied-by-rule' ? decision.reason.alert : 'none';
  if (kind === 'deny' && early !== undefined) return { decision: 'deny', by: [], reason: early, unenforced: [], alert: undefined };
  return {
    decision: kind, by: [...(by ?? rulesOf(decision))].sort(), reason: reason ?? (decision.kind === 'deny' ? decision.reason.kind : undefined),
    unenforced: decision.kind === 'deny' ? [] : unenforceable(decision, { records: true }), alert: alert === 'none' ? undefined : alert, would,
  };
}

type LivePlan = Pick<Extract<Plan, { kind: 'live' }>, 'decision' | 'watched'>;

/** Whether what is only watched would have made a difference. */
export function isObserved({ decision, watched }: LivePlan): boolean {
  return decision.kind !== watched.kind || JSON.stringify(rulesOf(decision)) !== JSON.stringify(rulesOf(watched));
}

function wouldText(decision: string, rules: readonly string[]): string {
  return `would ${decision} by ${[...rules].sort().join(', ') || 'no rule'}`;
}

/** Why no rule is asked: there is no such command, or nobody to run it as. */
function refusedEarly({ as, run: [command = ''] }: PolicyCase, { users = {}, groups = {}, files = {}, links = {} }: World): string | undefined {
  let end = command;
  for (let step = 0; step < 40 && links[end] !== undefined; step++) end = links[end] as string;
  const isNobody = [as?.uid, as?.gid].some((id) => id !== undefined && (id < 0 || id > 4_294_967_294)) || [users[as?.user ?? ''], groups[as?.group ?? '']].some((id) => id === 'absent' || id === 'unknown');
  return isNobody ? 'bad-request' : files[end] === 'absent' ? 'not-found' : undefined;
}

/** In a line, for people. */
export function seenText({ decision, by = [], reason, unenforced, alert, would = '' }: Seen): string {
  const parts = [decision, reason === undefined ? '' : `(${reason})`, `by ${[...by].join(', ') || 'no rule'}`, unenforced.length === 0 ? '' : `not enforced here: ${[...unenforced].sort().join(', ')}`, alert === undefined ? '' : `alert ${JSON.stringify(alert)}`, would];
  return parts.filter((part) => part !== '').join(' ');
}

export function rulesOf(decision: Decision): readonly string[] {
  const by = decision.kind !== 'deny' ? decision.by : 'by' in decision.reason ? decision.reason.by : [];
  return by.map(({ policy, rule }) => `${policy}/${rule}`);
}
