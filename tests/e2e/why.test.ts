// Every answer can be explained: `belay why`, `belay list` and `belay status` beside real sudo and belayd, as people who may know little,
// and as root, who may know everything.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createWorld, describeRoot, uids, type World } from '../support/world.ts';

const recovery = `
apiVersion: belay/v1
kind: Policy
metadata: { name: recovery }
rules:
  - { name: recovery, recovery: true, who: ["group:belay-recovery"], run: any, then: ask, require: { reauth: true } }
`;
const policiesWith = (more: string): Record<string, string> => ({
  'recovery.yaml': recovery,
  'office.yaml': `
apiVersion: belay/v1
kind: Policy
metadata: { name: office }
rules:
  - name: who am I
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    then: allow
  - name: logs with a reason
    who: ["user:alice"]
    run: [{ command: /usr/bin/cat, args: ["/var/log/*"] }]
    then: ask
    require: { reason: { minLength: 10 } }
  - name: no kernel messages
    who: ["user:alice"]
    run: [{ command: /usr/bin/dmesg }]
    then: deny
    message: Ask the platform team for kernel messages.
  - name: the secret project of bob
    who: ["user:bob"]
    run: [{ command: /usr/bin/whoami }]
    then: allow
${more}`,
});

type Why = {
  readonly request: number | null;
  readonly decision: string;
  readonly reason: string | null;
  readonly text: string | null;
  readonly rules: readonly string[];
  readonly message: string | null;
  readonly demands: readonly string[];
  readonly user: string;
  readonly command: string;
  readonly outsideRules: boolean;
  readonly policy: { readonly number: number } | null;
  readonly policyNow: { readonly number: number } | null;
  readonly explanation?: { readonly note: string | null; readonly resolved: string | null; readonly rules: readonly { readonly rule: string; readonly part: string; readonly criteria: readonly { readonly criterion: string; readonly truth: string; readonly found: string | null }[] }[] };
};

/** The number that sudo showed. */
const numberIn = (stderr: string): string => /Belay #(\d+)/.exec(stderr)?.[1] ?? 'none';
// eslint-disable-next-line no-control-regex
const active = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e]/;

describeRoot('why', () => {
  let world: World;
  beforeAll(async () => { world = await createWorld({ policies: policiesWith('') }); });
  afterAll(async () => await world?.close());

  const why = async (user: string, ...args: readonly string[]) => await world.runAs(user, ['belay', 'why', ...args]);
  const whyJson = async (user: string, ...args: readonly string[]): Promise<Why> => {
    const ran = await why(user, '--json', ...args);
    if (ran.stdout === '') throw new Error(`belay why ${args.join(' ')}: ${ran.code} ${ran.stderr}`);
    return JSON.parse(ran.stdout) as Why;
  };

  describe('of what was asked for', () => {
    test('a refusal names the command that explains it, and that explains it to the requester: rule, message, policy', async () => {
      const refused = await world.sudo('alice', ['dmesg']);
      const number = numberIn(refused.stderr);
      expect(refused.stderr).toContain(`Why: belay why ${number}`);
      const ran = await why('alice', number);
      expect(ran).toMatchObject({ code: 0, stderr: '' });
      expect(ran.stdout).toMatch(new RegExp(`^Request ${number} of alice: refused \\d+ s ago\\.\n\nCommand {4}dmesg\nBecause {4}refused by the rule "office/no kernel messages"\\. Ask the platform team for kernel messages\\.\nRule {7}office/no kernel messages\nPolicy {5}number \\d+, issued .* ago, good for another .*\n$`));
      expect(await whyJson('alice', number)).toMatchObject({ request: Number(number), decision: 'deny', reason: 'denied-by-rule', rules: ['office/no kernel messages'], message: 'Ask the platform team for kernel messages.' });
    });

    test('without a number it is the last one of whoever asks', async () => {
      const [mine] = [await world.sudo('alice', ['dmesg']), await world.sudo('bob', ['dmesg'])];
      expect((await whyJson('alice')).request).toBe(Number(numberIn(mine.stderr)));
      expect(await world.sudo('alice', ['id', '-u'])).toMatchObject({ code: 0 });
      expect(await whyJson('alice')).toMatchObject({ decision: 'allow', reason: null, rules: ['office/who am I'], command: 'id -u' });
    });

    test('what was asked first is told of an ask that failed', async () => {
      await world.sudo('alice', ['-n', 'cat', '/var/log/dpkg.log']);
      expect(await whyJson('alice')).toMatchObject({ decision: 'deny', reason: 'reason-refused', rules: ['office/logs with a reason'], demands: ['a reason (at least 10 characters)'] });
    });

    test('what is not allowed and what is not there look alike, and no rule that nearly held is told', async () => {
      const mask = (text: string): string => text.replaceAll(/"(request|atMs)": \d+|\d+ (?:s|min) ago|Request \d+/g, 'N').replaceAll(/whoami|no-such-command/g, 'COMMAND').replaceAll(/\d+/g, 'N');
      const seen = [];
      for (const command of ['whoami', 'no-such-command']) {
        const number = numberIn((await world.sudo('alice', [command])).stderr);
        const [people, json] = [await why('alice', number), await why('alice', '--json', number)];
        const [ahead, aheadJson] = [await why('alice', '--', command), await why('alice', '--json', '--', command)];
        seen.push([people, json, ahead, aheadJson].map(({ code, stdout, stderr }) => ({ code, stdout: mask(stdout), stderr: mask(stderr) })));
      }
      expect(seen[0]).toEqual(seen[1]);
      expect(seen[0]?.map(({ code }) => code)).toEqual([0, 0, 10, 10]);
      expect(JSON.stringify(seen)).toContain('policy does not allow this here, or there is no such command');
      expect(JSON.stringify(seen)).not.toMatch(/secret project|explanation|not-found/);
    });

    test('another\'s request and one that never was look alike; so do another user and none', async () => {
      const number = numberIn((await world.sudo('bob', ['dmesg'])).stderr);
      const mask = (text: string): string => text.replaceAll(/\d+/g, 'N');
      const [others, none, large] = [await why('alice', number), await why('alice', '999999'), await why('alice', '999999999999999999')];
      expect({ code: others.code, stdout: others.stdout }).toEqual({ code: 9, stdout: '' });
      expect([mask(none.stderr), mask(large.stderr)]).toEqual([mask(others.stderr), mask(others.stderr)]);
      const [bob, nobody] = [await why('alice', '--user', 'bob'), await why('alice', '--user', 'nobody-here')];
      expect({ code: bob.code, stdout: bob.stdout, stderr: bob.stderr }).toEqual({ code: 9, stdout: '', stderr: 'belay: There is no such user, or only root may ask about others.\n' });
      expect(nobody).toEqual(bob);
      expect(await whyJson('bob', number)).toMatchObject({ user: 'bob', decision: 'deny' });
      expect(await whyJson('bob', '--user', 'bob', number)).toMatchObject({ user: 'bob' });
    });

    test('root sees it all: who, the file, each condition of the nearest rules and what there was instead', async () => {
      const number = numberIn((await world.sudo('alice', ['cat', '/etc/shadow'])).stderr);
      const told = await whyJson('root', number);
      expect(told).toMatchObject({ user: 'alice', decision: 'deny', reason: 'no-rule', explanation: { resolved: '/usr/bin/cat', note: null } });
      const logs = told.explanation?.rules.find(({ rule }) => rule === 'office/logs with a reason');
      expect(logs?.part).toBe('does-not-hold');
      expect(logs?.criteria.filter(({ truth }) => truth !== 'true').map(({ criterion, found }) => ({ criterion, found }))).toEqual([{ criterion: 'run', found: 'argument 1 is "/etc/shadow" instead of /var/log/*' }]);
      const text = await why('root', '--user', 'alice');
      expect(text.stdout).toContain('  office/logs with a reason: ask: does not hold\n    ✓ bytes');
      expect(text.stdout).toContain('    ✗ run         /usr/bin/cat /var/log/*\n                  found: argument 1 is "/etc/shadow" instead of /var/log/*\n');
      const plain = await world.run(['belay', 'why', number], { env: { LANG: 'C', LC_ALL: 'C' } });
      expect(plain.stdout).toContain('    NO  run ');
      expect(plain.stdout).not.toContain('✗');
      expect(await why('root', '--user', 'bob', number)).toMatchObject({ code: 9, stdout: '' });
    });

    test('root\'s own requests are outside the rules, and what is not there is told as such to root', async () => {
      expect(await world.sudo('root', ['id', '-u'])).toMatchObject({ code: 0 });
      expect(await whyJson('root')).toMatchObject({ user: 'root', decision: 'allow', outsideRules: true });
      const number = numberIn((await world.sudo('alice', ['no-such-command'])).stderr);
      expect(await whyJson('root', number)).toMatchObject({ reason: 'not-found', explanation: { note: 'No rule was asked: there was no such command, or it could not be read.' } });
    });

    test('arguments that would act on a terminal do not, for whoever asks (T-29)', async () => {
      const evil = '\u001b[2J\u001b[31mred\nRule       office/mine\u202e\u009b1m';
      const number = numberIn((await world.sudo('alice', ['cat', evil, `/etc/${evil}`])).stderr);
      for (const user of ['alice', 'root']) {
        const [people, json] = [await why(user, number), await why(user, '--json', number)];
        expect([people.code, json.code]).toEqual([0, 0]);
        for (const text of [people.stdout, json.stdout]) expect(text).not.toMatch(active);
        expect(people.stdout).not.toMatch(/^Rule +office\/mine/m);
      }
      const ahead = await why('alice', '--', 'cat', evil);
      expect(ahead.code).toBe(10);
      expect(ahead.stdout).not.toMatch(active);
    });

    test('a request too large to be kept whole is still told of', async () => {
      const large = await world.sudo('alice', ['cat', ...Array.from({ length: 3 }, () => 'x'.repeat(100_000))]);
      const told = await whyJson('root', numberIn(large.stderr));
      expect(told).toMatchObject({ decision: 'deny', reason: 'no-rule', explanation: { note: 'The request was too large to be kept whole.', rules: [] } });
      expect(told.command.length).toBeLessThan(2100);
    });
  });

  describe('of what was not asked for yet', () => {
    test.each([
      ['allowed', ['id', '-u'], 0, { decision: 'allow', rules: ['office/who am I'] }],
      ['allowed once a reason is given', ['cat', '/var/log/dpkg.log'], 0, { decision: 'ask', rules: ['office/logs with a reason'], demands: ['a reason (at least 10 characters)'] }],
      ['refused by a rule', ['dmesg'], 10, { decision: 'deny', reason: 'denied-by-rule', message: 'Ask the platform team for kernel messages.' }],
      ['refused by none', ['cat', '/etc/shadow'], 10, { decision: 'deny', reason: 'no-rule', rules: [] }],
    ])('%s', async (_, command, code, expected) => {
      const ran = await why('alice', '--json', '--', ...command);
      expect(ran.code).toBe(code);
      const told = JSON.parse(ran.stdout) as Why;
      expect(told).toMatchObject({ request: null, user: 'alice', ...expected });
      expect(told).not.toHaveProperty('explanation');
      expect(told.text ?? '').not.toContain('number');
    });

    test('nothing runs, nobody is asked, and that it was asked is on record', async () => {
      await world.shell('echo line >/var/log/app.log');
      const ran = await why('alice', '--', 'cat', '/var/log/app.log');
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
      expect(ran.stdout).toContain('Now, for alice: it would be allowed, once what is asked for is given.');
      await world.settled();
      const [last] = (await world.events(['--limit', '1000'])).filter(({ type }) => String(type).startsWith('elevation.'));
      expect(last).toMatchObject({ type: 'elevation.listed' });
    });

    test('as another user, by a path, by a link, from another folder', async () => {
      expect(await whyJson('alice', '--as', 'bob', '--', 'id')).toMatchObject({ decision: 'deny', reason: 'no-rule' });
      expect(await whyJson('alice', '--', '/usr/bin/id')).toMatchObject({ decision: 'allow' });
      const linked = await world.runAs('alice', ['sh', '-c', 'ln -sf /usr/bin/dmesg mine; belay why --json -- ./mine']);
      expect(JSON.parse(linked.stdout)).toMatchObject({ decision: 'deny', rules: ['office/no kernel messages'] });
      await world.runAs('alice', ['sh', '-c', 'cp /usr/bin/id id']);
      expect(await whyJson('alice', '--', './id')).toMatchObject({ decision: 'deny', reason: 'no-rule' });
    });

    test('root asks on behalf of a user and sees why; for himself there are no rules', async () => {
      const told = await whyJson('root', '--user', 'alice', '--', 'cat', '/etc/shadow');
      expect(told).toMatchObject({ user: 'alice', decision: 'deny', explanation: { resolved: '/usr/bin/cat' } });
      expect(told.explanation?.rules.length).toBeGreaterThan(1);
      expect(await whyJson('root', '--', 'cat', '/etc/shadow')).toMatchObject({ user: 'root', decision: 'allow', outsideRules: true });
      expect(await why('alice', '--user', 'bob', '--', 'whoami')).toMatchObject({ code: 1, stdout: '', stderr: 'belay: There is no such user, or only root may ask about others.\n' });
    });

    test('what is too long for a person\'s frame is said, and does not end in a broken connection', async () => {
      expect(await why('alice', '--', 'cat', 'x'.repeat(70_000))).toMatchObject({ code: 1, stderr: 'belay: the command and the environment are too long to be asked about\n' });
      expect(await why('root', '--user', 'alice', '--', 'cat', 'x'.repeat(70_000))).toMatchObject({ code: 10 });
    });

    test('many questions at once are slowed down for whoever asks them, and for nobody else', async () => {
      const flood = await world.runAs('bob', [...'/opt/belay/bin/node --input-type=module -e'.split(' '), `
        import { connect } from 'node:net';
        const list = Buffer.from([0, 0, 0, 2, 0x5a, 0x00]);
        const socket = connect('/run/belay/belayd.sock');
        let asked = false, text = '';
        socket.on('data', (chunk) => {
          text += chunk.toString('latin1');
          if (!asked) { asked = true; for (let i = 0; i < 200; i++) socket.write(list); }
          if ((text.match(/BELAY_E_RATE_LIMITED/g) ?? []).length >= 100) { console.log('slowed'); socket.destroy(); }
        });
        socket.on('close', () => process.exit(0));`]);
      expect(flood.stdout).toBe('slowed\n');
      expect((await why('alice', '--', 'id')).code).toBe(0);
    });
  });

  describe('list and status', () => {
    test('list has the rules of whoever asks, as sudo -l has, and no one else\'s', async () => {
      const ran = await world.runAs('alice', ['belay', 'list']);
      expect({ code: ran.code, stderr: ran.stderr }).toEqual({ code: 0, stderr: '' });
      expect(ran.stdout).toMatch(/^alice may run with sudo on [^\n]+:\n\nAt once:\n {2}\/usr\/bin\/id\n\nAfter what is asked for:\n {2}\/usr\/bin\/cat \/var\/log\/\*\n {6}asks for a reason \(at least 10 characters\)\n\nNever:\n {2}\/usr\/bin\/dmesg\n {6}Ask the platform team for kernel messages\.\n\nPolicy number \d+, issued /);
      const [json, sudo] = [JSON.parse((await world.runAs('alice', ['belay', 'list', '--json'])).stdout) as { rules: readonly { command: string }[] }, await world.sudo('alice', ['-l'])];
      for (const { command } of json.rules) expect(sudo.stdout).toContain(command);
      expect(ran.stdout + sudo.stdout).not.toContain('whoami');
      expect((await world.runAs('alice', ['belay', 'list', '-v'])).stdout).toContain('Rule      office/who am I');
    });

    test('root lists for others, and others do not', async () => {
      expect(JSON.parse((await world.run(['belay', 'list', '--json', '--user', 'bob'])).stdout)).toMatchObject({ uid: uids.bob, rules: [{ rule: 'office/the secret project of bob' }] });
      expect((await world.run(['belay', 'list'])).stdout).toMatch(/^root may run anything/);
      const refused = await world.runAs('alice', ['belay', 'list', '--user', 'bob']);
      expect(refused).toMatchObject({ code: 1, stdout: '', stderr: 'belay: There is no such user, or only root may ask about others.\n' });
      expect(await world.runAs('alice', ['belay', 'list', '--user', 'nobody-here'])).toEqual(refused);
    });

    test('status counts what holds, and tells root alone how the device stands', async () => {
      const [mine, roots] = [JSON.parse((await world.runAs('alice', ['belay', 'status', '--json'])).stdout) as object, JSON.parse((await world.run(['belay', 'status', '--json'])).stdout) as object];
      expect(mine).toMatchObject({ rules: { granting: 4, lapsed: 0 }, policies: { enforced: 2, monitored: 0 }, problems: [] });
      expect(mine).not.toHaveProperty('posture');
      expect(roots).toMatchObject({ posture: { os: expect.any(String), healthy: true } });
      expect((await world.run(['belay', 'status'])).stdout).toMatch(/^Device {5}/m);
    });
  });

  test('when policy has changed since, it says so and explains with the one that decided, and after many changes with the one of today', async () => {
    const number = numberIn((await world.sudo('alice', ['cat', '/etc/hostname'])).stderr);
    const before = await whyJson('root', number);
    await world.applyPolicies(policiesWith('  - { name: any file, who: ["user:alice"], run: [{ command: /usr/bin/cat }], then: allow }\n'));
    const after = await whyJson('root', number);
    expect(after).toMatchObject({ decision: 'deny', policy: before.policy, policyNow: { number: (before.policy?.number ?? 0) + 1 }, explanation: { note: null } });
    expect(after.explanation?.rules.map(({ rule }) => rule)).not.toContain('office/any file');
    expect((await why('alice', number)).stdout).toContain('policy has changed since: now number');
    for (const name of ['one', 'two', 'three']) {
      await world.applyPolicies(policiesWith(`  - { name: any file ${name}, who: ["user:alice"], run: [{ command: /usr/bin/cat }], then: allow }\n`));
      await world.sudo('alice', ['dmesg']);
    }
    const gone = await whyJson('root', number);
    expect(gone).toMatchObject({ decision: 'deny', policy: before.policy, explanation: { note: expect.stringMatching(/^Policy \d+, which decided, is no longer kept: this is what policy \d+ says now\.$/) } });
    expect(gone.explanation?.rules[0]).toMatchObject({ rule: 'office/any file three', part: 'decided' });
  });

  test('a restart forgets', async () => {
    const number = numberIn((await world.sudo('alice', ['dmesg'])).stderr);
    await world.belayd.stop();
    await world.belayd.start();
    expect(await why('root', number)).toMatchObject({ code: 9, stdout: '', stderr: `belay: No request ${number} is remembered here. belayd remembers the last ones until it is restarted.\n` });
  });
});
