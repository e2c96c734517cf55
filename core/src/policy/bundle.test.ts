import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from '../../node/crypto.ts';
import { questionIn } from '../../../tests/policy-cases/world.ts';
import { toHex } from '../bytes.ts';
import { type CborValue, decodeCanonical, encodeCanonical } from '../evidence/cbor.ts';
import { compilePolicy, parsePolicyFiles } from '../policy-tools/index.ts';
import { bundleDigest, type CompiledPolicy, decide, decodeBundle, encodeBundle, loadPolicySet, namesInPolicy, rulePaths, type TargetDevice, targetsDevice } from './index.ts';

function compiled(extra: Record<string, unknown> = {}): CompiledPolicy {
  const text = JSON.stringify({
    apiVersion: 'belay/v1', kind: 'Policy', metadata: { name: 'p' },
    rules: [
      { name: 'r', who: ['group:dev', '!user:eve'], run: [{ command: '/bin/a', args: ['x', '**'], sha256: 'A'.repeat(64) }, { not: { command: '/bin/b' } }], as: { user: 'web', groups: ['gid:5', 'www'] }, when: '"ops" in user.groups || ("x" + "y") in user.groups', then: 'ask', require: { reason: true, reauth: '5m' } },
    ],
    ...extra,
  });
  const parsed = parsePolicyFiles([{ name: 'p.yaml', text }]);
  if (!parsed.ok) throw new Error(JSON.stringify(parsed.error));
  return compilePolicy(parsed.value[0]!);
}

function tampered(change: (value: Record<string, unknown>) => void): Uint8Array {
  const value = decodeCanonical(encodeBundle(compiled()));
  if (!value.ok) throw new Error('unreadable');
  const copy = value.value as Record<string, unknown>;
  change(copy);
  return encodeCanonical(copy as CborValue);
}

const rule = (value: Record<string, unknown>): Record<string, unknown> => (value['rules'] as Record<string, unknown>[])[0]!;

describe('a bundle', () => {
  test('keeps everything, and one policy has one digest', () => {
    const bundle = encodeBundle(compiled());
    const decoded = decodeBundle(bundle);
    expect(decoded.ok && encodeBundle(decoded.value)).toEqual(bundle);
    expect(toHex(bundleDigest(bundle, sha256))).toBe(toHex(bundleDigest(encodeBundle(compiled()), sha256)));
    expect(toHex(bundleDigest(bundle, sha256))).toHaveLength(64);
  });

  test('of version 1 is taken, and asks and carries no more than it did', () => {
    const old = tampered((value) => {
      value['v'] = 1;
      delete value['mode'];
      const only = rule(value);
      for (const key of ['circumstances', 'obligations', 'failures']) delete only[key];
      only['demands'] = { reason: { minLength: 1 }, reauth: { maxAgeMs: 300_000 } };
      only['outlivesManifest'] = true;
    });
    const decoded = decodeBundle(old);
    const today = compiled();
    const lasting = { ...today, rules: today.rules.map((each) => ({ ...each, failures: { ...each.failures, manifestExpired: 'allow' as const } })) };
    expect(decoded.ok && encodeBundle(decoded.value)).toEqual(encodeBundle(lasting));
  });

  test.each<[string, (value: Record<string, unknown>) => void, string]>([
    ['a newer form', (value) => { value['v'] = 3; }, 'BELAY_E_FEATURE'],
    ['no form', (value) => { delete value['v']; }, 'BELAY_E_MALFORMED'],
    ['an unknown key', (value) => { value['extra'] = 1; }, 'BELAY_E_MALFORMED'],
    ['an unknown key in a rule', (value) => { rule(value)['limits'] = {}; }, 'BELAY_E_MALFORMED'],
    ['an unknown demand', (value) => { rule(value)['demands'] = { approval: true }; }, 'BELAY_E_MALFORMED'],
    ['an unknown effect', (value) => { rule(value)['then'] = 'permit'; }, 'BELAY_E_MALFORMED'],
    ['a pattern that cannot be read', (value) => { rule(value)['run'] = { any: false, is: [{ command: '/a', args: ['**', 'x'] }], not: [] }; }, 'BELAY_E_MALFORMED'],
    ['an expression that is none', (value) => { rule(value)['when'] = { source: 'x', parsed: Uint8Array.of(255, 255) }; }, 'BELAY_E_MALFORMED'],
    ['an empty expression', (value) => { rule(value)['when'] = { source: 'x', parsed: new Uint8Array() }; }, 'BELAY_E_MALFORMED'],
    ['an id beyond ids', (value) => { rule(value)['as'] = { users: [{ id: 4294967295 }], groups: 'any' }; }, 'BELAY_E_MALFORMED'],
  ])('with %s is refused whole', (_name, change, code) => {
    const decoded = decodeBundle(tampered(change));
    expect(decoded.ok ? 'taken' : decoded.error.code).toBe(code);
  });

  test('cut short or changed anywhere it is refused, or another policy with another digest', () => {
    const bundle = encodeBundle(compiled());
    for (let length = 0; length < bundle.length; length++) expect(decodeBundle(bundle.subarray(0, length)).ok).toBe(false);
    fc.assert(fc.property(fc.nat(bundle.length - 1), fc.integer({ min: 1, max: 255 }), (at, flip) => {
      const changed = bundle.slice();
      changed[at] = (changed[at] as number) ^ flip;
      const decoded = decodeBundle(changed);
      if (decoded.ok) expect(encodeBundle(decoded.value)).toEqual(changed);
      expect(toHex(sha256(changed))).not.toBe(toHex(sha256(bundle)));
    }), { numRuns: 500 });
  });

  test('an unreadable expression that got past is unknown: a deny holds, an allow does not', () => {
    const base = compiled().rules[0]!;
    const broken = { source: 'x', parsed: Uint8Array.of(255) };
    const open = { ...base, who: { any: true, is: [], not: [] }, run: { any: true, is: [], not: [] }, as: { users: 'any', groups: 'any' }, when: broken } as const;
    const { request, context } = questionIn({ users: { ada: 1 }, files: { '/bin/a': {} } }, { who: 'ada', run: ['/bin/a'] });
    const policy = (then: 'allow' | 'deny'): CompiledPolicy => ({ ...compiled(), rules: [{ ...open, then }] });
    expect(decide(loadPolicySet([policy('allow')]), request, context)).toMatchObject({ kind: 'deny', reason: { kind: 'no-rule' } });
    expect(decide(loadPolicySet([policy('deny')]), request, context)).toMatchObject({ kind: 'deny', reason: { kind: 'denied-by-rule' } });
    expect(decide(loadPolicySet([]), request, context)).toMatchObject({ kind: 'deny', reason: { kind: 'no-policy' } });
  });
});

test('the agent is told every path and name to resolve ahead', () => {
  const set = loadPolicySet([compiled()]);
  expect(rulePaths(set)).toEqual(['/bin/a', '/bin/b']);
  expect(namesInPolicy(set)).toEqual({ users: ['eve', 'web'], groups: ['dev', 'ops', 'www', 'x', 'y'] });
});

test('targets name devices and groups, and exclusions win', () => {
  const on = (devices: readonly string[], device: TargetDevice): boolean => targetsDevice(compiled({ targets: { devices } }), device);
  const device = { id: 'd-1', groups: ['engineering', 'lab'], labels: { site: 'berlin' } };
  expect(targetsDevice(compiled(), device)).toBe(true);
  expect(on(['all'], device)).toBe(true);
  expect(on(['group:engineering'], device)).toBe(true);
  expect(on(['device:d-1'], device)).toBe(true);
  expect(on(['group:sales', 'device:d-2'], device)).toBe(false);
  expect(on(['all', '!group:lab'], device)).toBe(false);
  expect(on(['!device:d-2'], device)).toBe(true);
  expect(on(['label:site=berlin'], device)).toBe(true);
  expect(on(['label:site=paris', 'label:constructor=x'], device)).toBe(false);
});
