import { hasLapsed } from '@belay/core/policy';
import type { PolicyInForce } from '../state/device-state.ts';

/** What of the policy in force holds now; what has lapsed says no. */
export type PolicyReport = {
  readonly policies: number;
  readonly policiesMonitored: number;
  /** Those that can say yes. */
  readonly rules: number;
  readonly rulesLapsed: number;
  /** What to do about it; undefined: nothing has lapsed, and the policy is in date. */
  readonly problem: string | undefined;
};

export function reportPolicy(policy: PolicyInForce | undefined, nowMs: number, serverSilentMs: number | undefined): PolicyReport {
  if (policy === undefined) return { policies: 0, policiesMonitored: 0, rules: 0, rulesLapsed: 0, problem: undefined };
  const { set, monitored, manifest } = policy;
  const manifestExpired = manifest.expiresAt <= nowMs;
  const granting = set.rules.filter(({ then }) => then !== 'deny');
  const lapsed = granting.filter((rule) => hasLapsed(rule, { manifestExpired, serverSilentMs }));
  const policies = (monitored ?? set).policies.length;
  const counts = { policies, policiesMonitored: policies - set.policies.length, rules: granting.length, rulesLapsed: lapsed.length };
  return { ...counts, problem: problemOf(counts, manifestExpired) };
}

function problemOf({ rules, rulesLapsed }: Pick<PolicyReport, 'rules' | 'rulesLapsed'>, isExpired: boolean): string | undefined {
  const effect = rulesLapsed === 0 ? 'every rule outlives that' : `${rulesLapsed} of ${rules} rules that allow or ask do not hold until a new one comes`;
  if (isExpired) return `The policy has expired: ${effect}. Connect this device to its server; check the clock.`;
  if (rulesLapsed === 0) return undefined;
  return `The server has been silent for too long: ${rulesLapsed} of ${rules} rules that allow or ask do not hold until it is heard of. Connect this device to it.`;
}
