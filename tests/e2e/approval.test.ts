// Somebody's approval, by real sudo and belayd: waiting in place, the answers on the way, and what ends the wait. Whoever approves is a
// test that holds the fleet's keys.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { approvalText } from '@belay/core/grants';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import { type Approver, createApprover } from '../support/approver.ts';
import { describeRoot, passwords } from '../support/world.ts';

const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: work }
rules:
  - name: with a colleague's yes
    who: ["user:alice", "user:bob"]
    run:
      - { command: /usr/bin/id, args: ["**"] }
      - { command: /usr/bin/sleep, args: ["*"] }
      - { command: /usr/bin/bash, args: ["**"] }
    then: ask
    require: { approval: { from: ["role:approver"], count: 1, within: 30m } }
    message: Production needs a colleague.
  - name: recorded, with a colleague's yes
    who: ["user:alice"]
    run: [{ command: /usr/bin/dash, args: ["**"] }]
    then: ask
    require: { approval: { from: ["role:approver"], count: 1, within: 30m } }
    record: session
  - name: quickly
    who: ["user:alice"]
    run: [{ command: /usr/bin/whoami }]
    then: ask
    require: { approval: { from: ["role:approver"], count: 1, within: 3s } }
  - name: as somebody else
    who: ["user:alice"]
    run: [{ command: /usr/bin/groups }]
    as: { users: [bob] }
    then: ask
    require: { approval: { from: ["role:approver"], count: 1, within: 30m } }
  - name: in an emergency
    who: ["user:alice"]
    run: [{ command: /usr/bin/uptime }]
    then: ask
    emergency: true
    require: { reason: { minLength: 5 }, approval: { from: ["role:approver"], count: 2, within: 30m } }
  - name: all of it
    who: ["user:alice"]
    run: [{ command: /usr/bin/printenv, args: ["**"] }]
    then: ask
    require: { reason: { minLength: 5 }, reauth: true, approval: { from: ["role:approver"], count: 1, within: 30m } }
`;

describeRoot('an approval', () => {
  let world: SecuredWorld;
  let approver: Approver;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    approver = createApprover(world.fleet);
  });
  afterAll(async () => await world?.close());

  const gone = async (command: string): Promise<true> => await world.waitFor(async () => (await world.run(['pgrep', '-x', '-f', command])).code === 1, { what: `${command} to be gone` });
  const status = async (user: string) => JSON.parse((await world.runAs(user, ['belay', 'status', '--json'])).stdout) as { readonly requests: readonly Record<string, unknown>[]; readonly grants: readonly Record<string, unknown>[] };

  describe('waited for', () => {
    test('the person sees what is needed, who can give it and how long is left; it runs once it is there', async () => {
      const terminal = world.terminalAs('alice', ['sudo', 'id', '-u']);
      await terminal.expect(/sudo: Belay #\d+: this needs 1 approval from role:approver within 30 min\. Production needs a colleague\. Waiting for it; Ctrl-C cancels\./);
      await terminal.expect(/Belay #\d+: waiting for approval, (29 min 59 s|30 min 00 s) left; Ctrl-C cancels/);
      const filed = await approver.filed();
      expect(filed.fields).toMatchObject({ stance: 'waiting', uid: 20001, user: 'alice', runAs: 'root:root', rules: ["work/with a colleague's yes"], uses: 1, emergency: false, reauthenticated: false });
      expect(filed.session).toHaveLength(32);
      await approver.answer(filed, { approvers: 'Bo and Cara (approvers)' });
      await terminal.expect('who can approve: Bo and Cara (approvers).');
      const grant = await approver.approve(filed, { message: 'go ahead' });
      expect(await terminal.ended()).toMatchObject({ code: 0 });
      expect(terminal.shown()).toMatch(/approved by bo: go ahead\n[^\n]*0\n$/);
      const intent = await world.eventOf(({ type, fields }) => type === 'elevation.intent' && fields['request'] === filed.request);
      expect(intent.fields).toMatchObject({ grant: grant.id });
      await world.eventOf(({ type, fields }) => type === 'grant.ended' && fields['grant'] === grant.id && fields['why'] === 'used');
      await world.eventOf(({ type, fields }) => type === 'request.answered' && fields['request'] === filed.request && fields['state'] === 'approved');
    });

    test('where the server is not reached, that is said, and it waits on', async () => {
      const running = world.spawnAs('alice', ['sudo', 'id', '-r']);
      const filed = await approver.filed();
      await world.waitFor(() => running.output().stderr.includes('the server is not reached; the request goes to it as soon as it is.'), { what: 'that to be said' });
      await approver.deny(filed, 'no');
      expect(await running.ended).toMatchObject({ code: 1 });
    });

    test('a no ends it, with the approver\'s words, which do nothing to the terminal (T-29)', async () => {
      const running = world.spawnAs('alice', ['sudo', 'id', '-g']);
      const filed = await approver.filed();
      await approver.deny(filed, 'not on \u001b[2J Fridays');
      expect(await running.ended).toMatchObject({ code: 1 });
      expect(running.output().stderr).toMatch(/sudo: Belay #\d+: denied by bo: not on \\u001b\[2J Fridays/);
      await world.eventOf(({ type, fields }) => type === 'elevation.denied' && fields['request'] === filed.request && fields['why'] === 'approval-denied');
    });

    test('Ctrl-C cancels it, and sudo ends by it; what comes later is for nobody', async () => {
      const terminal = world.terminalAs('alice', ['bash', '-c', 'sudo id -u; echo "ended $?"']);
      const filed = await approver.filed();
      await terminal.expect('Ctrl-C cancels');
      terminal.type('\u0003');
      await terminal.expect(/Belay #\d+: cancelled; nothing was run/);
      await world.eventOf(({ type, fields }) => type === 'request.cancelled' && fields['request'] === filed.request && fields['why'] === 'abandoned');
      const grant = await approver.approve(filed);
      await world.eventOf(({ type, fields }) => type === 'grant.ended' && fields['grant'] === grant.id && fields['why'] === 'given-back');
      expect((await status('alice')).grants).toEqual([]);
    });

    test('nobody answers in time', async () => {
      const ran = await world.sudo('alice', ['whoami']);
      expect(ran).toMatchObject({ code: 1, stdout: '' });
      expect(ran.stderr).toMatch(/nobody approved it in time/);
      const { request } = await approver.filed();
      await world.eventOf(({ type, fields }) => type === 'request.cancelled' && fields['request'] === request && fields['why'] === 'expired');
      await world.eventOf(({ type, fields }) => type === 'elevation.denied' && fields['request'] === request && fields['why'] === 'approval-expired');
    });

    test('everything else that the rule demands comes first', async () => {
      const terminal = world.terminalAs('alice', ['sudo', 'printenv', 'HOME']);
      await terminal.expect('at least 5 characters');
      terminal.answer('patching');
      await terminal.expect('password for alice: ');
      terminal.answer(passwords.alice);
      const filed = await approver.filed();
      expect(filed.fields).toMatchObject({ reason: 'patching', reauthenticated: true });
      await approver.approve(filed);
      expect(await terminal.ended()).toMatchObject({ code: 0 });
      expect(terminal.shown()).toMatch(/\/root\n$/);
    });
  });

  test('-n files nothing, and prints the line to use, which works as it is printed', async () => {
    const ran = await world.sudo('alice', ['-n', 'id', '-G', "it's"]);
    expect(ran).toMatchObject({ code: 1, stdout: '' });
    const line = /Ask ahead: (belay request .*)$/m.exec(ran.stderr)?.[1] ?? '';
    expect(line).toBe(String.raw`belay request -- id -G 'it'\''s'`);
    await world.eventOf(({ type, fields }) => type === 'elevation.denied' && fields['why'] === 'approval-needed');
    const asked = await world.runAs('alice', ['bash', '-c', line]);
    expect(asked).toMatchObject({ code: 0 });
    const filed = await approver.filed();
    expect(filed.fields).toMatchObject({ stance: 'ahead' });
    await world.runAs('alice', ['belay', 'request', '--cancel', `${filed.request}`]);
  });

  describe('asked for ahead', () => {
    const ask = async (...args: readonly string[]) => await world.runAs('alice', ['belay', 'request', ...args]);
    const runs = async (...args: readonly string[]) => await world.sudo('alice', ['-n', ...args]);

    test('it is used as often as was approved, from the very same place, and by nobody else', async () => {
      const asked = await ask('--reason', 'for the audit', '--for', '30m', '--uses', '2', '--', 'id', '-un');
      expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Request (\d+): id -un\n/) });
      const filed = await approver.filed();
      expect(filed.fields).toMatchObject({ stance: 'ahead', reason: 'for the audit', uses: 2, forMs: 1_800_000 });
      expect(filed.session).toBeUndefined();
      expect((await status('alice')).requests).toContainEqual(expect.objectContaining({ request: filed.request, state: 'pending', command: 'id -un' }));
      expect(JSON.stringify(await status('bob'))).not.toContain('id -un');
      const grant = await approver.approve(filed, { uses: 2 });
      expect((await status('alice')).grants).toContainEqual(expect.objectContaining({ grant: grant.id, usesLeft: 2, command: 'id -un', by: ['bo'], suspended: false }));
      expect(await runs('id', '-Gn')).toMatchObject({ code: 1 });
      expect(await world.sudo('alice', ['-n', 'id', '-un'], { cwd: '/' })).toMatchObject({ code: 1 });
      expect(await world.sudo('alice', ['-n', 'id', '-un'], { env: { LANG: 'C' } })).toMatchObject({ code: 1 });
      expect(await world.sudo('bob', ['-n', 'id', '-un'], { cwd: '/home/alice' })).toMatchObject({ code: 1 });
      expect(await runs('id', '-un')).toMatchObject({ code: 0, stdout: 'root\n' });
      expect((await status('alice')).grants).toContainEqual(expect.objectContaining({ grant: grant.id, usesLeft: 1 }));
      expect(await runs('id', '-un')).toMatchObject({ code: 0 });
      expect(await runs('id', '-un')).toMatchObject({ code: 1 });
      const used = (await world.events()).filter(({ type, fields }) => type === 'elevation.intent' && fields['grant'] === grant.id);
      expect(used).toHaveLength(2);
    });

    test('with any arguments that match, as was asked', async () => {
      expect(await ask('--any-arguments=-*', '--', 'id', '-u')).toMatchObject({ code: 0 });
      const filed = await approver.filed();
      const scope = JSON.parse(String(filed.fields['scope'])) as { readonly commands: [] };
      expect(scope).toEqual({ commands: [{ command: '/usr/bin/id', args: ['-*'] }], runAsUid: 0, runAsGid: 0 });
      const { digest: _, ...rest } = approver.grantFor(filed, { scope: scope as never, uses: 5 });
      const grant = approver.sealGrant(rest);
      await approver.list([grant]);
      await approver.answer(filed, { state: 'approved', grant: rest.id });
      expect(await runs('id', '-g')).toMatchObject({ code: 0 });
      expect(await world.sudo('alice', ['-n', 'id', '-u'], { cwd: '/' })).toMatchObject({ code: 0 });
      expect(await runs('id', '-u', '-n')).toMatchObject({ code: 1 });
      expect(await runs('sleep', '-1')).toMatchObject({ code: 1 });
      expect(await world.runAs('bob', ['belay', 'end', rest.id])).toMatchObject({ code: 9 });
      expect(await world.runAs('alice', ['belay', 'end', rest.id])).toMatchObject({ code: 0 });
      expect(await runs('id', '-g')).toMatchObject({ code: 1 });
      // Listed still, and over.
      await approver.list([grant]);
      expect(await runs('id', '-g')).toMatchObject({ code: 1 });
    });

    test('for other devices too: named to whoever approves, with a scope of the very arguments', async () => {
      const asked = await ask('--also-on', 'web-02,web-03', '--also-on', 'web-02', '--for', '30m', '--', 'id', '--', '*', String.raw`a\b`);
      expect(asked).toMatchObject({ code: 0, stdout: expect.stringMatching(/^Request \d+: id -- '\*' 'a\\b'\n {2}asked for on web-02, web-03 too\n {2}waits for approval/) });
      const filed = await approver.filed();
      const scope = { commands: [{ command: '/usr/bin/id', args: ['--', String.raw`\*`, String.raw`a\\b`] }], runAsUid: 0, runAsGid: 0 };
      expect(filed.fields).toMatchObject({ stance: 'ahead', alsoOn: ['web-02', 'web-03'], forMs: 1_800_000, scope: JSON.stringify(scope) });
      expect((await status('alice')).requests).toContainEqual(expect.objectContaining({ request: filed.request, alsoOn: ['web-02', 'web-03'] }));
      const { digest: _, ...rest } = approver.grantFor(filed, { scope });
      await approver.give(rest);
      await approver.answer(filed, { state: 'approved', grant: rest.id });
      expect(await runs('id', '--', 'x', String.raw`a\b`)).toMatchObject({ code: 1 });
      const ran = await runs('id', '--', '*', String.raw`a\b`);
      expect(ran.stderr).toContain("no such user");
      await world.eventOf(({ type, fields }) => type === 'elevation.intent' && fields['grant'] === rest.id);
    });

    test('for other devices too: what cannot be is said at once, with what to do, and files nothing', async () => {
      const before = (await world.events()).filter(({ type }) => type === 'request.filed').length;
      const elsewhere = async (names: string, ...args: readonly string[]) => await ask('--also-on', names, ...args);
      const many = Array.from({ length: 51 }, (_, at) => `web-${at}`).join(',');
      const said = [
        await elsewhere('web-02', '--reason', 'the site is down', '--', 'uptime'), await elsewhere('web-02', '-u', 'bob', '--', 'groups'), await elsewhere('web-02,', '--', 'id'), await elsewhere(many, '--', 'id'), await elsewhere('web\n02', '--', 'id'),
        await elsewhere('web-02', '--', 'cat', '/etc/shadow'),
      ];
      expect(said.map(({ code, stdout, stderr }) => [code, stdout, /(one device|other numbers|1 to 253 bytes|at most 50|Policy does not allow this here)[^\n]*/.exec(stderr)?.[1]])).toEqual([
        [1, '', 'one device'], [1, '', 'other numbers'], [1, '', '1 to 253 bytes'], [1, '', 'at most 50'], [1, '', '1 to 253 bytes'], [1, '', 'Policy does not allow this here'],
      ]);
      expect((await world.events()).filter(({ type }) => type === 'request.filed')).toHaveLength(before);
    });

    test('what needs nobody, is refused, or is badly asked, is said at once and files nothing', async () => {
      const before = (await world.events()).filter(({ type }) => type === 'request.filed').length;
      expect(await ask('--', 'cat', '/etc/shadow')).toMatchObject({ code: 1, stderr: expect.stringContaining('Policy does not allow this here') });
      expect(await ask('--', 'printenv', 'HOME')).toMatchObject({ code: 1, stderr: expect.stringContaining('at least 5 characters') });
      expect(await ask('--any-arguments', '**', '-n', '--', 'id', '-u')).toMatchObject({ code: 2 });
      expect(await ask('--any-arguments', '-n', '--', 'id', '-u')).toMatchObject({ code: 2 });
      expect(await ask('--any-arguments', 'x', '--', 'id', '-u')).toMatchObject({ code: 1, stderr: expect.stringContaining('do not match') });
      expect((await world.events()).filter(({ type }) => type === 'request.filed')).toHaveLength(before);
    });

    test('--wait follows it to the answer, and --cancel takes one\'s own back', async () => {
      const waiting = world.spawnAs('alice', ['belay', 'request', '--wait', '--', 'id', '-z']);
      const filed = await approver.filed();
      await approver.answer(filed, { approvers: 'Bo' });
      await world.waitFor(() => waiting.output().stdout.includes('who can approve: Bo'));
      await approver.deny(filed, 'no');
      expect(await waiting.ended).toMatchObject({ code: 11 });
      expect(waiting.output().stdout).toContain('denied by bo: no');
      await ask('--', 'id', '-y');
      const other = await approver.filed();
      const [byBob, byNobody] = await Promise.all([world.runAs('bob', ['belay', 'request', '--cancel', `${other.request}`]), world.runAs('bob', ['belay', 'request', '--cancel', '99999'])]);
      expect(byBob).toMatchObject({ code: 9 });
      expect(byBob.stderr.replaceAll(/\d+/g, 'N')).toBe(byNobody.stderr.replaceAll(/\d+/g, 'N'));
      expect(await ask('--cancel', `${other.request}`)).toMatchObject({ code: 0 });
      await world.eventOf(({ type, fields }) => type === 'request.cancelled' && fields['request'] === other.request && fields['why'] === 'by-requester');
    });

    test('so many may wait, and no more: said plainly', async () => {
      const numbers: number[] = [];
      for (let at = 0; at < 8; at++) {
        expect(await ask('--', 'id', `-${at}`)).toMatchObject({ code: 0 });
        numbers.push((await approver.filed()).request);
      }
      expect(await ask('--', 'id', '-9')).toMatchObject({ code: 1, stderr: expect.stringMatching(/8 requests waiting for approval.*belay request --cancel \d+/) });
      expect(await world.sudo('alice', ['id', '-9'])).toMatchObject({ code: 1, stderr: expect.stringContaining('8 requests waiting for approval') });
      for (const number of numbers) await ask('--cancel', `${number}`);
    });
  });

  describe('asked for on another device', () => {
    const yes = [approvalText({ from: ['role:approver'], count: 1, withinMs: 1_800_000 })];
    const scope = { commands: [{ command: '/usr/bin/id', args: ['-rn', '*'] }, { command: '/usr/bin/sleep', args: ['305'] }], runAsUid: 0, runAsGid: 0 };
    const runs = async (user: 'alice' | 'bob', cwd = '/') => (await world.sudo(user, ['-n', 'id', '-rn', '-u'], { cwd })).code;
    const heldBy = async (user: string, id: string) => (await status(user)).grants.find(({ grant }) => grant === id);

    test('it is hers by her name, wherever she is; it is counted; nobody else has it; and taken back it is over, with what runs under it', async () => {
      const grant = approver.grantByName('alice', scope, yes, { uses: 4, message: 'on all of them' });
      await approver.give(grant);
      const received = await world.eventOf(({ type, fields }) => type === 'grant.received' && fields['grant'] === grant.id);
      expect(received.fields).toEqual({ grant: grant.id, request: 0, user: 'alice' });
      expect(await heldBy('alice', grant.id)).toMatchObject({ request: null, uid: 20001, user: 'alice', usesLeft: 4, by: ['bo'], command: '/usr/bin/id -rn *; /usr/bin/sleep 305' });
      expect((await world.runAs('alice', ['belay', 'status'])).stdout).toContain('4 times, approved by bo: on all of them, asked on another device');
      expect([await heldBy('bob', grant.id), await runs('bob'), await runs('alice'), await runs('alice', '/home/alice'), await runs('bob')]).toEqual([undefined, 1, 0, 0, 1]);
      expect(await world.sudo('alice', ['-n', 'id', '-ru'])).toMatchObject({ code: 1 });
      expect(await heldBy('alice', grant.id)).toMatchObject({ usesLeft: 2 });
      await world.belayd.stop();
      await world.belayd.start();
      await world.fleet.reconnect();
      const running = world.spawnAs('alice', ['sudo', '-n', 'sleep', '305']);
      await world.waitFor(async () => (await world.run(['pgrep', '-x', '-f', '/usr/bin/sleep 305'])).code === 0, { what: 'the command to run' });
      expect(await heldBy('alice', grant.id)).toMatchObject({ usesLeft: 1, running: 1 });
      await approver.revoke(grant.id);
      await running.ended;
      await gone('/usr/bin/sleep 305');
      const ended = await world.eventOf(({ type, fields }) => type === 'session.ended' && fields['grant'] === grant.id);
      expect(ended.fields).toMatchObject({ why: 'revoked', uid: 20001, user: 'alice' });
      expect((await world.eventOf(({ type, fields }) => type === 'grant.ended' && fields['grant'] === grant.id)).fields).toEqual({ grant: grant.id, user: 'alice', why: 'revoked' });
      expect([await runs('alice'), await heldBy('alice', grant.id)]).toEqual([1, undefined]);
      expect((await world.events()).filter(({ type, fields }) => type === 'elevation.intent' && fields['grant'] === grant.id)).toHaveLength(3);
    });

    test('she gives it back, and nobody else does', async () => {
      const grant = approver.grantByName('alice', scope, yes, { uses: 9 });
      await approver.give(grant);
      expect(await world.runAs('bob', ['belay', 'end', grant.id])).toMatchObject({ code: 9 });
      expect(await runs('alice')).toBe(0);
      expect(await world.runAs('alice', ['belay', 'end', grant.id])).toMatchObject({ code: 0 });
      expect(await runs('alice')).toBe(1);
    });
  });

  describe('taken back', () => {
    test.each([['becomes the command', ['sleep', '300']], ['ignores it', ['bash', '-c', 'trap "" TERM; sleep 301 & wait; wait']]] as const)('while a command runs: it and all that it began ends, also where sudo %s', async (_, command) => {
      const terminal = world.terminalAs('alice', ['sudo', ...command]);
      const filed = await approver.filed();
      const grant = await approver.approve(filed);
      const seconds = command[0] === 'sleep' ? '300' : '301';
      await world.waitFor(async () => (await world.run(['pgrep', '-x', '-f', `(/usr/bin/)?sleep ${seconds}`])).code === 0, { what: 'the command to run' });
      expect((await world.eventOf(({ type, fields }) => type === 'elevation.intent' && fields['request'] === filed.request)).fields['grant']).toBe(grant.id);
      await approver.revoke(grant.id);
      await terminal.ended();
      expect(terminal.shown()).toContain(`Belay #${filed.request}: the approval for this command was taken back: it is being ended.`);
      await gone(`(/usr/bin/)?sleep ${seconds}`);
      const ended = await world.waitFor(async () => (await world.events()).findLast(({ type, fields }) => type === 'session.ended' && fields['request'] === filed.request));
      expect(ended.fields).toMatchObject({ grant: grant.id, why: 'revoked', uid: 20001 });
      const outcome = await world.eventOf(({ type, fields }) => type === 'elevation.outcome' && fields['request'] === filed.request);
      expect(outcome.fields).toMatchObject({ end: 'signaled', value: command[0] === 'sleep' ? 15 : 9 });
    });

    test('where sudo waits for the command, it is sudo that tells how it ended', async () => {
      const conf = await world.readFile('/etc/sudo.conf');
      await world.writeFile('/etc/sudo.conf', conf.replace(/^(Plugin belay_policy .*)$/m, '$1 wait'));
      try {
        for (const [command, value] of [[['sleep', '303'], 15], [['bash', '-c', 'trap "" TERM; sleep 303 & wait; wait'], 9]] as const) {
          const running = world.spawnAs('alice', ['sudo', ...command]);
          const filed = await approver.filed();
          const grant = await approver.approve(filed);
          await world.waitFor(async () => (await world.run(['pgrep', '-x', '-f', '(/usr/bin/)?sleep 303'])).code === 0, { what: 'the command to run' });
          await approver.revoke(grant.id);
          await running.ended;
          await gone('(/usr/bin/)?sleep 303');
          const outcome = await world.waitFor(async () => (await world.events()).findLast(({ type, fields }) => type === 'elevation.outcome' && fields['request'] === filed.request));
          expect(outcome.fields).toMatchObject({ end: 'signaled', value });
        }
      } finally {
        await world.writeFile('/etc/sudo.conf', conf);
      }
    });

    test.each([
      ['in a terminal', true, 'echo here; exec sleep 304', 15], ['that ignores it, in a terminal', true, 'trap "" TERM HUP; echo here; while :; do sleep 304; done', 9],
      ['without one', false, 'echo here; exec sleep 304', 15], ['that ignores it, without one', false, 'trap "" TERM HUP; echo here; while :; do sleep 304; done', 9],
    ] as const)('while a recorded session runs %s: it ends, and its recording is whole', async (_, hasTerminal, script, value) => {
      const command = ['sudo', 'dash', '-c', script];
      const process = hasTerminal ? world.terminalAs('alice', command).process : world.spawnAs('alice', command);
      const filed = await approver.filed();
      const grant = await approver.approve(filed);
      await world.waitFor(() => process.output().stdout.includes('here'), { what: 'the command to run' });
      await approver.revoke(grant.id);
      await process.ended;
      await gone('(/usr/bin/)?sleep 304');
      const outcome = await world.waitFor(async () => (await world.events()).findLast(({ type, fields }) => type === 'elevation.outcome' && fields['request'] === filed.request));
      expect(outcome.fields).toMatchObject({ end: 'signaled', value, recordingHash: expect.anything() });
      expect(outcome.fields['recordingCut']).toBeUndefined();
    });

    test('of a command that outlived a restart of belayd', async () => {
      const running = world.spawnAs('alice', ['sudo', 'sleep', '302']);
      const grant = await approver.approve(await approver.filed());
      await world.waitFor(async () => (await world.run(['pgrep', '-x', '-f', '/usr/bin/sleep 302'])).code === 0, { what: 'the command to run' });
      await world.belayd.kill();
      await world.belayd.start();
      await world.fleet.reconnect();
      await approver.revoke(grant.id);
      await running.ended;
      await gone('/usr/bin/sleep 302');
      await world.waitFor(async () => (await world.events()).some(({ type, fields }) => type === 'session.ended' && fields['grant'] === grant.id));
    });
  });

  test('status --watch tells at each change, and only of what is one\'s own', async () => {
    const [alices, bobs] = ['alice', 'bob'].map((user) => world.spawnAs(user, ['belay', 'status', '--watch', '--json']));
    const said = (of: typeof alices): readonly { readonly requests: readonly Record<string, unknown>[]; readonly grants: readonly Record<string, unknown>[] }[] => (of?.output().stdout ?? '').split('\n').filter(Boolean).map((line) => JSON.parse(line) as never);
    await world.waitFor(() => said(alices).length > 0 && said(bobs).length > 0, { what: 'the first answers' });
    await world.runAs('alice', ['belay', 'request', '--', 'id', '-w']);
    const filed = await approver.filed();
    await world.waitFor(() => said(alices).some(({ requests }) => requests.some(({ request, state }) => request === filed.request && state === 'pending')), { what: 'the request' });
    const grant = await approver.approve(filed);
    await world.waitFor(() => said(alices).some(({ grants }) => grants.some((each) => each['grant'] === grant.id)), { what: 'the grant' });
    await world.runAs('alice', ['belay', 'end', '--all']);
    await world.waitFor(() => said(alices).at(-1)?.grants.length === 0, { what: 'its end' });
    expect(JSON.stringify(said(bobs))).not.toContain('id -w');
    for (const each of [alices, bobs]) each?.signal('SIGINT', { group: true });
    await Promise.all([alices?.ended, bobs?.ended]);
  });

  // The last one: it tells belayd of a time that has not come.
  test('after a restart of the machine what is held is suspended, until the server has signed its time for this device', async () => {
    await world.runAs('alice', ['belay', 'request', '--uses', '5', '--', 'id', '-b']);
    const filed = await approver.filed();
    const grant = await approver.approve(filed, { uses: 5 });
    const runs = async () => (await world.sudo('alice', ['-n', 'id', '-b'])).stderr.includes('somebody has to approve') ? 'asks' : 'runs';
    expect(await runs()).toBe('runs');
    await world.belayd.stop();
    await world.shell('uuidgen >/run/boot-id 2>/dev/null || cat /proc/sys/kernel/random/uuid >/run/boot-id; mount --bind /run/boot-id /proc/sys/kernel/random/boot_id');
    await world.belayd.start();
    await world.fleet.reconnect();
    expect(await runs()).toBe('asks');
    expect((await status('alice')).grants).toContainEqual(expect.objectContaining({ grant: grant.id, suspended: true, leftMs: null }));
    // Another manifest may have been kept back: it proves nothing.
    await approver.list([approver.sealGrant(grant)]);
    expect(await runs()).toBe('asks');
    await approver.tellTime();
    expect(await runs()).toBe('runs');
    expect((await status('alice')).grants).toContainEqual(expect.objectContaining({ grant: grant.id, suspended: false, usesLeft: 3 }));
    await world.shell('umount /proc/sys/kernel/random/boot_id');
    await world.belayd.stop();
    await world.belayd.start();
    await world.fleet.reconnect();
    expect(await runs()).toBe('asks');
    await approver.tellTime(Date.now() + 2 * 60 * 60_000);
    expect((await status('alice')).grants).toEqual([]);
    await world.eventOf(({ type, fields }) => type === 'grant.ended' && fields['grant'] === grant.id && fields['why'] === 'expired');
  });
});
