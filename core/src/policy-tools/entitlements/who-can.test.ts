import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { sha256 } from '../../../node/crypto.ts';
import { type CompiledPolicy, decide, loadPolicySet, rulePaths, targetsDevice } from '../../policy/index.ts';
import { questionIn } from '../cases/question.ts';
import { compilePolicy, formatProblems, parsePolicyFiles } from '../index.ts';
import { whoCan, type WhoCan, type WhoCanQuestion } from './who-can.ts';

function compile(name: string, rules: string, head = ''): readonly CompiledPolicy[] {
  const parsed = parsePolicyFiles([{ name, text: `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${name} }\n${head}\nrules:\n${rules}` }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value.map(compilePolicy);
}

const APT = '/usr/bin/apt-get';
/** WHO runs COMMAND as AS, a line each. */
const rows = ({ entitlements }: WhoCan) => entitlements.map(({ who, then, command, as, others }) => `${who.join(' ')} ${then} ${command} as ${as}${others.map((other) => ` ${other.then}${other.certain ? '!' : '?'} ${other.rule.rule}`).join('')}`);
const ask = (policies: readonly CompiledPolicy[], question: Partial<WhoCanQuestion> = {}) => whoCan(policies, { command: APT, ...question });

describe('who can run a command', () => {
  test('whoever the rules name, with their arguments, as whom, where, under which conditions and demands', () => {
    const policies = compile('dev', `
  - { name: install, who: ["group:developers", "user:ada", "!group:interns"], run: [{ command: ${APT}, args: [install, "**"] }], during: { from: "08:00", to: "18:00" }, then: ask, require: { reason: true } }
  - { name: other, who: any, run: [{ command: /usr/bin/id }], then: allow }
`, 'targets: { devices: ["group:engineering"] }');
    const answer = ask(policies);
    expect(answer).toMatchObject({
      entitlements: [{ rule: { policy: 'dev', rule: 'install' }, who: ['group:developers', 'user:ada'], except: ['group:interns'], as: 'root : root', devices: 'group:engineering', command: `${APT} install **`, conditions: ['08:00 to 18:00'], demands: { reason: { minLength: 1 } }, others: [] }],
      takenAway: [], verdict: undefined, monitored: [], isCut: false,
    });
    expect(rows(ask(policies, { args: ['install', 'vim'] }))).toHaveLength(1);
    expect(rows(ask(policies, { args: ['remove', 'vim'] }))).toEqual([]);
    expect(rows(ask(policies, { device: { id: 'd1', name: 'x', groups: ['sales'], labels: {} } }))).toEqual([]);
    expect(rows(ask(policies, { device: { id: 'd1', name: 'x', groups: ['engineering'], labels: {} } }))).toHaveLength(1);
  });

  test('a deny that certainly holds takes it away whole; one that may is told with what it hangs on', () => {
    const policies = compile('p', `
  - { name: give, who: ["group:dev", "group:ops"], run: [{ command: ${APT} }], then: allow }
  - { name: never ops, who: ["group:ops"], run: [{ command: ${APT} }], then: deny }
  - { name: not interns, who: ["group:interns"], run: any, then: deny }
  - { name: no removal, run: [{ command: ${APT}, args: [remove, "**"] }], then: deny }
  - { name: at night, run: any, during: { from: "22:00", to: "06:00" }, then: deny }
  - { name: as another, run: any, as: { user: postgres }, then: deny }
  - { name: another command, run: [{ command: /usr/bin/id }], then: deny }
`);
    const answer = ask(policies);
    expect(rows(answer)).toEqual([`group:dev allow ${APT} as root : root deny? at night deny? never ops deny? no removal deny? not interns`]);
    expect(answer.takenAway).toMatchObject([{ who: ['group:ops'], others: expect.arrayContaining([expect.objectContaining({ rule: { policy: 'p', rule: 'never ops' }, certain: true, conditions: [] })]) }]);
    expect(answer.entitlements[0]?.others.find(({ rule }) => rule.rule === 'not interns')?.conditions).toEqual(['group:interns']);
    const install = ask(policies, { args: ['install'] });
    expect(rows(install)[0]).not.toContain('no removal');
    expect(ask(policies, { args: ['remove', 'x'] })).toMatchObject({ entitlements: [], takenAway: [{ who: ['group:dev'] }, { who: ['group:ops'] }] });
  });

  test('exceptions on both sides are read as the engine reads them', () => {
    const policies = compile('p', `
  - { name: but not, who: ["group:dev"], run: [any, { not: { command: ${APT}, args: [remove, "**"] } }], then: allow }
  - { name: only admins, who: ["!group:admins"], run: [{ command: ${APT} }], then: deny }
`);
    const answer = ask(policies);
    expect(answer.entitlements).toMatchObject([{ who: ['group:dev'], conditions: [`not ${APT} remove **`], others: [{ certain: false, conditions: ['any, !group:admins'] }] }]);
    expect(ask(policies, { args: ['remove'] }).entitlements).toEqual([]);
  });

  test('grants of the same or a higher priority that change what holds are told', () => {
    const policies = compile('p', `
  - { name: plain, who: ["group:dev"], run: [{ command: ${APT} }], then: allow }
  - { name: ask all, who: any, priority: 5, run: any, then: ask, require: { confirm: true } }
  - { name: also plain, who: any, run: [{ command: ${APT} }], then: allow }
  - { name: beneath, who: any, priority: -5, run: any, then: ask, require: { confirm: true } }
`);
    const answer = ask(policies);
    expect(rows(answer)).toContain(`group:dev allow ${APT} as root : root ask! ask all`);
    expect(answer.entitlements[0]?.rule.rule).toBe('ask all');
  });

  test('as whom: a deny of one account leaves a grant for any account with a condition', () => {
    const policies = compile('p', `
  - { name: any account, who: ["group:dba"], run: [{ command: ${APT} }], as: any, then: allow }
  - { name: postgres, who: ["group:dba"], run: [{ command: ${APT} }], as: { user: postgres }, then: allow }
  - { name: not root, run: any, as: { user: root }, then: deny }
  - { name: not postgres, run: any, as: { user: postgres }, then: deny }
`);
    const answer = ask(policies);
    expect(rows(answer)).toEqual([`group:dba allow ${APT} as any : any deny? not postgres deny? not root`]);
    expect(answer.takenAway.map(({ rule }) => rule.rule)).toEqual(['postgres']);
  });

  test('numbers stay open: an account by name may be one that a rule names by number', () => {
    const policies = compile('p', `
  - { name: give, who: ["user:ada", "group:dev"], run: [{ command: ${APT} }], then: allow }
  - { name: by number, who: ["uid:1001", "gid:2001"], run: any, then: deny }
`);
    expect(ask(policies).entitlements).toMatchObject([{ who: ['user:ada', 'group:dev'], others: [{ certain: false }] }]);
    expect(ask(policies, { user: { name: 'ada', uid: 1002, groups: [] } }).verdict).toMatchObject({ answer: 'allow' });
    expect(ask(policies, { user: { name: 'ada', uid: 1001, groups: [] } }).verdict).toMatchObject({ answer: 'deny' });
    expect(ask(policies, { user: { name: 'ada', groups: [] } }).verdict).toMatchObject({ answer: 'depends', outcomes: ['allow', 'deny'] });
  });

  test('on one user: allow, ask, deny, or what it depends on', () => {
    const policies = compile('p', `
  - { name: day, who: ["group:dev"], run: [{ command: ${APT} }], from: { terminal: true }, then: allow }
  - { name: always, who: ["group:ops"], run: [{ command: ${APT} }], then: ask, require: { reauth: true } }
  - { name: not interns, who: ["group:interns"], run: any, then: deny }
`);
    const verdict = (groups?: readonly string[]) => ask(policies, { user: { name: 'ada', groups } }).verdict;
    expect(verdict(['dev'])).toMatchObject({ answer: 'depends', outcomes: ['allow', 'deny'], rules: [{ rule: { rule: 'day' }, holds: 'perhaps' }, { holds: 'no' }, { holds: 'no' }] });
    expect(verdict(['ops'])).toMatchObject({ answer: 'ask' });
    expect(verdict(['ops', 'dev'])).toMatchObject({ answer: 'ask' });
    expect(verdict(['ops', 'interns'])).toMatchObject({ answer: 'deny', rules: [{ rule: { rule: 'not interns' }, holds: 'yes' }, expect.anything(), expect.anything()] });
    expect(verdict([])).toMatchObject({ answer: 'deny' });
    expect(verdict(undefined)).toMatchObject({ answer: 'depends', outcomes: ['allow', 'ask', 'deny'] });
    expect(ask(policies, { user: { name: 'ada', groups: ['ops'] } }).entitlements.map(({ who }) => who)).toEqual([['group:ops']]);
  });

  test('a file has the name it has in /usr and the one it has beside it', () => {
    const policies = compile('p', `
  - { name: give, who: ["group:dev"], run: [{ command: /usr/bin/bash }], then: allow }
  - { name: take, who: ["group:dev"], run: [{ command: /bin/bash }], then: deny }
`);
    for (const command of ['/bin/bash', '/usr/bin/bash']) expect(ask(policies, { command })).toMatchObject({ entitlements: [], takenAway: [{ rule: { rule: 'give' } }] });
    for (const command of ['/usr/local/bin/bash', '/sbin/bash', '/usr/sbin/bash']) expect(ask(policies, { command })).toMatchObject({ entitlements: [], takenAway: [] });
  });

  test.each([
    'command.args.exists(a, a == "x")', '!command.args.exists(a, a == "x")', 'user.uid == 1001', 'user.uid != 1001', '"dev" in user.groups', 'device.name == "one"', '"lab" in device.groups', '!("lab" in device.groups)',
    'terminal', '!terminal', 'door == "run"', 'time.hour < 12', 'cwd == "/"', '!("A" in env)', 'origin.login == "ssh"', 'parent == "/bin/sh"', 'pkg.name == "x"', 'device.encrypted',
  ])('an expression over what is not said is not known: %s', (when) => {
    const policies = compile('p', `  - { name: give, who: any, run: [{ command: ${APT} }], when: '${when}', then: allow }`);
    expect(ask(policies, { user: { name: 'ada' } })).toMatchObject({ verdict: { answer: 'depends', outcomes: ['allow', 'deny'] }, entitlements: [{ conditions: [when] }] });
  });

  test.each([['user.name == "ada"', 'allow'], ['user.name == "bob"', 'deny'], ['user.uid == 1001', 'allow'], ['"dev" in user.groups', 'allow'], ['"ops" in user.groups', 'deny'], ['device.name == "one"', 'allow'], ['device.labels.site == "x"', 'allow'], ['command.args.exists(a, a == "x")', 'allow'], ['runas.user == "root" && runas.uid == 0', 'allow'], [`command.path == "${APT}"`, 'allow']] as const)('and over what is said it is: %s is %s', (when, answer) => {
    const policies = compile('p', `  - { name: give, who: any, run: [{ command: ${APT} }], when: '${when}', then: allow }`);
    expect(ask(policies, { args: ['x'], device: { id: 'd', name: 'one', groups: [], labels: { site: 'x' } }, user: { name: 'ada', uid: 1001, groups: ['dev'] } }).verdict).toMatchObject({ answer });
  });

  test('policies that only watch give and take nothing, and are named', () => {
    const policies = [...compile('give', `  - { name: a, who: any, run: [{ command: ${APT} }], then: allow }`), ...compile('watch', '  - { name: b, run: any, then: deny }', 'mode: monitor')];
    expect(ask(policies)).toMatchObject({ entitlements: [{ others: [] }], takenAway: [], monitored: ['watch'] });
  });

  test('work is bounded: an answer that would take too long says that it is cut', () => {
    const people = Array.from({ length: 1000 }, (_, at) => `"user:u${at}"`).join(',');
    const rules = Array.from({ length: 40 }, (_, at) => `  - { name: r${at}, who: [${people}], run: [{ command: ${APT} }], then: ask, require: { confirm: true } }`).join('\n');
    expect(ask(compile('large', rules)).isCut).toBe(true);
    expect(ask(compile('small', rules.split('\n')[0] as string)).isCut).toBe(false);
  });
});

// A small world in which rules meet often; every name and number in it is known to the device.
const users = { ada: 1001, bob: 1002, svc: 1003 };
const groups = { dev: 2001, ops: 2002, ada: 1001, bob: 1002, svc: 1003 };
const maybe = <T>(value: fc.Arbitrary<T>, freq = 3) => fc.option(value, { nil: undefined, freq });
const rarely = <T>(value: fc.Arbitrary<T>) => fc.oneof({ weight: 6, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: value });
const subjects = fc.uniqueArray(fc.constantFrom('user:ada', 'user:bob', 'group:dev', 'group:ops', 'uid:1002', 'gid:2002', '!group:ops', '!user:bob', '!uid:1001', '!gid:2001'), { minLength: 1, maxLength: 3 });
const target = fc.record({ command: fc.constantFrom('/bin/a', '/usr/bin/a', '/bin/b'), args: maybe(fc.constantFrom<unknown[]>([], ['x'], ['x', '**'], ['*'], ['**'], [['x', 'y']])) }).map((each) => JSON.parse(JSON.stringify(each)) as object);
const targets = fc.array(fc.oneof({ weight: 4, arbitrary: target }, { weight: 1, arbitrary: target.map((not) => ({ not })) }), { minLength: 1, maxLength: 3 });
const ruleArbitrary = fc.record({
  then: fc.constantFrom('allow', 'ask', 'deny'), who: fc.oneof(fc.constant<string[]>(['any']), subjects), run: fc.oneof({ weight: 1, arbitrary: fc.constant<(string | object)[]>(['any']) }, { weight: 3, arbitrary: targets as fc.Arbitrary<(string | object)[]> }), priority: fc.integer({ min: -1, max: 1 }),
  as: maybe(fc.constantFrom<unknown>('any', { user: 'svc' }, { user: 'root' }, { users: ['svc', 'root'], group: 'any' }, { group: 'ops' }, { user: 'uid:1003' })),
  cwd: rarely(fc.constant(['/srv/**'])), env: rarely(fc.constantFrom({ A: '1' }, { A: null })), from: rarely(fc.constantFrom<unknown>({ terminal: true }, { login: ['ssh'] }, { networks: ['10.0.0.0/8'] })),
  during: rarely(fc.constant({ from: '08:00', to: '18:00' })), device: rarely(fc.constantFrom<unknown>({ groups: ['lab'] }, { labels: { site: 'x*' } }, { encrypted: true })), parent: rarely(fc.constant(['/bin/sh'])),
  when: rarely(fc.constantFrom('terminal', '!terminal || user.name == "ada"', 'time.hour < 12', '"dev" in user.groups', 'user.uid == 1002', 'runas.user == "svc" || runas.uid == 0', 'device.labels.site == "x1"', 'command.args.exists(a, a == "x")', 'door == "sudo"', 'command.path == "/usr/bin/a"', 'cwd == "/srv/x"', '"lab" in device.groups')),
});
const policyArbitrary = fc.array(ruleArbitrary, { minLength: 1, maxLength: 5 }).map((rules) => (name: string, devices: string | undefined): readonly CompiledPolicy[] => {
  const written = rules.map((rule, at) => {
    const isGrant = rule.then !== 'deny';
    const who = isGrant && (rule.who as readonly string[]).every((each) => each.startsWith('!')) ? ['any', ...rule.who] : rule.who;
    const run = isGrant && (rule.run as readonly unknown[]).every((each) => typeof each === 'object' && each !== null && 'not' in each) ? ['any', ...rule.run] : rule.run;
    return { ...rule, who, run, name: `r${at}`, ...(rule.then === 'ask' ? { require: { confirm: true } } : {}) };
  });
  const parsed = parsePolicyFiles([{ name, text: JSON.stringify({ apiVersion: 'belay/v1', kind: 'Policy', metadata: { name }, ...(devices === undefined ? {} : { targets: { devices: [devices] } }), rules: written }) }]);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value.map(compilePolicy);
});
const policiesArbitrary = fc.tuple(policyArbitrary, policyArbitrary, fc.constantFrom(undefined, 'group:lab', '!group:lab')).map(([one, two, devices]) => [...one('one', undefined), ...two('two', devices)]);
const situation = fc.record({
  who: fc.constantFrom('ada', 'bob'), groups: fc.subarray(['dev', 'ops']), command: fc.constantFrom('/bin/a', '/usr/bin/a', '/bin/b'), args: fc.array(fc.constantFrom('x', 'y'), { maxLength: 2 }),
  as: fc.constantFrom({ user: 'root', group: 'root' }, { user: 'svc' }, { group: 'ops' }), cwd: fc.constantFrom('/srv/x', '/home/x'), env: fc.subarray(['A=1']), terminal: fc.boolean(),
  at: fc.constantFrom('2026-03-04T10:00:00Z', '2026-03-04T20:00:00Z'), login: maybe(fc.constantFrom('ssh', 'console')), address: maybe(fc.constant('10.1.2.3')), above: maybe(fc.constantFrom(['/bin/sh'], ['/bin/x'])), door: fc.constantFrom('sudo', 'run'),
});
const placed = fc.record({ groups: fc.subarray(['lab']), labels: fc.constantFrom<Record<string, string>>({}, { site: 'x1' }, { site: 'y' }), posture: fc.constantFrom({}, { encrypted: true }, { encrypted: false }) });
const RUNS = { numRuns: process.env['BELAY_SOAK'] === '1' ? 5000 : 150 };

describe('against the engine', () => {
  const told = fc.record({ device: fc.boolean(), args: fc.boolean(), groups: fc.boolean(), uid: fc.boolean() });
  const all = fc.record({ policies: policiesArbitrary, asked: situation, device: placed, told });
  type Asked = typeof all extends fc.Arbitrary<infer Value> ? Value : never;
  const asking = ({ policies, asked, device, told: tells }: Asked) => whoCan(policies, {
    command: asked.command, as: asked.as, ...(tells.args ? { args: asked.args } : {}), ...(tells.device ? { device: { id: 'd1', name: 'one', groups: device.groups, labels: device.labels } } : {}),
    user: { name: asked.who, ...(tells.uid ? { uid: users[asked.who] } : {}), ...(tells.groups ? { groups: [...asked.groups, asked.who] } : {}) },
  });

  test('what is called certain of a user is what the engine decides, however the rest turns out; and what it grants is on the list', () => {
    fc.assert(fc.property(all, ({ policies, asked, device: at, told: tells }) => {
      const device = { id: 'd1', name: 'one', groups: at.groups, labels: at.labels };
      const { command, args, ...rest } = asked;
      const answer = asking({ policies, asked, device: at, told: tells });
      const here = policies.filter((policy) => targetsDevice(policy, device));
      const set = loadPolicySet(here);
      const { request, context } = questionIn({ users, groups, links: { '/bin/a': '/usr/bin/a', '/bin/b': '/usr/bin/b' }, device: { ...device, posture: at.posture } }, { ...rest, run: [command, ...args] } as never, { sha256, rulePaths: rulePaths(set) });
      const decision = decide(set, request, context);
      const { verdict } = answer;
      expect(verdict?.outcomes).toContain(decision.kind);
      if (decision.kind === 'deny') return;
      const listed = answer.entitlements.map(({ rule }) => `${rule.policy}/${rule.rule}`);
      for (const { policy, rule } of decision.by) expect(listed).toContain(`${policy}/${rule}`);
    }), RUNS);
  });

  test('it is no test of anything if all of it hangs on something: every answer comes up', () => {
    const answers = fc.sample(all, { numRuns: 150, seed: 1 }).map((each) => asking(each).verdict?.answer);
    expect(new Set(answers)).toEqual(new Set(['allow', 'ask', 'deny', 'depends']));
  });
});
