import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { questionIn, type World } from '../../../tests/policy-cases/world.ts';
import type { ByteString } from '../bytes.ts';
import { compilePolicy, formatProblems, parsePolicyFiles } from '../policy-tools/index.ts';
import type { CompiledPolicy, CompiledRule } from './compiled.ts';
import { decide, type Decision, type DecisionContext, explain, listFor, loadPolicySet, rulePaths } from './index.ts';
import type { ApprovalDemand, Demands } from './demands.ts';
import { type Bond, meetBonds, meetDemands, NO_DEMANDS } from './meet.ts';
import { ALERTS, CHILDREN, RECORDS, type RuleObligations } from './obligations.ts';

// A small world in which rules meet often: few commands, people and conditions, all combined at random.
const world: World = {
  users: { ada: 1001, bob: 1002 },
  groups: { dev: 2001, ops: 2002, missing: 'unknown' },
  files: { '/bin/a': { package: { name: 'a', repositories: ['Debian/stable'] } }, '/bin/b': { writable: true, package: 'none' }, '/bin/c': { package: { name: 'c', unmodified: false } }, '/bin/none': 'absent' },
  links: { '/bin/link': '/bin/a', '/bin/far': '/bin/link' },
  device: { labels: { site: 'x' }, posture: { encrypted: true, firewall: false, patchAgeDays: 9 } },
};

const commands = ['/bin/a', '/bin/b', '/bin/c', '/bin/link', '/bin/far', '/bin/none'];
const hashOfB = '0'.repeat(64);
const target = fc.record({
  command: fc.constantFrom(...commands),
  args: fc.option(fc.constantFrom<unknown[]>([], ['*'], ['x', '**'], ['/etc/*'], ['**'], [{ regex: '[xy]' }], [['x', 'z*'], '**']), { nil: undefined }),
  sha256: fc.option(fc.constant(hashOfB), { nil: undefined, freq: 6 }),
  package: fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom<unknown>('a', { repository: 'Debian/*' }, { name: 'c', version: '>= 1' }, { name: '*', unmodified: 'any' }) }),
});
const run = fc.oneof(fc.constant('any' as const), fc.array(fc.oneof({ weight: 5, arbitrary: target }, { weight: 1, arbitrary: target.map((not) => ({ not })) }), { minLength: 1, maxLength: 3 }));
const who = fc.oneof(
  fc.constant('any' as const),
  fc.array(fc.constantFrom('user:ada', 'group:dev', 'group:missing', 'uid:1002', '!user:bob', '!group:ops', '!group:missing'), { minLength: 1, maxLength: 3 }),
);
const as = fc.option(fc.constantFrom('any', { user: 'bob' }, { user: 'root' }, { group: 'ops' }), { nil: undefined });
const when = fc.option(
  fc.constantFrom('terminal', '!terminal', 'time.hour < 12', 'device.labels.site == "x"', 'device.labels.none == "x"', 'device.labels.none == "x" || terminal', '"missing" in user.groups', 'command.args.exists(a, a == "x")', '1 / size(command.args) == 1'),
  { nil: undefined },
);
const rarely = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.oneof({ weight: 9, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
const limits = rarely(fc.record({
  duration: fc.constantFrom('5m', '1h'), children: fc.constantFrom('allow', 'check'), writable: fc.subarray(['/srv', '/srv/www', '/var'], { minLength: 1 }), cwd: fc.constantFrom('/', '/srv'),
  environment: fc.constant({ keep: ['A'], set: { B: 'c' } }),
}, { requiredKeys: [] }).filter((each) => Object.keys(each).length > 0));
const around = {
  cwd: rarely(fc.constantFrom(['/home/**'], ['/srv'])),
  env: rarely(fc.constantFrom({ A: '1' }, { A: null })),
  parent: rarely(fc.constant(['/bin/sh'])),
  ancestor: rarely(fc.constant(['/bin/sshd'])),
  from: rarely(fc.constantFrom<unknown>({ login: ['ssh'] }, { networks: ['10.0.0.0/8'] }, { terminal: true })),
  during: rarely(fc.constantFrom<unknown>({ from: '08:00', to: '18:00' }, { days: ['sat-sun'], zone: 'Asia/Tokyo' })),
  device: rarely(fc.constantFrom<unknown>({ encrypted: true }, { secureBoot: true }, { maxPatchAge: '10d', firewall: false }, { labels: { site: 'x' } })),
};
const common = { ...around, alert: fc.option(fc.constantFrom('low', 'high'), { nil: undefined }), priority: fc.integer({ min: -1, max: 1 }), as, when, message: fc.option(fc.constantFrom('one', 'two'), { nil: undefined }) };
const grant = fc.record({
  ...common, run, who,
  then: fc.constantFrom('allow', 'ask'),
  require: fc.constantFrom<unknown>({ reason: true }, { reauth: '5m' }, { reason: { minLength: 9, pattern: 'OPS-.*' }, reauth: true }, { confirm: true }, { approval: { from: ['role:approver'] } }, { approval: [{ from: ['manager'] }, { from: ['role:b'], escalate: { after: '5m', to: ['role:c'] } }] }),
  limits,
  whenExpired: fc.option(fc.constantFrom('allow', 'deny'), { nil: undefined }),
  recovery: fc.boolean(),
});
const denial = fc.record({ ...common, run: fc.option(run, { nil: undefined }), who: fc.option(who, { nil: undefined }), then: fc.constant('deny') });

function policyOf(name: string, rules: readonly Record<string, unknown>[]): CompiledPolicy {
  const written = rules.map((rule, i) => {
    const { require, ...rest } = rule;
    const open = { ...rest, name: `r${i}`, ...(rule['then'] === 'ask' ? { require } : {}) };
    if (rule['then'] === 'deny') return open;
    const named = Array.isArray(rule['who']) && rule['who'].every((each: string) => each.startsWith('!')) ? ['any', ...rule['who']] : rule['who'];
    const runs = Array.isArray(rule['run']) && rule['run'].every((each: object) => 'not' in each) ? ['any', ...rule['run']] : rule['run'];
    return { ...open, who: named, run: runs };
  });
  const parsed = parsePolicyFiles([{ name, text: JSON.stringify({ apiVersion: 'belay/v1', kind: 'Policy', metadata: { name }, rules: written }) }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return compilePolicy(parsed.value[0]!);
}

const policies = fc.tuple(fc.array(fc.oneof({ weight: 3, arbitrary: grant }, { weight: 1, arbitrary: denial }), { minLength: 1, maxLength: 5 }), fc.array(fc.oneof({ weight: 3, arbitrary: grant }, { weight: 1, arbitrary: denial }), { minLength: 1, maxLength: 4 }))
  .map(([one, two]) => [policyOf('one', one as Record<string, unknown>[]), policyOf('two', two as Record<string, unknown>[])]);

const ask = fc.record({
  who: fc.constantFrom('ada', 'bob'),
  groups: fc.subarray(['dev', 'ops']),
  run: fc.tuple(fc.constantFrom('/bin/a', '/bin/b', '/bin/c', '/bin/link', '/bin/far'), fc.array(fc.constantFrom('x', 'y', '/etc/shadow', '/x/../etc/z', 'bad\\xff'), { maxLength: 2 })).map(([command, args]) => [command, ...args]),
  as: fc.option(fc.constantFrom({ user: 'bob' }, { group: 'ops' }, { uid: -1 }), { nil: undefined, freq: 3 }),
  terminal: fc.boolean(),
  at: fc.constantFrom('2026-03-04T10:00:00Z', '2026-03-04T20:00:00Z'),
  expired: fc.boolean(),
  cwd: fc.constantFrom('/home/ada', '/srv'),
  env: fc.subarray(['A=1', 'B=2']),
  above: fc.option(fc.constantFrom(['/bin/sh', '/bin/sshd'], ['/bin/x']), { nil: undefined }),
  whole: fc.boolean(),
  login: fc.option(fc.constantFrom('ssh', 'console'), { nil: undefined }),
  address: fc.option(fc.constantFrom('10.1.2.3', '192.0.2.7'), { nil: undefined }),
});

type Case = { readonly policies: readonly CompiledPolicy[]; readonly ask: Parameters<typeof questionIn>[1] };
const cases = fc.record({ policies, ask }) as fc.Arbitrary<Case>;
// More in the soak: `npm run soak`.
const RUNS = { numRuns: process.env['BELAY_SOAK'] === '1' ? 5000 : 60 };

function decisionOn({ policies: list, ask: asked }: Case, change: (context: DecisionContext) => DecisionContext = (context) => context): Decision {
  const set = loadPolicySet(list);
  const { request, context } = questionIn(world, { ...asked, rulePaths: rulePaths(set) });
  return decide(set, request, change(context));
}

function withRules(list: readonly CompiledPolicy[], change: (rules: readonly CompiledRule[], policy: number) => readonly CompiledRule[]): readonly CompiledPolicy[] {
  return list.map((policy, index) => ({ ...policy, rules: change(policy.rules, index) }));
}

const rank = { deny: 0, ask: 1, allow: 2 } as const;

describe('decide', () => {
  test('the random world gives every kind of answer', () => {
    const kinds = new Set(fc.sample(cases, { numRuns: 300, seed: 7 }).map((each) => {
      const decision = decisionOn(each);
      return decision.kind === 'deny' ? decision.reason.kind : decision.kind;
    }));
    expect([...kinds].sort()).toEqual(['allow', 'ask', 'denied-by-rule', 'no-policy', 'no-rule', 'unsafe-file']);
  });

  test('permuting rules and policies changes nothing', () => {
    fc.assert(fc.property(cases, fc.infiniteStream(fc.nat(1000)), (each, keys) => {
      const shuffled = <T>(list: readonly T[]): T[] => list.map((item) => ({ item, key: keys.next().value as number })).sort((a, b) => a.key - b.key).map(({ item }) => item);
      const other = shuffled(withRules(each.policies, (rules) => shuffled(rules).map((rule) => ({ ...rule, run: { ...rule.run, is: shuffled(rule.run.is) }, who: { ...rule.who, is: shuffled(rule.who.is) } }))));
      expect(decisionOn({ ...each, policies: other })).toEqual(decisionOn(each));
    }), RUNS);
  });

  test('removing an allow never permits more', () => {
    fc.assert(fc.property(cases, fc.nat(20), (each, place) => {
      const allows = each.policies.flatMap((policy) => policy.rules).filter((rule) => rule.then === 'allow');
      fc.pre(allows.length > 0);
      const gone = allows[place % allows.length];
      const less = withRules(each.policies, (rules) => rules.filter((rule) => rule !== gone));
      const before = decisionOn(each).kind;
      expect(rank[decisionOn({ ...each, policies: less }).kind] <= rank[before] || before === 'ask').toBe(true);
      expect(before !== 'deny' || decisionOn({ ...each, policies: less }).kind === 'deny').toBe(true);
    }), RUNS);
  });

  test('adding a deny never permits more', () => {
    fc.assert(fc.property(cases, denial, (each, extra) => {
      const more = [...each.policies, policyOf('extra', [extra as Record<string, unknown>])];
      const after = decisionOn({ ...each, policies: more });
      expect(after.kind === 'deny' || after.kind === decisionOn(each).kind).toBe(true);
    }), RUNS);
  });

  test('what becomes unknown never turns a no into a yes', () => {
    const blank: Partial<DecisionContext>[] = [
      { groupId: () => undefined }, { userId: () => undefined }, { executableSha256: () => undefined }, { objectOf: () => undefined },
      { circumstances: undefined },
    ];
    fc.assert(fc.property(cases, fc.subarray(blank, { minLength: 1 }), (each, unknown) => {
      fc.pre(decisionOn(each).kind === 'deny');
      expect(decisionOn(each, (context) => Object.assign({ ...context }, ...unknown)).kind).toBe('deny');
    }), RUNS);
  });

  test('bytes that are not UTF-8 are never permitted', () => {
    fc.assert(fc.property(cases, (each) => {
      const bad = { ...each, ask: { ...each.ask, cwd: '/x\\xff' } };
      expect(decisionOn(bad).kind).toBe('deny');
    }), RUNS);
  });

  test('whatever the bytes and numbers, there is an answer', () => {
    const anyBytes = fc.array(fc.nat(255), { maxLength: 20 }).map((list) => String.fromCharCode(...list) as ByteString);
    fc.assert(fc.property(cases, fc.record({ typed: anyBytes, resolved: anyBytes, args: fc.array(anyBytes), uid: fc.oneof(fc.integer(), fc.double()), nowMs: fc.double() }), (each, odd) => {
      const set = loadPolicySet(each.policies);
      const { request, context } = questionIn(world, each.ask);
      const strange = {
        ...request,
        args: odd.args,
        requester: { ...request.requester, uid: odd.uid },
        runAs: { ...request.runAs, uid: odd.uid },
        executable: { ...request.executable, typed: odd.typed, resolved: odd.resolved },
      };
      expect(['allow', 'ask', 'deny']).toContain(decide(set, strange, { ...context, nowMs: odd.nowMs }).kind);
    }), RUNS);
  });
});

describe('explain', () => {
  test('it agrees with decide, and its criteria with what holds', () => {
    fc.assert(fc.property(cases, (each) => {
      const set = loadPolicySet(each.policies);
      const { request, context } = questionIn(world, { ...each.ask, rulePaths: rulePaths(set) });
      const decision = decide(set, request, context);
      const explanation = explain(set, request, context, 100);
      expect(explanation.decision).toEqual(decision);
      expect(explanation.omitted).toBe(0);
      const decided = explanation.rules.filter((rule) => rule.part === 'decided').map((rule) => rule.rule);
      const by = decision.kind !== 'deny' ? decision.by : decision.reason.kind === 'denied-by-rule' ? decision.reason.by : [];
      expect(new Set(decided)).toEqual(new Set(by));
      for (const rule of explanation.rules) {
        const truths = rule.criteria.map((criterion) => criterion.truth);
        const byCriteria = rule.then === 'deny' ? !truths.includes('false') : truths.every((truth) => truth === 'true');
        expect([rule.rule, rule.criteria, rule.holds]).toEqual([rule.rule, rule.criteria, byCriteria]);
      }
    }), RUNS);
  });
});

describe('listFor', () => {
  test('what is permitted is on the list', () => {
    fc.assert(fc.property(cases, (each) => {
      const set = loadPolicySet(each.policies);
      const { request, context } = questionIn(world, { ...each.ask, rulePaths: rulePaths(set) });
      const decision = decide(set, request, context);
      fc.pre(decision.kind !== 'deny');
      const listed = listFor(set, request, context).map(({ rule }) => `${rule.policy}/${rule.rule}`);
      for (const { policy, rule } of decision.by) expect(listed).toContain(`${policy}/${rule}`);
    }), RUNS);
  });
});

describe('meets', () => {
  const some = (...texts: string[]) => fc.subarray(texts).map((list) => [...list].sort());
  const placeOf = ({ from, count, withinMs, stage, escalate }: ApprovalDemand) => JSON.stringify([from, count, withinMs, stage ?? 0, escalate ?? null]);
  const demands: fc.Arbitrary<Demands> = fc.record({
    reason: fc.option(fc.record({ minLength: fc.nat(20), patterns: some('a', 'b'), suggestions: some('x', 'y') }), { nil: undefined }),
    reauth: fc.option(fc.record({ maxAgeMs: fc.nat(20) }), { nil: undefined }),
    confirm: fc.boolean(),
    approval: fc.subarray([{ from: ['role:a'], count: 1, withinMs: 5 }, { from: ['manager'], count: 1, withinMs: 5 }, { from: ['role:a'], count: 2, withinMs: 5 }, { from: ['role:a'], count: 1, withinMs: 5, stage: 1 }, { from: ['manager'], count: 1, withinMs: 5, escalate: { afterMs: 1, to: ['role:b'] } }]
      .sort((a, b) => (placeOf(a) < placeOf(b) ? -1 : 1))),
    emergency: fc.constantFrom<true | undefined>(true, undefined),
  }).map(({ emergency, ...rest }) => (emergency === undefined ? rest : { ...rest, emergency }));
  const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: undefined });
  const failure = fc.constantFrom('allow', 'spool', 'deny' as const);
  const obligations: fc.Arbitrary<RuleObligations> = fc.record({
    durationMs: maybe(fc.nat(9)), uses: maybe(fc.nat(9)), totalMs: maybe(fc.nat(9)),
    children: fc.constantFrom(...CHILDREN), capabilities: maybe(some('CAP_A', 'CAP_B')), network: fc.constantFrom('allow', 'deny' as const),
    writable: maybe(some('/a', '/a/b', '/a/b/c', '/d')),
    environment: fc.record({ keep: some('A', 'B'), set: fc.subarray(['X', 'Y']).chain((names) => fc.tuple(...names.map((name) => fc.constantFrom(['1'], ['2'], ['1', '2']).map((values) => ({ name, values }))))) }),
    umask: maybe(fc.constantFrom(0o22, 0o77)), cwd: some('/', '/srv'), record: fc.constantFrom(...RECORDS), alert: fc.constantFrom(...ALERTS),
  }) as fc.Arbitrary<RuleObligations>;
  const bond: fc.Arbitrary<Bond> = fc.record({
    sha256: maybe(fc.subarray(['a', 'b', 'c'])),
    argv0: fc.record({ rank: fc.nat(3), path: fc.constantFrom('/a', '/b', '/c') as fc.Arbitrary<ByteString> }),
    obligations,
    failures: fc.record({ diskFull: failure, recorderUnable: failure }) as fc.Arbitrary<Bond['failures']>,
  });

  test('of demands: commutative, associative, idempotent, and nothing demanded changes nothing', () => {
    fc.assert(fc.property(demands, demands, demands, (a, b, c) => {
      expect(meetDemands(a, b)).toEqual(meetDemands(b, a));
      expect(meetDemands(meetDemands(a, b), c)).toEqual(meetDemands(a, meetDemands(b, c)));
      expect(meetDemands(a, a)).toEqual(a);
      expect(meetDemands(a, NO_DEMANDS)).toEqual(a);
    }));
  });

  test('of obligations: commutative, associative, idempotent', () => {
    fc.assert(fc.property(bond, bond, bond, (a, b, c) => {
      expect(meetBonds(a, b)).toEqual(meetBonds(b, a));
      expect(meetBonds(meetBonds(a, b), c)).toEqual(meetBonds(a, meetBonds(b, c)));
      expect(meetBonds(a, { ...a, obligations: { ...a.obligations } })).toEqual(a);
    }));
  });
});
