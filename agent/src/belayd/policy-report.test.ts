import { describe, expect, test } from '@jest/globals';
import { loadPolicySet } from '@belay/core/policy';
import { compilePolicy, formatProblems, parsePolicyFiles } from '@belay/core/policy-tools';
import type { PolicyInForce } from '../state/device-state.ts';
import { reportPolicy } from './policy-report.ts';

const HOUR = 3_600_000;
const files = [
  { name: 'a.yaml', text: `
apiVersion: belay/v1
kind: Policy
metadata: { name: a }
rules:
  - { name: strict, who: ["user:x"], run: any, then: allow }
  - { name: outlives, who: ["user:x"], run: any, then: allow, onFailure: { manifestExpired: allow } }
  - { name: not alone, who: ["user:x"], run: any, then: allow, onFailure: { manifestExpired: allow, serverUnreachable: { after: 1h, then: deny } } }
  - { name: never, run: any, then: deny }
` },
  { name: 'b.yaml', text: `
apiVersion: belay/v1
kind: Policy
mode: monitor
metadata: { name: b }
rules: [{ name: watched, who: ["user:x"], run: any, then: allow }]
` },
];

function inForce(expiresAt: number): PolicyInForce {
  const parsed = parsePolicyFiles(files);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const policies = parsed.value.map(compilePolicy);
  return { manifest: { expiresAt }, set: loadPolicySet(policies), monitored: loadPolicySet(policies, 'monitor') } as unknown as PolicyInForce;
}

describe('what the age of the policy does', () => {
  test('in date and the server heard of: nothing', () => {
    expect(reportPolicy(inForce(2 * HOUR), HOUR, 1)).toEqual({ policies: 2, policiesMonitored: 1, rules: 3, rulesLapsed: 0, problem: undefined });
  });

  test('expired: what does not outlive it says no, and that is a problem with a remedy', () => {
    expect(reportPolicy(inForce(HOUR), HOUR, 1)).toMatchObject({ rulesLapsed: 1, problem: expect.stringMatching(/^The policy has expired: 1 of 3 rules .* Connect this device/) });
  });

  test('the server silent, or never heard of: what must not go without it says no', () => {
    for (const silentMs of [HOUR + 1, undefined]) expect(reportPolicy(inForce(9 * HOUR), HOUR, silentMs)).toMatchObject({ rulesLapsed: 1, problem: expect.stringMatching(/^The server has been silent for too long: 1 of 3 rules/) });
    expect(reportPolicy(inForce(9 * HOUR), HOUR, HOUR)).toMatchObject({ rulesLapsed: 0, problem: undefined });
  });

  test('none in force', () => {
    expect(reportPolicy(undefined, HOUR, 1)).toEqual({ policies: 0, policiesMonitored: 0, rules: 0, rulesLapsed: 0, problem: undefined });
  });
});
