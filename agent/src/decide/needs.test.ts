import { expect, test } from '@jest/globals';
import { type CompiledPolicy, loadPolicySet } from '@belay/core/policy';
import { compilePolicy, formatProblems, parsePolicyFiles } from '@belay/core/policy-tools';
import { needsOf } from './needs.ts';

function policies(rule: string): readonly CompiledPolicy[] {
  const text = `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules:\n  - name: r\n    who: ["user:alice"]\n${rule.includes('then:') ? '' : '    then: allow\n'}${rule}`;
  const parsed = parsePolicyFiles([{ name: 'p.yaml', text }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value.map((policy) => compilePolicy(policy));
}

const needs = (rule: string) => needsOf(loadPolicySet(policies(rule)));

test.each([
  ['nothing but the command', '    run: [{ command: /usr/bin/id }]', { packages: false, posture: false }],
  ['groups and labels, which the manifest says', '    run: any\n    device: { groups: [g], labels: { a: b } }\n    when: device.groups.size() > 0 && device.labels["a"] == "b"', { packages: false, posture: false }],
  ['a package', '    run: [{ package: coreutils }]', { packages: true, posture: false }],
  ['a package in an exception', '    run: [{ command: /usr/bin/id }, { not: { package: coreutils } }]', { packages: true, posture: false }],
  ['a package in an expression', '    run: any\n    when: pkg.name == "coreutils"', { packages: true, posture: false }],
  ['how the device stands', '    run: any\n    device: { groups: [g], encrypted: true }', { packages: false, posture: true }],
  ['an approval: whoever gives it is shown both', '    run: any\n    then: ask\n    require: { approval: { from: ["role:approver"], count: 1, within: 10m } }', { packages: true, posture: true }],
  ['how the device stands in an expression', '    run: any\n    when: device.firewall', { packages: false, posture: true }],
])('%s', (_, rule, wanted) => {
  expect(needs(rule)).toEqual(wanted);
});
