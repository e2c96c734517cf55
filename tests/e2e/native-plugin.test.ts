// The sudo plugin alone, in a real sudo, against a scripted belayd: what it asks, and what it does with a yes.
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { describeBothWays, type FakeBelayd, openPluginPlace, textOf, textsOf } from '../support/fake-belayd.ts';
import type { Place } from '../support/world/place.ts';

const base64 = (text: string): string => Buffer.from(text).toString('base64');

describeBothWays('the sudo plugin', (option) => {
  let place: Place;
  let belayd: FakeBelayd;
  beforeAll(async () => {
    ({ place, belayd } = await openPluginPlace(option));
    await place.writeFile('/usr/local/sbin/count', '#!/bin/sh\necho "$#" "$0"\n', '0755');
  });
  afterAll(async () => { await place?.close(); });
  beforeEach(async () => { await belayd.play({}); });

  async function asked(args: readonly string[], options?: { readonly env?: Record<string, string>; readonly cwd?: string }) {
    await belayd.play({});
    await place.sudo('alice', args, options);
    const [check] = await belayd.frames('sudoCheck');
    return check ?? {};
  }

  test('a yes runs the descriptor with the environment and identity of the launch, and the outcome is told', async () => {
    const ran = await place.sudo('alice', ['sh', '-c', 'id -u; id -G; echo $MARK; ls /proc/self/fd | tr "\\n" " "; exit 3']);
    expect(ran).toMatchObject({ code: 3, stderr: '', stdout: expect.stringMatching(/^0\n0\nlaunch\n0 1 2 3 $/) });
    expect(await belayd.frames('commit')).toEqual([{ request: '7', token: Buffer.alloc(16, 7).toString('base64') }]);
    expect(await belayd.framesAtEnd('outcome')).toEqual([{ request: '7', end: 'END_EXITED', value: 3 }]);
  });

  // SECURITY(T-10): a go is taken only where it was asked for.
  test('a yes that is the go needs no commit, where the plugin said that nothing comes between', async () => {
    await belayd.play({ sudoCheck: [{ allow: { go: true } }] });
    const ran = await place.sudo('alice', ['sh', '-c', 'exit 3']);
    const asksForIt = option === '';
    expect((await belayd.frames('sudoCheck'))[0]?.['startsAtOnce'] ?? false).toBe(asksForIt);
    expect(ran.code).toBe(asksForIt ? 3 : 1);
    expect(await belayd.framesAtEnd('outcome')).toEqual([{ request: '7', ...(asksForIt ? { end: 'END_EXITED', value: 3 } : { end: 'END_SUDO_ERROR' }) }]);
    expect(await belayd.frames('commit')).toEqual([]);
  });

  test('every part of a launch is applied: user, groups, directory, umask, arguments', async () => {
    const launch = {
      argv: ['other', '-c', 'echo "$0"; id -u; id -g; id -G; pwd; umask'].map(base64), uid: 20002, gid: 20003, groups: [20003, 20201], user: 'bob',
      workingDirectory: base64('/var/log'), fileModeMask: 0o77,
    };
    await belayd.play({ sudoCheck: [{ allow: { launch } }] });
    expect(await place.sudo('alice', ['sh'])).toMatchObject({ code: 0, stdout: 'other\n20002\n20003\n20003 20201\n/var/log\n0077\n' });
  });

  test('what was typed arrives byte for byte', async () => {
    await belayd.play({});
    await place.runAs('alice', ['bash', '-c', String.raw`umask 027; sudo -u '#-1' -g '#0x0' -H -k -D /tmp A=b printf '<%s>' $'\xff\n' '' 'a\'`], { env: { BELAY_TEST: 'é' }, cwd: '/home/alice' });
    const [check = {}] = await belayd.frames('sudoCheck');
    expect(check).toMatchObject({
      mode: 'MODE_RUN', runAsUser: base64('#-1'), runAsUserGiven: true, runAsGroup: base64('#0x0'), runAsGroupGiven: true, setHome: true,
      ignoreCachedReauth: true, workingDirectoryWanted: base64('/tmp'), workingDirectoryWantedGiven: true, fileModeMask: 0o27,
      executableOpen: true, pamAvailable: true,
    });
    expect(textsOf(check['argv'])).toEqual(['printf', '<%s>', '\xff\n', '', 'a\\']);
    expect(textsOf(check['environmentAdded'])).toEqual(['A=b']);
    expect(textsOf(check['environment'])).toContain(`BELAY_TEST=${Buffer.from('é').toString('latin1')}`);
    expect([textOf(check['workingDirectory']), textOf(check['typedPath'])]).toEqual(['/home/alice', '/usr/bin/printf']);
  });

  test('a bare name is found along the secure path only, a relative one from where the caller is', async () => {
    await place.shell('install -m 0755 /usr/bin/id /home/alice/id && install -m 0755 /usr/bin/id /home/alice/onlymine && mkfifo -m 0777 /home/alice/pipe');
    const path = { env: { PATH: '/home/alice:/usr/bin:/bin' } };
    expect(textOf((await asked(['id'], path))['typedPath'])).toBe('/usr/bin/id');
    expect(await asked(['onlymine'], path)).not.toHaveProperty('executableOpen');
    expect(textOf((await asked(['./id'], { cwd: '/home/alice' }))['typedPath'])).toBe('/home/alice/./id');
    expect(textOf((await asked(['../alice/id'], { cwd: '/home/alice' }))['typedPath'])).toBe('/home/alice/../alice/id');
    for (const odd of ['/home/alice/pipe', '/dev/null', '/home/alice', '/etc/passwd', '']) expect(await asked([odd])).not.toHaveProperty('executableOpen');
  });

  test('-E, --preserve-env and VAR=value are told apart', async () => {
    expect(await asked(['-E', 'id'])).toMatchObject({ preserveEnvironment: true });
    const check = await asked(['--preserve-env=KEEP,ABSENT', 'NEW=1', 'id'], { env: { KEEP: 'yes' } });
    expect(check).not.toHaveProperty('preserveEnvironment');
    expect([textsOf(check['preserveEnvironmentNames']), textsOf(check['environmentAdded'])]).toEqual([['KEEP'], ['NEW=1']]);
  });

  test('-s is the caller\'s shell, -i the target\'s login shell; a command is quoted as sudo quotes it', async () => {
    const shell = await asked(['-s'], { env: { SHELL: '/usr/bin/id' } });
    expect(shell).toMatchObject({ impliedShell: true });
    expect([textsOf(shell['argv']), textOf(shell['typedPath'])]).toEqual([['/usr/bin/id'], '/usr/bin/id']);
    const login = await asked(['-i', '-u', 'bob', 'echo', 'a b'], { env: { SHELL: '/usr/bin/id' } });
    expect(login).toMatchObject({ loginShell: true });
    expect(login).not.toHaveProperty('impliedShell');
    expect(textsOf(login['argv'])).toEqual(['/bin/bash', '-c', String.raw`echo a\ b`]);
    for (const nobody of ['#-1', '#4294967295', 'nobody-such', '#0x0']) {
      expect(await asked(['-i', '-u', nobody])).not.toHaveProperty('executableOpen');
    }
  });

  test('a sealed copy runs, script or program; a copy that could still change does not', async () => {
    await belayd.play({ sudoCheck: [{ allow: { seal: '/usr/local/sbin/count' } }] });
    expect(await place.sudo('alice', ['count', 'a', 'b'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^2 \/dev\/fd\/\d+\n$/) });
    await belayd.play({ sudoCheck: [{ allow: { seal: '/usr/bin/id', launch: { argv: ['id', '-u'].map(base64) } } }] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 0, stdout: '0\n' });
    await belayd.play({ sudoCheck: [{ allow: { unsealed: '/usr/bin/id' } }] });
    expect(await place.sudo('alice', ['id'])).toMatchObject({ code: 1, stdout: '' });
    expect(await belayd.frames('commit')).toEqual([]);
  });

  test('a script runs by its path', async () => {
    await belayd.play({ sudoCheck: [{ allow: { launch: { by: 'BY_PATH' } } }] });
    expect(await place.sudo('alice', ['count', 'a'])).toMatchObject({ code: 0, stdout: '1 /usr/local/sbin/count\n' });
  });

  test('a command that cannot be started, and one that a signal ends, are told as such', async () => {
    await place.writeFile('/usr/local/sbin/orphan', '#!/no/such/interpreter\n', '0755');
    await belayd.play({ sudoCheck: [{ allow: { launch: { by: 'BY_PATH' } } }] });
    const orphan = await place.sudo('alice', ['orphan']);
    expect(orphan).toMatchObject({ code: 1, stderr: 'sudo: unable to execute /usr/local/sbin/orphan: No such file or directory\n' });
    expect(await belayd.framesAtEnd('outcome')).toEqual([{ request: '7', end: 'END_EXEC_FAILED', ...(option === '' ? {} : { value: 2 }) }]);
    await belayd.play({});
    expect(await place.sudo('alice', ['sh', '-c', 'kill -TERM $$'])).toMatchObject({ signal: 'SIGTERM' });
    expect(await belayd.framesAtEnd('outcome')).toEqual([{ request: '7', end: 'END_SIGNALED', value: 15 }]);
  });

  test('-b leaves the command running and still tells its outcome', async () => {
    expect(await place.sudo('alice', ['-b', 'sh', '-c', 'exit 4'])).toMatchObject({ code: 0 });
    expect(await belayd.framesAtEnd('outcome')).toEqual([{ request: '7', end: 'END_EXITED', value: 4 }]);
  });

  test('thirty thousand arguments run whole', async () => {
    await belayd.play({ sudoCheck: [{ allow: { launch: { by: 'BY_PATH' } } }] });
    expect(await place.runAs('alice', ['bash', '-c', 'sudo count $(yes x | head -n 30000)'])).toMatchObject({ code: 0, stdout: '30000 /usr/local/sbin/count\n' });
  });

  test.each([
    [['-R', '/tmp', 'id'], '-R (--chroot)'], [['-h', 'elsewhere', 'id'], '-h (--host)'], [['-C', '5', 'id'], '-C (--close-from)'],
    [['-T', '5', 'id'], '-T (--command-timeout)'], [['-P', 'id'], '-P (--preserve-groups)'], [['-N', 'id'], '-N (--no-update)'],
    [['-r', 'role', 'id'], '-r (--role)'], [['-t', 'type', 'id'], '-t (--type)'], [['-l', '-h', 'elsewhere'], '-h (--host)'],
  ])('%j is refused by name, and belayd is not asked', async (args, name) => {
    expect(await place.sudo('alice', args)).toMatchObject({ code: 1, stdout: '', stderr: `sudo: not supported by Belay: ${name}. Run it without\n` });
    expect((await belayd.heard()).filter(({ event }) => event === 'frame')).toEqual([]);
  });

  test('sudo -e and sudoedit are refused with a pointer', async () => {
    for (const argv of [['sudo', '-e', '/etc/motd'], ['sudoedit', '/etc/motd']]) {
      expect(await place.runAs('alice', argv)).toMatchObject({ code: 1, stderr: expect.stringMatching(/sudo -e .* not supported yet.*`sudo -l` shows/) });
    }
    expect((await belayd.heard()).filter(({ event }) => event === 'frame')).toEqual([]);
  });

  test('sudo alone shows the usage, sudo -V our version', async () => {
    expect(await place.sudo('alice', [])).toMatchObject({ code: 1, stderr: expect.stringContaining('usage: sudo') });
    expect(await place.sudo('alice', ['-V'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/Belay sudo plugin version \d+\.\d+\.\d+ \(protocol 1\)/) });
  });

  test('-l prints the listing; -l COMMAND answers by its exit code; -U and -ll are passed on', async () => {
    const listing = (known: boolean, text: string) => ({ sudoCheck: [{ send: { listing: { known, text: base64(text) } } }] });
    await belayd.play(listing(true, 'you may run:\n  /usr/bin/id\u001b[2J\n'));
    expect(await place.sudo('alice', ['-ll', '-U', 'bob'])).toMatchObject({ code: 0, stdout: 'you may run:\n  /usr/bin/id?[2J\n', stderr: '' });
    expect(await belayd.frames('sudoCheck')).toMatchObject([{ mode: 'MODE_LIST', listUser: base64('bob'), listUserGiven: true, listLong: true }]);
    await belayd.play(listing(true, '/usr/bin/id -u\n'));
    expect(await place.sudo('alice', ['-l', '-u', 'bob', 'id', '-u'])).toMatchObject({ code: 0, stdout: '/usr/bin/id -u\n' });
    const [check = {}] = await belayd.frames('sudoCheck');
    expect(check).toMatchObject({ mode: 'MODE_LIST_COMMAND', runAsUser: base64('bob'), executableOpen: true });
    expect(textsOf(check['argv'])).toEqual(['id', '-u']);
    await belayd.play(listing(false, ''));
    expect(await place.sudo('alice', ['-l', 'no-such-command'])).toMatchObject({ code: 1, stdout: '', stderr: '' });
    await belayd.play({ sudoCheck: [{ send: { verdict: { answer: 'ANSWER_DENY', request: '9', message: 'Belay #9: no.' } } }] });
    expect(await place.sudo('alice', ['-l', '-U', 'bob'])).toMatchObject({ code: 1, stderr: 'sudo: Belay #9: no.\n' });
  });

  test('-k and -K forget, -v asks', async () => {
    expect(await place.sudo('alice', ['-k'])).toMatchObject({ code: 0, stderr: '' });
    expect(await place.sudo('alice', ['-K'])).toMatchObject({ code: 0, stderr: '' });
    expect(await belayd.frames('forgetReauth')).toEqual([{}, { everywhere: true }]);
    await belayd.play({ sudoCheck: [{ send: { verdict: { answer: 'ANSWER_ALLOW', request: '9' } } }] });
    expect(await place.sudo('alice', ['-v'])).toMatchObject({ code: 0, stderr: '' });
    expect(await belayd.frames('sudoCheck')).toMatchObject([{ mode: 'MODE_VALIDATE' }]);
    await belayd.play({ sudoCheck: [{ send: { verdict: { answer: 'ANSWER_DENY', request: '9', message: 'Belay #9: no.' } } }] });
    expect(await place.sudo('alice', ['-v', '-k'])).toMatchObject({ code: 1, stderr: 'sudo: Belay #9: no.\n' });
    expect(await belayd.frames('sudoCheck')).toMatchObject([{ mode: 'MODE_VALIDATE', ignoreCachedReauth: true }]);
  });
});
