import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from '@jest/globals';
import { decodeBundle, encodeBundle } from '../policy/index.ts';
import { checkRecovery, compilePolicy, formatProblems, parsePolicyFiles } from './index.ts';

const examples = join(dirname(fileURLToPath(import.meta.url)), '../../../examples/policies');
const example = (name: string): { name: string; text: string } => ({ name, text: readFileSync(join(examples, name), 'utf8') });

function problems(text: string): readonly string[] {
  const parsed = parsePolicyFiles([{ name: 'p.yaml', text }]);
  return parsed.ok ? [] : formatProblems(parsed.error).split('\n');
}

const head = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: p }\n';
const rule = (lines: string): string => `${head}rules:\n  - name: r\n${lines.split('\n').map((line) => `    ${line}`).join('\n')}\n`;

test('the examples have no errors, pass the recovery check and go through a bundle unchanged', () => {
  const parsed = parsePolicyFiles(['recovery.yaml', 'base.yaml', 'shared.yaml', 'developers.yaml'].map(example));
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const compiled = parsed.value.map(compilePolicy);
  expect(checkRecovery(compiled)).toBeUndefined();
  for (const policy of compiled) {
    const bundle = encodeBundle(policy);
    const decoded = decodeBundle(bundle);
    expect(decoded.ok && encodeBundle(decoded.value)).toEqual(bundle);
  }
});

test('every error of every file is told at once, with its place and what to do', () => {
  const parsed = parsePolicyFiles([
    { name: 'b.yaml', text: `${head}rules:\n  - { name: x, then: deny, wen: "true" }\n  - { name: x, then: deny }\n` },
    { name: 'a.yaml', text: `${head}targets: { devices: [everything] }\nrules:\n  - { name: y, then: alow }\n` },
    { name: 'c.yaml', text: '[1' },
    { name: 'd.yaml', text: '' },
  ]);
  expect(parsed.ok ? '' : formatProblems(parsed.error).split('\n')).toEqual([
    'a.yaml:3:19: The name "p" is used by two policies. Give each a name of its own; the other is at b.yaml:3:19.',
    'a.yaml:4:22: "everything" names no devices. Write all, group:NAME, device:ID, label:KEY=VALUE, set:NAME, or one of these after "!" to exclude.',
    'a.yaml:6:22: "alow" does not fit here. Write allow, ask or deny.',
    'b.yaml:5:28: Unknown key "wen". Did you mean when? Known here: name, priority, who, run, as, cwd, env, parent, ancestor, from, during, device, when, then, require, limits, record, alert, onFailure, message, recovery, emergency, whenExpired.',
    'b.yaml:6:13: The name "x" is used by two rules of this policy. Give each rule a name of its own.',
    'c.yaml:1:3: Flow sequence must end with a ]. Close the bracket or quote.',
    'd.yaml:1:1: The file is empty. Begin with apiVersion: belay/v1 and kind: Policy.',
  ]);
});

describe('an expression is checked where it stands', () => {
  test.each([
    ['when: user.nam == "x"\nthen: deny', '6:15: There is no fact called "user.nam". Did you mean user.name?'],
    ['when: time.hour = 3\nthen: deny', '6:21: The expression cannot be read from "= 3" on. Compare with ==.'],
    ['when: "user.uid"\nthen: deny', '6:16: The expression gives a whole number'],
    ['when: |\n  user.name == "a" ||\n    time.hour == "x"\nthen: deny', '8:19: == does not go with a whole number and text.'],
    ['when: has(user.name)\nthen: deny', ': has() says nothing here'],
    ['when: command.args.all(a, device.groups.exists(g, g == a))\nthen: deny', ': A macro inside a macro could take very long.'],
    ['when: size(command.args.filter(a, a == "x")) == 1\nthen: deny', ': Macros that build a list are not supported.'],
    ['when: command.args[0].matches("(")\nthen: deny', ': "(" is no regular expression.'],
    ['when: command.args[0].matches(cwd)\nthen: deny', ': The pattern of matches() must be written out.'],
    ['when: user.groups.exists(g, g == "x")\nthen: deny', "Group by group, the user's groups cannot be gone through."],
    ['when: timestamp("2026-01-01T00:00:00Z") == null\nthen: deny', ': There is no function called "timestamp"'],
    [`when: ${'('.repeat(1500)}true${')'.repeat(1500)}\nthen: deny`, ''],
    [`when: ${Array.from({ length: 250 }, () => 'true').join(' && ')}\nthen: deny`, ': The expression is too large.'],
  ])('%#: %s', (lines, expected) => {
    expect(problems(rule(lines)).join('\n')).toContain(expected);
  });
});

describe('what a rule must and must not say', () => {
  test.each([
    ['then: allow', ['An allow must say who it is for', 'An allow must say what may run']],
    ['who: ["!user:x"]\nrun: any\nthen: allow', ['An allow cannot be for everyone but some']],
    ['who: any\nrun: any\nthen: ask', ['An ask must say what it demands']],
    ['who: any\nrun: any\nthen: allow\nrequire: { reason: true }', ['An allow demands nothing']],
    ['who: any\nrun: any\nthen: allow\nemergency: true', ['An allow needs nobody, so it is no emergency']],
    ['who: any\nrun: any\nthen: ask\nemergency: true\nrequire: { approval: { from: [manager] } }', ['An emergency needs the approval of two people or more']],
    ['who: any\nrun: any\nthen: ask\nemergency: true\nrecovery: true\nrequire: { approval: [{ from: [manager] }, { from: ["role:x"] }] }', ['The way in when all else fails cannot wait for approval']],
    ['then: deny\nemergency: true', ['A deny is no way in']],
    ['then: deny\nrecovery: true\nwhenExpired: deny', ['A deny is no way in', 'A deny holds when the policy has expired, always']],
    ['who: [!group:x]\nthen: deny', ['Unresolved tag: !group:x']],
    ['who: ["user:0"]\nthen: deny', ['"0" is a number, not a name']],
    ['who: ["uid:4294967295"]\nthen: deny', ['"4294967295" is no id']],
    ['who: ["uid:0x0"]\nthen: deny', ['"0x0" is no id']],
    ['as: { user: r\u043e\u043et }\nthen: deny', ['is no user name']],
    ['as: { user: "-1" }\nthen: deny', ['is no user name']],
    ['as: { user: "" }\nthen: deny', ['is no user name']],
    ['run: [{ command: "$HOME/x" }]\nthen: deny', ['A command is an absolute path']],
    ['run: [{ command: "/home/$USER/x" }]\nthen: deny', ['Nothing in this path is expanded']],
    ['run: [{ command: /usr/bin/../sbin/x }]\nthen: deny', ['The path has a part that is empty, "." or ".."']],
    ['run: [{ command: /usr//bin/x }]\nthen: deny', ['The path has a part that is empty']],
    ['run: [{ command: /usr/bin/ }]\nthen: deny', ['The path names a folder']],
    ['run: [{ command: /x, args: ["**", y] }]\nthen: deny', ['so nothing may follow it']],
    ['run: [{ command: /x, args: ["a\\\\q"] }]\nthen: deny', []],
    ['run: [{ args: [x] }]\nthen: deny', ['The entry names no file']],
    ['message: "a\\eb"\nthen: deny', ['The message holds a control or invisible character']],
    ['limits: { duration: 15m }\nthen: deny', ['A deny lets nothing run']],
    ['require: { approval: {} }\nthen: ask\nwho: any\nrun: any', ['"from" is missing']],
  ])('%#: %s', (lines, expected) => {
    const found = problems(rule(lines)).join('\n');
    for (const each of expected) expect(found).toContain(each);
    if (expected.length > 0) expect(found).toMatch(/^p\.yaml:\d+:\d+: /);
  });
});

test('what is wrong with the value of a parameter is told once, however often the set uses it', () => {
  const set = 'apiVersion: belay/v1\nkind: CommandSet\nmetadata: { name: s }\nparameters: { unit: { matches: "[a-z]+" } }\nrun: [{ command: /x, args: ["{{unit}}", "{{unit}}"] }, { command: /y, args: ["{{unit}}"] }]\n';
  expect(problems(`${set}---\n${rule('who: any\nrun: [{ set: s, with: { unit: "7" } }]\nthen: allow')}`)).toEqual([
    'p.yaml:13:35: "7" does not look like "[a-z]+". That is what the set asks of this parameter.',
  ]);
});

describe('a hostile file is answered, not run into', () => {
  test.each([
    ['a bomb of aliases', 'a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: [*c,*c,*c,*c,*c,*c,*c,*c,*c]\n', 'stand for too much'],
    ['an alias to nothing', `${head}rules: *nowhere\n`, 'or for nothing'],
    ['deep nesting', `rules: ${'['.repeat(20_000)}`, 'p.yaml:1:'],
    ['deep nesting that is closed', `rules: ${'['.repeat(20_000)}${']'.repeat(20_000)}`, 'p.yaml:1:'],
    ['too large', `# ${'x'.repeat(3_000_000)}`, 'larger than 2 MiB'],
    ['a prototype', `${head}__proto__: { rules: [] }\nrules: [{ name: r, then: deny }]\n`, 'Unknown key "__proto__"'],
    ['a merge key', `${head}x: &x { then: allow }\nrules: [{ <<: *x, name: r }]\n`, 'Unknown key "<<"'],
    ['a tag', `${head}rules: !!js/function "x"\n`, 'Unresolved tag'],
    ['escape sequences in names', `${head}"\\e[31m": 1\nrules: [{ name: r, then: deny }]\n`, 'Unknown key "\\u{1b}[31m"'],
    ['NUL', `${head}rules: [{ name: "a\\0b", then: deny }]\n`, 'control or invisible'],
  ])('%s', (_name, text, expected) => {
    expect(problems(text).join('\n')).toContain(expected);
  });

  test('thousands of problems are told in part', () => {
    const text = `${head}rules:\n${Array.from({ length: 1000 }, (_, i) => `  - { name: r${i}, then: never }\n`).join('')}`;
    const found = problems(text);
    expect(found).toHaveLength(201);
    expect(found.at(-1)).toContain('800 more problems');
  });
});

describe('the recovery check', () => {
  const recovery = 'who: ["group:rescue"]\nrun: any\nthen: ask\nrecovery: true\nrequire: { reauth: true }';
  const compiled = (text: string) => {
    const parsed = parsePolicyFiles([{ name: 'p.yaml', text }]);
    if (!parsed.ok) throw new Error(formatProblems(parsed.error));
    return parsed.value.map(compilePolicy);
  };
  const check = (text: string): string | undefined => checkRecovery(compiled(text))?.message;
  const with_ = (...denies: readonly string[]): string => `${rule(recovery)}${denies.map((deny, i) => `  - { name: d${i}, then: deny, ${deny} }\n`).join('')}`;

  test('one rule is enough', () => expect(check(rule(recovery))).toBeUndefined());
  test.each([
    ['no mark', recovery.replace('recovery: true\n', ''), 'no rule is marked'],
    ['some commands only', recovery.replace('run: any', 'run: [{ command: /bin/sh }]'), 'does not run everything'],
    ['a condition', `${recovery}\nwhen: terminal`, 'has a condition'],
    ['another identity', `${recovery}\nas: { user: www-data }`, 'does not run as root'],
  ])('%s does not do', (_name, lines, expected) => expect(check(rule(lines))).toContain(expected));
  test('not every device does not do', () => expect(check(rule(recovery).replace('rules:', 'targets: { devices: ["group:x"] }\nrules:'))).toContain('not for every device'));
  test('targets written out as all do', () => expect(check(rule(recovery).replace('rules:', 'targets: { devices: [all] }\nrules:'))).toBeUndefined());
  test.each([
    ['everything for everybody', ['run: any'], 'p/d0'],
    ['everything for these people', ['who: ["group:rescue"]'], 'p/d0'],
    ['everything by two halves of the day', ['when: "time.hour < 12"', 'when: "time.hour >= 12"'], 'overruled'],
    ['everything under a condition that is always unknown', ['when: \'device.labels.nowhere == "x"\''], 'p/d0'],
  ])('a deny of %s takes it away', (_name, denies, expected) => expect(check(with_(...denies))).toContain(expected));
  test.each([
    ['one command', ['run: [{ command: /bin/bash }]']],
    ['everybody else', ['who: ["!group:rescue"]']],
    ['other people', ['who: ["group:interns"]']],
    ['the night', ['when: "time.hour < 6"']],
    ['other identities', ['as: { user: www-data }']],
    ['places without a terminal', ['when: "!terminal"']],
  ])('a deny of %s leaves it', (_name, denies) => expect(check(with_(...denies))).toBeUndefined());
});
