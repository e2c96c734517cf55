import { describe, expect, test } from '@jest/globals';
import { formatProblems } from '../problem.ts';
import { parsePolicyDocuments, type PolicyDocument } from '../parse.ts';
import { escapeTable } from '../escapes/index.ts';
import { exampleDocument, LINT_EXAMPLES } from './examples.ts';
import { type FleetFacts, isAtLeast, lint, LINT_CODES, type LintCode, type LintFinding } from './index.ts';

function documentsOf(...texts: readonly string[]): readonly PolicyDocument[] {
  const parsed = parsePolicyDocuments(texts.map((text, at) => ({ name: `${String.fromCharCode(97 + at)}.yaml`, text })));
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value;
}
const linted = (rules: string, facts?: FleetFacts): readonly LintFinding[] => lint(documentsOf(exampleDocument(rules)), facts);
const codes = (findings: readonly LintFinding[]): readonly string[] => findings.map(({ code, accepted }) => (accepted === undefined ? code : `${code} accepted`));
const lines = (findings: readonly LintFinding[]): readonly string[] => findings.map(({ file, line, column, severity, code, message }) => `${file}:${line}:${column}: ${severity} ${code}: ${message}`);

describe('every code', () => {
  test.each(Object.keys(LINT_CODES) as LintCode[])('%s shows where the reference says so, and does not where it does not', (code) => {
    const { shows, silent, facts } = LINT_EXAMPLES[code];
    expect(codes(linted(shows, facts))).toContain(code);
    expect(codes(linted(silent, facts))).not.toContain(code);
  });

  test('is told in whole sentences', () => {
    const all = Object.values(LINT_EXAMPLES).flatMap(({ shows, facts }) => linted(shows, facts));
    expect(all.filter(({ message }) => !/^[\S].*[^.\s]$/s.test(message)).map(({ message }) => message)).toEqual([]);
    expect(all.filter(({ reason }) => !/^[A-Z].*[.)]$/s.test(reason)).map(({ reason }) => reason)).toEqual([]);
    expect(all.every(({ line, column, endLine, endColumn }) => line > 0 && column > 0 && (endLine > line || endColumn >= column))).toBe(true);
  });
});

describe('programs one can escape from', () => {
  test.each(escapeTable().map((entry) => entry.names[0] as string))('%s is flagged when it is granted unguarded, by allow and by ask', (name) => {
    for (const outcome of ['then: allow', 'then: ask, require: { reason: true }']) {
      const found = linted(`- { name: r, who: any, run: [{ command: /usr/bin/${name} }], ${outcome} }\n`).filter(({ code }) => code.startsWith('escape-'));
      expect(found.filter(({ severity }) => isAtLeast(severity, 'warning')).length).toBeGreaterThan(0);
    }
  });

  test('a deny of one is none', () => {
    expect(linted('- { name: r, run: [{ command: /usr/bin/vim }], then: deny }\n')).toEqual([]);
  });

  test('each alternative must be clean, and a regular expression counts as anything', () => {
    const cat = (arg: string) => codes(linted(`- { name: r, who: any, run: [{ command: /usr/bin/cat, args: [${arg}] }], then: allow }\n`));
    expect(cat('[/var/log/syslog, /var/log/kern.log]')).toEqual([]);
    expect(cat('[/var/log/syslog, "*"]')).toEqual(['escape-read']);
    expect(cat('{ regex: "/var/log/[a-z]+" }')).toEqual(['escape-read']);
    expect(cat(`[${Array.from({ length: 200 }, (_, at) => `/var/log/${at}`).join(', ')}]`)).toEqual(['escape-read']);
  });

  test('checked children close what starts another program, and only that', () => {
    const less = (limits: string) => codes(linted(`- { name: r, who: any, run: [{ command: /usr/bin/less, args: [/var/log/syslog] }], then: allow${limits} }\n`));
    expect(less('')).toContain('escape-shell');
    expect(less(', limits: { children: check }')).not.toContain('escape-shell');
    expect(less(', limits: { children: deny }')).toContain('escape-read');
    expect(less(', limits: { children: check, environment: { set: { LESSSECURE: "1" } } }')).not.toContain('escape-write');
  });

  test('a kept variable opens what the table knows of it, under a pattern too', () => {
    const git = (keep: string) => linted(`- { name: r, who: any, run: [{ command: /usr/bin/less, args: [/var/log/x] }], then: allow, limits: { children: check, environment: { keep: [${keep}] } } }\n`).some(({ reason }) => reason.includes('LESSOPEN'));
    expect([git('LC_ALL'), git('LESSOPEN'), git('"LESS*"')]).toEqual([false, true, true]);
  });

  test('where it runs as somebody else it is milder; where it writes only to some folders, writing is a note', () => {
    const severities = (more: string) => linted(`- { name: r, who: any, run: [{ command: /usr/bin/tee, args: ["*"] }], then: allow${more} }\n`).map(({ code, severity }) => `${code} ${severity}`);
    expect(severities('')).toEqual(['escape-write error']);
    expect(severities(', as: { user: backup }')).toEqual(['escape-write warning']);
    expect(severities(', as: { users: [backup, root] }')).toEqual(['escape-write error']);
    expect(severities(', limits: { writable: [/srv/www] }')).toEqual(['escape-write note']);
  });

  test('through a wrapper, and in a command set with the set and its parameter filled in', () => {
    expect(linted('- { name: r, who: any, run: [{ command: /usr/bin/nice, args: [/usr/bin/less, /var/log/x] }], then: allow }\n')[0]?.message).toContain('(nice → less)');
    const set = 'apiVersion: belay/v1\nkind: CommandSet\nmetadata: { name: read }\nparameters: { file: {} }\nrun:\n  - { command: /usr/bin/id, args: [] }\n  - { command: /usr/bin/cat, args: ["{{file}}"] }\n';
    const use = (file: string, comment = '') => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules:\n  - name: r\n    who: any\n    run:\n      - { command: /usr/bin/whoami, args: [] }\n      - { set: read, with: { file: "${file}" } }${comment}\n    then: allow\n`;
    expect(lines(lint(documentsOf(use('*'), set)))).toEqual(['a.yaml:9:9: warning escape-read: /usr/bin/cat * can read files that the rule does not name']);
    expect(lint(documentsOf(use('/var/log/syslog'), set))).toEqual([]);
    expect(codes(lint(documentsOf(use('*', ' # belay: accept escape-read because OPS-1'), set)))).toEqual(['escape-read accepted']);
    expect(codes(lint(documentsOf(use('*'), set.replace('["{{file}}"] }', '["{{file}}"] } # belay: accept escape-read because OPS-1'))))).toEqual(['escape-read accepted']);
  });
});

describe('what runs anything', () => {
  const severity = (rest: string) => linted(`- { name: r, who: ["group:ops"], run: any, ${rest} }\n`).map(({ code, severity: found }) => `${code} ${found}`);
  test.each([
    ['then: allow', ['runs-anything error']],
    ['then: allow, as: { user: backup }', ['runs-anything warning']],
    ['then: ask, require: { reason: true }', ['runs-anything error']],
    ['then: ask, require: { reauth: true }', ['runs-anything warning']],
    ['then: ask, require: { approval: { from: [manager] } }', ['runs-anything note']],
    ['then: allow, recovery: true', ['runs-anything note']],
    ['then: ask, require: { reauth: true }, recovery: true', []],
    ['then: deny', []],
  ])('%s', (rest, expected) => {
    expect(severity(rest)).toEqual(expected);
  });

  test('any package is anything; one package is its programs', () => {
    expect(codes(linted('- { name: r, who: any, run: [{ package: "*" }], then: allow }\n'))).toEqual(['runs-anything']);
    expect(codes(linted('- { name: r, who: any, run: [{ package: nginx }], then: allow }\n'))).toEqual(['runs-package']);
  });
});

describe('rules that others take away', () => {
  const id = 'run: [{ command: /usr/bin/id, args: [] }]';
  const rule = (rest: string, name = 'b') => `- { name: ${name}, who: ["group:ops"], ${id}, ${rest} }\n`;
  const deny = (rest: string) => `- { name: d, then: deny${rest === '' ? '' : `, ${rest}`} }\n`;
  test.each<[string, string, readonly string[]]>([
    ['a deny of everything', deny(''), ['unreachable']],
    ['a deny of the same people', deny('who: ["group:ops", "group:dev"]'), ['unreachable']],
    ['a deny of others', deny('who: ["group:dev"]'), []],
    ['a deny of all but them', deny('who: ["!group:ops"]'), []],
    ['a deny of all but somebody in them, perhaps', deny('who: ["!user:ada"]'), []],
    ['a deny with other arguments', deny('run: [{ command: /usr/bin/id, args: ["-u"] }]'), []],
    ['a deny with a condition', deny('when: time.hour < 6'), []],
    ['a deny in another folder', deny('cwd: [/srv]'), []],
    ['a deny for another identity', deny('as: { user: backup }'), []],
    ['a deny of a content', deny(`run: [{ command: /usr/bin/id, sha256: "${'0'.repeat(64)}" }]`), []],
    ['a deny that excepts it', deny('run: [any, { not: { command: /usr/bin/id } }]'), []],
    ['a higher allow of the same', rule('then: allow, priority: 2', 'h'), ['shadowed']],
    ['a higher allow of more people', `- { name: h, who: any, ${id}, then: allow, priority: 2 }\n`, ['shadowed']],
    ['a higher allow that lapses earlier', rule('then: allow, priority: 2, onFailure: { serverUnreachable: { after: 1h, then: deny } }', 'h'), []],
    ['a higher allow of a pinned content', `- { name: h, who: any, run: [{ command: /usr/bin/id, args: [], sha256: "${'0'.repeat(64)}" }], then: allow, priority: 2 }\n`, []],
    ['a lower allow', rule('then: allow, priority: -2', 'h'), []],
    ['an ask at the same priority', rule('then: ask, require: { confirm: true }', 'h'), ['allow-beside-ask']],
    ['the same again', rule('then: allow', 'h'), []],
    ['the same with another message', rule('then: allow, message: hello', 'h'), []],
  ])('%s', (_, other, expected) => {
    const found = linted(`${rule('then: allow')}${other}`).filter((finding) => finding.rule?.rule === 'b');
    expect(codes(found)).toEqual(expected);
  });

  test('conditions that both have do not hide a deny; a policy for fewer devices, or one that enforces nothing, takes nothing away', () => {
    const policy = (name: string, rest: string, head = '') => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: ${name} }\n${head}rules:\n  - { name: r, ${rest} }\n`;
    const allow = policy('a', `who: ["group:ops"], ${id}, when: time.hour < 6, then: allow`);
    expect(codes(lint(documentsOf(allow, policy('b', 'when: time.hour < 6, then: deny'))))).toEqual(['unreachable']);
    expect(codes(lint(documentsOf(allow, policy('b', 'then: deny', 'targets: { devices: ["group:x"] }\n'))))).toEqual([]);
    expect(codes(lint(documentsOf(allow, policy('b', 'then: deny', 'mode: monitor\n'))))).toEqual([]);
  });

  test('entry by entry, and the whole rule when different denies take each', () => {
    const two = '- { name: b, who: any, run: [{ command: /usr/bin/id }, { command: /usr/bin/whoami }], then: allow }\n';
    const first = '- { name: d, run: [{ command: /usr/bin/id }], then: deny }\n';
    const second = '- { name: e, run: [{ command: /usr/bin/whoami }], then: deny }\n';
    expect(lines(linted(`${two}${first}`))).toEqual(['a.yaml:5:32: warning unreachable: This entry never holds: p/d denies all of it']);
    expect(lines(linted(`${two}${first}${second}`))).toEqual(['a.yaml:5:13: warning unreachable: The rule never holds: p/d, p/e denies all of it']);
  });

  test('of duplicates the later one is told, of a wider and a narrower the narrower', () => {
    expect(lines(linted(`${rule('then: allow', 'x')}${rule('then: allow', 'y')}`))).toEqual(['a.yaml:6:13: warning duplicate: p/x already says this']);
    expect(lines(linted(`${rule('then: allow', 'x')}- { name: y, who: any, run: [{ command: /usr/bin/id }], then: allow }\n`))).toEqual(['a.yaml:5:13: warning duplicate: p/y already says this']);
    expect(codes(linted('- { name: x, run: [{ command: /usr/bin/id }], then: deny }\n- { name: y, run: [{ command: /usr/bin/id, args: ["-u"] }], then: deny }\n'))).toEqual(['duplicate']);
  });

  test('patterns cover literals, alternatives and each other only where that can be seen', () => {
    const covered = (wide: string, narrow: string) => codes(linted(`- { name: b, who: any, run: [{ command: /x, args: [${narrow}] }], then: allow }\n- { name: d, run: [{ command: /x, args: [${wide}] }], then: deny }\n`)).includes('unreachable');
    expect(covered('"*"', 'a')).toBe(true);
    expect(covered('"**"', 'a, b')).toBe(true);
    expect(covered('a, "**"', 'a')).toBe(true);
    expect(covered('a, "**"', '"*", b')).toBe(false);
    expect(covered('"/srv/*"', '/srv/x')).toBe(true);
    expect(covered('"/srv/*"', '"/srv/x*"')).toBe(false);
    expect(covered('[a, b, c]', '[b, a]')).toBe(true);
    expect(covered('[a, b]', '[b, c]')).toBe(false);
    expect(covered('{ regex: "[a-z]+" }', 'abc')).toBe(true);
    expect(covered('a', '"**"')).toBe(false);
    expect(covered('"*"', 'a, b')).toBe(false);
  });
});

describe('contradictions', () => {
  const one = (rest: string) => lines(linted(`- { name: r, who: ["user:ada"], ${rest} }\n`)).map((line) => line.replace(/^.*?: /, ''));
  const id = 'run: [{ command: /usr/bin/id, args: [] }]';
  test.each([
    ['run: [{ command: /usr/bin/id }, { not: { command: /usr/bin/id } }], then: allow', 'error contradiction: The exception "/usr/bin/id" takes all of this entry away'],
    [`${id}, from: { login: [console], networks: [10.0.0.0/8] }, then: allow`, 'error contradiction: Networks are asked for, and logins that come over none (console)'],
    [`${id}, during: { from: "09:00", to: "09:00" }, then: allow`, 'warning contradiction: A period begins and ends at the same time: that is 24 hours, not none'],
    [`${id}, from: { login: [service], terminal: true }, then: allow`, 'warning contradiction: A terminal is asked for, and a login that has none (service)'],
    [`${id}, limits: { duration: 2h, total: 1h }, then: allow`, 'warning contradiction: One run may take longer than all runs together'],
    [`${id}, then: ask, require: { reason: { pattern: "OPS-[0-9]+", suggestions: [OPS-1, upgrade] } }`, 'warning contradiction: The suggestion "upgrade" is no reason that the rule takes'],
    [`${id}, then: ask, require: { approval: { from: ["role:operator"], escalate: { after: 5m, to: ["role:viewer"] } } }`, 'warning approval-impossible: No role that it names may answer requests (operator, viewer)'],
    [`${id}, then: ask, require: { approval: { from: ["role:security"] } }`, 'error approval-impossible: There is no role security'],
    [`${id}, then: ask, require: { approval: { from: ["user:bob", "user:eve"], count: 3 } }`, 'error approval-impossible: It wants 3 approvals and there are 2 people to give them'],
  ])('%s', (rest, expected) => {
    expect(one(rest)).toEqual([expected]);
  });

  test('approvals that can be had are none', () => {
    for (const from of ['"user:ada", "role:approver"', '"role:operator", "role:administrator"', '"role:operator", "group:sec"', '"role:operator", manager']) expect(one(`${id}, then: ask, require: { approval: { from: [${from}] } }`)).toEqual([]);
    expect(codes(linted(`- { name: r, who: ["user:ada", "user:bob"], ${id}, then: ask, require: { approval: { from: ["user:ada"] } } }\n`))).toEqual([]);
  });

  test.each([
    ['environment: { set: { TZ: UTC } }', 'environment: { set: { TZ: CET } }', 'error', 'TZ would have two values, so the command is refused'],
    ['cwd: /srv', 'cwd: /tmp', 'error', 'there would be two working directories, so the command is refused'],
    ['capabilities: [CAP_CHOWN]', 'capabilities: [CAP_KILL]', 'warning', 'no capability is left'],
    ['writable: [/srv]', 'writable: [/var/www]', 'warning', 'nothing is left that it may write'],
  ])('of %s and %s between rules that hold together', (a, b, severity, what) => {
    const rule = (name: string, limits: string, more = '') => `- { name: ${name}, who: ["group:ops"], run: [{ command: /usr/bin/id, args: [] }], then: allow, limits: { ${limits} }${more} }\n`;
    const found = linted(`${rule('x', a)}${rule('y', b)}`).map((finding) => [finding.rule?.rule, finding.severity, finding.message]);
    expect(found).toEqual([['y', severity, `Together with p/x, which holds whenever this does, ${what}`]]);
    expect(codes(linted(`${rule('x', a)}${rule('y', b, ', priority: -1')}`))).toEqual(['shadowed']);
  });
});

describe('conditions', () => {
  const condition = (when: string, more = '') => codes(linted(`- { name: r, who: any, run: [{ command: /usr/bin/id, args: [] }], when: '${when}', then: allow${more} }\n`));
  test.each<[string, string, readonly string[]]>([
    ['time.hour >= 7 && time.hour < 20', '', []],
    ['time.hour > 23', '', ['never-matches']],
    ['time.weekday == 7', '', ['never-matches']],
    ['time.hour >= 20', ', during: { from: "08:00", to: "18:00" }', ['never-matches']],
    ['time.hour >= 17', ', during: { from: "08:00", to: "18:00" }', []],
    ['time.hour >= 20', ', during: { from: "08:00", to: "18:00", zone: Asia/Tokyo }', []],
    ['time.hour == 17', ', during: { from: "17:30", to: "17:40" }', []],
    ['time.minute < 30', '', []],
    ['terminal || !terminal', '', []],
    ['1 == 1', '', ['constant-condition']],
    ['false && terminal', '', ['never-matches']],
    ['time.weekday < 7', '', ['constant-condition']],
    ['user.name == "ada"', '', []],
  ])('%s%s', (when, more, expected) => {
    expect(condition(when, more)).toEqual(expected);
  });

  test('a deny that is unknown on many a device says which fact it is', () => {
    const denies = (rest: string) => linted(`- { name: r, then: deny, ${rest} }\n`).map(({ message }) => message);
    expect(denies('device: { secureBoot: false }')).toEqual(['Where device.secureBoot cannot be told, this denies everybody']);
    expect(denies('parent: [/usr/sbin/cron]')).toEqual(['Where the parent cannot be told, this denies everybody']);
    expect(denies(`when: 'env["STAGE"] == "prod"'`)).toEqual(['Where env.STAGE cannot be told, this denies everybody']);
    expect(denies(`when: '"STAGE" in env && env["STAGE"] == "prod"'`)).toEqual([]);
    expect(denies('device: { encrypted: false }')).toEqual([]);
  });
});

describe('a fleet', () => {
  const facts: FleetFacts = { devices: [{ id: 'd-1', groups: ['engineering'], labels: { site: 'bern' }, os: 'debian' }, { id: 'd-2', groups: [], labels: {} }] };
  const policy = (targets: string, rest = '') => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\ntargets: { devices: [${targets}] }\nrules:\n  - { name: r, who: ["group:ops"], run: [{ command: /usr/bin/id, args: [] }]${rest}, then: allow }\n`;
  const found = (text: string, given = facts) => lines(lint(documentsOf(text), given));

  test('selects devices by targets', () => {
    expect(found(policy('"group:engineering"'))).toEqual([]);
    expect(found(policy('"label:site=bern"'))).toEqual([]);
    expect(found(policy('"group:enginering"'))).toEqual(['a.yaml:4:21: warning never-matches: None of the 2 devices is selected by targets, so no device gets this policy']);
    expect(found(policy('all'), { devices: [] })).toEqual(['a.yaml:4:21: warning never-matches: No device is enrolled, so no device gets this policy']);
    expect(found(policy('"group:enginering"'), {})).toEqual([]);
  });

  test('has such devices as a rule asks for', () => {
    expect(found(policy('all', ', device: { labels: { site: "b*" } }'))).toEqual([]);
    expect(found(policy('all', ', device: { os: [fedora] }'))).toEqual([]);
    expect(found(policy('"group:engineering"', ', device: { os: [fedora] }'))).toEqual(['a.yaml:6:87: warning never-matches: The one device that gets this policy is not as the rule wants it']);
    const [misspelt] = lint(documentsOf(policy('all', ', device: { groups: [enginering] }')), facts);
    expect([misspelt?.message, misspelt?.reason]).toEqual(['None of the 2 devices that get this policy is as the rule wants it', 'Did you mean engineering? Look at groups, labels and operating systems: belayctl device list.']);
  });

  test('knows its users and groups', () => {
    expect(found(policy('all'), { groups: ['op', 'sre'] })).toEqual(['a.yaml:6:21: warning unknown-name: The fleet has no group "ops"; did you mean "op"?']);
    expect(found(policy('all'), { users: [] })).toEqual([]);
  });
});

describe('accepting', () => {
  const writable = 'run: [{ command: /home/ada/x, args: [] }, { command: /home/ada/y, args: [] }]';
  const entries = (one: string, two: string) => `- name: r\n  who: any\n  run:\n    - { command: /home/ada/x, args: [] }${one}\n${two}    - command: /home/ada/y\n      args: []\n  then: allow\n`;
  const because = '# belay: accept user-writable because root owns it';

  test('above a rule or at the end of its line: all of it', () => {
    expect(codes(linted(`${because}\n- { name: r, who: any, ${writable}, then: allow }\n`))).toEqual(['user-writable accepted', 'user-writable accepted']);
    expect(codes(linted(`- { name: r, who: any, ${writable}, then: allow } ${because}\n`))).toEqual(['user-writable accepted', 'user-writable accepted']);
    expect(linted(`${because}\n# and a word more\n\n- { name: r, who: any, ${writable}, then: allow }\n`)[0]?.accepted).toEqual({ because: 'root owns it' });
  });

  test('at an entry: that entry', () => {
    expect(codes(linted(entries(` ${because}`, '')))).toEqual(['user-writable accepted', 'user-writable']);
    expect(codes(linted(entries('', `    ${because}\n`)))).toEqual(['user-writable', 'user-writable accepted']);
  });

  test('only what it names, and only while it is there', () => {
    expect(codes(linted(`# belay: accept escape-read because x\n- { name: r, who: any, run: [{ command: /home/ada/x, args: [] }], then: allow }\n`))).toEqual(['stale-accept', 'user-writable']);
    expect(codes(linted(`- { name: r, who: any, run: [{ command: /home/ada/x, args: [] }], then: allow }\n${because}\n`))).toEqual(['user-writable', 'stale-accept']);
  });

  test.each([
    ['# belay: accept user-writable', 'This does not say why user-writable is accepted'],
    ['# belay: accept user-writable because', 'This does not say why user-writable is accepted'],
    ['# belay: accept', 'This does not say what is accepted'],
    ['# belay: accept user-writeable because x', 'There is no finding called "user-writeable"'],
    ['# belay: accept stale-accept because x', 'stale-accept cannot be accepted'],
    ['#belay:accept bad-accept because x', 'bad-accept cannot be accepted'],
  ])('%s is an error, and accepts nothing', (comment, message) => {
    const found = linted(`${comment}\n- { name: r, who: any, run: [{ command: /home/ada/x, args: [] }], then: allow }\n`);
    expect(found.map((finding) => [finding.code, finding.severity, finding.line])).toEqual([['bad-accept', 'error', 5], ['user-writable', 'warning', 6]]);
    expect(found[0]?.message).toBe(message);
  });

  test('a text that looks like one is none', () => {
    expect(codes(linted(`- name: "r # belay: accept"\n  who: any\n  message: |\n    # belay: accept nothing\n  run: [{ command: /usr/bin/id, args: ["# belay: accept"] }]\n  then: allow\n`))).toEqual([]);
  });

  test('what only a fleet shows is not stale without one', () => {
    const text = '# belay: accept unknown-name because they come next week\n- { name: r, who: ["group:sales"], run: [{ command: /usr/bin/id, args: [] }], then: allow }\n';
    expect(codes(linted(text))).toEqual([]);
    expect(codes(linted(text, { devices: [], groups: [] }))).toContain('unknown-name accepted');
  });
});

describe('what to write instead', () => {
  const rewritten = (rule: string) => linted(rule).map(({ rewrite }) => rewrite?.text);
  const id = 'run: [{ command: /usr/bin/id, args: [] }]';
  test.each([
    [`- { name: r, who: any, ${id}, when: time.hour >= 22 && time.hour < 6, then: allow }\n`, 'when: "time.hour >= 22 || time.hour < 6"'],
    [`- { name: r, who: any, ${id}, when: time.hour > 25, then: allow }\n`, undefined],
    [`- { name: r, who: any, ${id}, limits: { environment: { keep: [LC_*, "LD_*", PATH], set: { TZ: UTC } } }, then: allow }\n`, 'limits: { environment: { keep: ["LC_*"], set: { TZ: UTC } } }'],
    ['- { name: r, who: any, run: [{ command: /usr/local/sbin/deploy, args: [./site.yaml] }], then: allow }\n', 'limits: { cwd: /srv/NAME }'],
    ['- { name: r, who: any, run: [{ command: /opt/x/deploy, args: [["a", b*], { regex: "c|d" }], package: deploy }], then: allow }\n', 'run: [{ command: /usr/local/sbin/deploy, args: [[a, "b*"], { regex: "c|d" }], package: deploy }]'],
  ])('%s', (rule, text) => {
    expect(rewritten(rule)).toEqual([text]);
  });

  test('an alternative or a regular expression is kept as it is; what comes from elsewhere is told and not edited', () => {
    const [restart] = linted('- { name: r, who: any, run: [{ command: /usr/bin/grep, args: [{ regex: "[a-z]+" }, [/var/log/a, /var/log/b]] }], then: allow }\n');
    expect(restart?.rewrite?.text).toBe('run: [{ command: /usr/bin/grep, args: ["--", { regex: "[a-z]+" }, [/var/log/a, /var/log/b]] }]');
    const shared = `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nrules:\n  - { name: a, who: any, run: &less [{ command: /usr/bin/less, args: [/var/log/x] }], then: allow }\n  - { name: b, who: ["user:bob"], run: *less, then: allow, priority: 1 }\n`;
    const byRule = lint(documentsOf(shared)).filter(({ code }) => code === 'escape-shell').map(({ rule, line, rewrite }) => [rule?.rule, line, rewrite?.edits.length]);
    expect(byRule).toEqual([['a', 5, 1], ['b', 5, 0]]);
  });

  test('limits that come from defaults are added to, not replaced', () => {
    const defaults = 'apiVersion: belay/v1\nkind: Defaults\nmetadata: { name: base }\nrule: { limits: { duration: 5m } }\n';
    const policy = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\nextends: base\nrules:\n  - { name: r, who: any, run: [{ command: /usr/local/sbin/x, args: [./y] }], then: allow }\n';
    const [edit] = lint(documentsOf(policy, defaults)).flatMap(({ rewrite }) => rewrite?.edits ?? []);
    expect(edit).toEqual({ region: { line: 6, column: 7, endLine: 6, endColumn: 7 }, text: 'limits: { cwd: /srv/NAME }, ' });
  });
});

test('in a file of several documents places are those of the file', () => {
  const text = `${exampleDocument('- { name: r, who: any, run: [{ command: /usr/bin/id, args: [] }], then: allow }\n')}---\n# A comment.\napiVersion: belay/v1\nkind: Policy\nmetadata: { name: q }\nrules:\n  - { name: r, who: any, run: [{ command: /home/x }], then: allow } # belay: accept escape-read because x\n`;
  expect(lines(lint(documentsOf(text)))).toEqual(['a.yaml:12:32: warning user-writable: /home/x is in a folder that ordinary users write', 'a.yaml:12:69: warning stale-accept: There is no escape-read here to accept']);
});
