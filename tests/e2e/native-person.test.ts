// The sudo plugin and the person at the keyboard: reasons, passwords through PAM, terminals, Ctrl-C and Ctrl-Z.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { describeBothWays, type FakeBelayd, openPluginPlace, textOf } from '../support/fake-belayd.ts';
import { passwords } from '../support/world/people.ts';
import type { Place } from '../support/world/place.ts';

const pam = (lines: readonly string[]): string => `${lines.join('\n')}\n`;
const usualPam = ['auth required pam_unix.so nodelay', 'account required pam_unix.so', 'session required pam_unix.so'];
const deny = { send: { verdict: { answer: 'ANSWER_DENY', request: '9', message: 'Belay #9: no.' } } };
const ask = (challenge: object) => [{ send: { challenge: { request: '9', ...challenge } } }];

describeBothWays('the sudo plugin and a person', (option) => {
  let place: Place;
  let belayd: FakeBelayd;
  beforeAll(async () => {
    ({ place, belayd } = await openPluginPlace(option));
    await place.writeFile('/usr/local/bin/note-session', '#!/bin/sh\necho "$PAM_TYPE $PAM_USER $PAM_RUSER" >>/var/log/sessions\n', '0755');
    await place.writeFile('/usr/local/bin/askpass', '#!/bin/sh\necho "asked: $1" >&2\necho alice-rope\n', '0755');
  });
  afterAll(async () => { await place?.close(); });
  beforeEach(async () => {
    await place.writeFile('/etc/pam.d/sudo', pam(usualPam));
    await belayd.play({});
  });

  const met = async () => (await belayd.frames('demandsMet'))[0];

  test('a reason is asked for on the terminal, again when it is too short, and sent as typed', async () => {
    await belayd.play({ sudoCheck: ask({ reason: true, reasonPrompt: 'Why? ', reasonMinLength: 5, message: 'This needs a reason.' }) });
    const terminal = place.terminalAs('alice', ['sudo', 'id', '-u']);
    await terminal.expect('sudo: This needs a reason.');
    await terminal.expect('Why? ');
    terminal.answer('no');
    await terminal.expect('the reason needs at least 5 characters');
    await terminal.expect('Why? ');
    terminal.answer('späte Wartung');
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(await met()).toMatchObject({ request: '9', reason: Buffer.from('späte Wartung').toString('base64'), authentication: 'AUTHENTICATION_NOT_ASKED' });
  });

  test('a reason comes from BELAY_REASON where it is set, and never from the command\'s standard input', async () => {
    await belayd.play({ sudoCheck: ask({ reason: true, reasonMinLength: 3 }) });
    expect(await place.sudo('alice', ['-n', 'cat'], { env: { BELAY_REASON: 'patching' }, input: 'for cat' })).toMatchObject({ code: 0, stdout: 'for cat' });
    expect(textOf((await met())?.['reason'])).toBe('patching');
    await belayd.play({ sudoCheck: ask({ reason: true }), demandsMet: [deny] });
    const piped = await place.sudo('alice', ['cat'], { input: 'for cat' });
    expect(piped).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('BELAY_REASON') });
    expect(await met()).toMatchObject({ authentication: 'AUTHENTICATION_CANCELLED' });
    await belayd.play({ sudoCheck: ask({ reason: true }), demandsMet: [deny] });
    expect(await place.sudo('alice', ['-n', 'id'])).toMatchObject({ code: 1, stderr: expect.stringContaining('leave out -n') });
  });

  test('suggestions are shown with numbers, and a number alone stands for its suggestion, however short', async () => {
    await belayd.play({ sudoCheck: ask({ reason: true, reasonPrompt: 'Why? ', reasonMinLength: 8, suggestions: ['Monthly patches', 'Incident'] }) });
    const terminal = place.terminalAs('alice', ['sudo', 'id', '-u']);
    await terminal.expect('  1  Monthly patches\n');
    await terminal.expect('  2  Incident\n');
    await terminal.expect('Why? ');
    terminal.answer('3');
    await terminal.expect('the reason needs at least 8 characters');
    await terminal.expect('Why? ');
    terminal.answer(' 2');
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(textOf((await met())?.['reason'])).toBe('Incident');
  });

  test('a yes is asked for before a password, and anything else is a no that asks for none', async () => {
    const challenge = { confirmPrompt: 'Run this? [y/N] ', reauth: true };
    await belayd.play({ sudoCheck: ask(challenge) });
    const terminal = place.terminalAs('alice', ['sudo', 'id', '-u']);
    await terminal.expect('Run this? [y/N] ');
    terminal.answer('Yes');
    await terminal.expect('password for alice: ');
    terminal.answer(passwords.alice);
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(await met()).toEqual({ request: '9', authentication: 'AUTHENTICATION_SUCCEEDED', attempts: 1, confirmed: true });
    for (const answer of ['', 'n', 'yep', '1']) {
      await belayd.play({ sudoCheck: ask(challenge), demandsMet: [deny] });
      const refused = place.terminalAs('alice', ['sudo', 'id', '-u']);
      await refused.expect('Run this? [y/N] ');
      refused.answer(answer);
      expect(await refused.ended()).toMatchObject({ code: 1 });
      expect({ answer, met: await met() }).toEqual({ answer, met: { request: '9', authentication: 'AUTHENTICATION_NOT_ASKED' } });
    }
  });

  test('without a terminal a yes is taken from nowhere; with -S it is a line of standard input', async () => {
    await belayd.play({ sudoCheck: ask({ confirmPrompt: 'Run this? ' }), demandsMet: [deny] });
    expect(await place.sudo('alice', ['cat'], { input: 'y\n' })).toMatchObject({ code: 1, stdout: '' });
    expect(await met()).toEqual({ request: '9', authentication: 'AUTHENTICATION_NOT_ASKED' });
    await belayd.play({ sudoCheck: ask({ confirmPrompt: 'Run this? ' }) });
    expect(await place.sudo('alice', ['-S', 'cat'], { input: 'y\nfor cat' })).toMatchObject({ code: 0, stdout: 'for cat' });
    expect(await met()).toMatchObject({ confirmed: true });
  });

  test('with -S reason and password are lines of standard input', async () => {
    await belayd.play({ sudoCheck: ask({ reason: true, reauth: true }) });
    const ran = await place.sudo('alice', ['-S', '-p', '', 'cat'], { input: `because\n${passwords.alice}\nfor cat` });
    expect(ran).toMatchObject({ code: 0, stdout: 'for cat' });
    expect(await met()).toEqual({ request: '9', reason: Buffer.from('because').toString('base64'), authentication: 'AUTHENTICATION_SUCCEEDED', attempts: 1 });
  });

  test('the password is the requester\'s, asked for with the prompt of -p, tried three times', async () => {
    await belayd.play({ sudoCheck: ask({ reauth: true, account: true }), demandsMet: [deny] });
    const terminal = place.terminalAs('alice', ['sudo', '-u', 'bob', '-p', '%u %p %U %h %% ? ', 'id']);
    for (const wrong of ['one', 'two', passwords.bob]) {
      await terminal.expect('alice alice bob belay-world % ? ');
      terminal.answer(wrong);
    }
    await terminal.expect('3 incorrect password attempts');
    expect(await terminal.ended()).toMatchObject({ code: 1 });
    expect(await met()).toEqual({ request: '9', authentication: 'AUTHENTICATION_FAILED', attempts: 3 });
    expect(terminal.shown()).not.toContain(passwords.bob);
  });

  test('the second try counts; the usual prompt is sudo\'s', async () => {
    await belayd.play({ sudoCheck: ask({ reauth: true, account: true }) });
    const terminal = place.terminalAs('alice', ['sudo', 'id', '-u']);
    await terminal.expect('[sudo] password for alice: ');
    terminal.answer('wrong');
    await terminal.expect('Sorry, try again.');
    await terminal.expect('[sudo] password for alice: ');
    terminal.answer(passwords.alice);
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    expect(await met()).toEqual({ request: '9', authentication: 'AUTHENTICATION_SUCCEEDED', attempts: 2 });
  });

  test('-n asks for no password, -A asks by the helper program', async () => {
    await belayd.play({ sudoCheck: ask({ reauth: true }), demandsMet: [deny] });
    expect(await place.sudo('alice', ['-n', 'id'])).toMatchObject({ code: 1, stderr: 'sudo: a password is required\nsudo: Belay #9: no.\n' });
    expect(await met()).toEqual({ request: '9', authentication: 'AUTHENTICATION_CANCELLED' });
    await belayd.play({ sudoCheck: ask({ reauth: true }) });
    expect(await place.sudo('alice', ['-A', 'id', '-u'], { env: { SUDO_ASKPASS: '/usr/local/bin/askpass' } })).toMatchObject({ code: 0, stdout: '0\n' });
    expect(await met()).toMatchObject({ authentication: 'AUTHENTICATION_SUCCEEDED' });
  });

  test('Ctrl-C at the password ends it; nothing runs', async () => {
    await belayd.play({ sudoCheck: ask({ reauth: true }), demandsMet: [deny] });
    const terminal = place.terminalAs('alice', ['sudo', 'touch', '/run/ran']);
    await terminal.expect('password for alice: ');
    await terminal.interrupt();
    expect(await met()).toEqual({ request: '9', authentication: 'AUTHENTICATION_CANCELLED' });
    expect((await place.run(['test', '-e', '/run/ran'])).code).toBe(1);
  });

  test('credentials and session are opened for the target, before the commit, and closed after the command', async () => {
    const extra = ['pam_exec.so /usr/local/bin/note-session', 'pam_umask.so umask=0007', 'pam_env.so readenv=1 user_readenv=0 envfile=/etc/pam-test-env'];
    await place.writeFile('/etc/pam.d/sudo', pam([...usualPam, ...extra.map((line) => `session required ${line}`)]));
    await place.writeFile('/etc/pam-test-env', 'KRB5CCNAME=FILE:/tmp/cc\nMARK=from-pam\nLD_PRELOAD=/tmp/evil.so\n');
    await place.shell('rm -f /var/log/sessions');
    await belayd.play({ sudoCheck: [{ allow: { launch: { pamSession: true, pamAccount: true, user: 'bob' } } }], commit: [{ until: '/var/log/sessions' }, { send: { commitAnswer: { answer: 'ANSWER_GO' } } }] });
    const ran = await place.sudo('alice', ['sh', '-c', 'echo "$KRB5CCNAME $MARK [$LD_PRELOAD]"; umask; cat /var/log/sessions']);
    expect(ran).toMatchObject({ code: 0, stdout: 'FILE:/tmp/cc launch []\n0022\nopen_session bob alice\n' });
    await place.waitFor(async () => (await place.readFile('/var/log/sessions')) === 'open_session bob alice\nclose_session bob alice\n', { what: 'the session to be closed' });
  });

  test('the limits that PAM sets are the command\'s, and the caller\'s where it sets none', async () => {
    await place.writeFile('/etc/pam.d/sudo', pam([...usualPam, 'session required pam_limits.so conf=/etc/limits-test.conf']));
    await place.writeFile('/etc/limits-test.conf', 'root hard nofile 700\nroot soft nofile 600\n');
    await belayd.play({ sudoCheck: [{ allow: { launch: { pamSession: true } } }] });
    const show = ['bash', '-c', 'ulimit -Ss 4096; ulimit -Sf 12345; ulimit -Sn 500; sudo bash -c "ulimit -Hn; ulimit -Sn"; sudo bash -c "ulimit -Ss; ulimit -Sf; ulimit -Sn"'];
    expect(await place.runAs('alice', show)).toMatchObject({ code: 0, stdout: expect.stringMatching(/^700\n600\n/) });
    await place.writeFile('/etc/pam.d/sudo', pam(usualPam));
    expect(await place.runAs('alice', show)).toMatchObject({ code: 0, stdout: expect.stringMatching(/\n4096\n12345\n500\n$/) });
  });

  test('a refused account stops it before the commit, and belayd hears why', async () => {
    await place.writeFile('/etc/pam.d/sudo', pam(['auth required pam_unix.so', 'account required pam_deny.so', 'session required pam_unix.so']));
    await belayd.play({ sudoCheck: [{ allow: { launch: { pamAccount: true } } }] });
    expect(await place.sudo('alice', ['touch', '/run/ran'])).toMatchObject({ code: 1, stderr: expect.stringContaining('your account cannot be used now') });
    expect([await belayd.frames('commit'), await belayd.framesAtEnd('auditError')]).toEqual([[], [{ request: '7', text: Buffer.from('PAM refused the account').toString('base64') }]]);
    await belayd.play({ sudoCheck: ask({ account: true }), demandsMet: [deny] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1 });
    expect(await met()).toMatchObject({ authentication: 'AUTHENTICATION_ACCOUNT_REFUSED' });
    expect((await place.run(['test', '-e', '/run/ran'])).code).toBe(1);
  });

  test('a no at the commit closes the session again; nothing runs', async () => {
    await place.writeFile('/etc/pam.d/sudo', pam([...usualPam, 'session required pam_exec.so /usr/local/bin/note-session']));
    await place.shell('rm -f /var/log/sessions');
    await belayd.play({ sudoCheck: [{ allow: { launch: { pamSession: true } } }], commit: [{ send: { commitAnswer: { answer: 'ANSWER_STOP', message: 'Belay #7: policy changed meanwhile.' } } }] });
    expect(await place.sudo('alice', ['touch', '/run/ran'])).toMatchObject({ code: 1, stderr: expect.stringContaining('sudo: Belay #7: policy changed meanwhile.\n') });
    expect(await place.readFile('/var/log/sessions')).toBe('open_session root alice\nclose_session root alice\n');
    expect((await place.run(['test', '-e', '/run/ran'])).code).toBe(1);
    expect(await belayd.framesAtEnd('outcome')).toEqual([]);
  });

  // SECURITY(T-33) of the plugin: the other half, in belayd, is in tests/security.
  test('a yes that was put to sleep with Ctrl-Z before the start is void, and told as not started', async () => {
    await belayd.play({ commit: [{ until: '/run/go' }, { send: { commitAnswer: { answer: 'ANSWER_GO' } } }] });
    const terminal = place.terminalAs('alice', ['bash', '--norc', '-i']);
    await terminal.expect('$ ');
    terminal.answer('sudo touch /run/ran');
    await place.waitFor(async () => (await belayd.frames('commit')).length > 0);
    terminal.type('\x1a');
    await terminal.expect('^Z');
    await place.shell('touch /run/go');
    await terminal.expect('Stopped');
    const stopped = Date.now();
    await place.waitFor(() => Date.now() - stopped > 5500);
    terminal.answer('fg');
    await terminal.expect('stopped for too long between the yes and the start');
    terminal.answer('exit');
    await terminal.ended();
    expect((await place.run(['test', '-e', '/run/ran'])).code).toBe(1);
    expect(await belayd.framesAtEnd('outcome')).toEqual([{ request: '7', end: 'END_SUDO_ERROR', value: 62 }]);
    await place.shell('rm -f /run/go');
  });

  test('Ctrl-C between the yes and the start is told as not started', async () => {
    await belayd.play({ commit: [{ until: '/run/go' }, { send: { commitAnswer: { answer: 'ANSWER_GO' } } }] });
    const terminal = place.terminalAs('alice', ['sudo', 'touch', '/run/ran']);
    await place.waitFor(async () => (await belayd.frames('commit')).length > 0);
    terminal.type('\x03');
    await terminal.expect('^C');
    await place.shell('touch /run/go');
    await terminal.ended();
    expect(await belayd.framesAtEnd('outcome')).toEqual([{ request: '7', end: 'END_SUDO_ERROR', value: 4 }]);
    expect((await place.run(['test', '-e', '/run/ran'])).code).toBe(1);
    await place.shell('rm -f /run/go');
  });
});
