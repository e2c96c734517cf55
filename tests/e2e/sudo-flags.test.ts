// Every setting of sudo that people type, by real people through real sudo, each decided by a server's policy; and each that is
// not supported, refused by its name. The whole runs once on SQLite and once on PostgreSQL.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createWorld, describeRoot, passwords, uids, type World } from '../support/world.ts';


describeRoot('sudo as people type it', () => {
  describe.each(['sqlite', 'postgres'] as const)('with policy from a server on %s', (database) => {
    let world: World;
    beforeAll(async () => { world = await createWorld({ database }); });
    afterAll(async () => await world?.close());

    /** What alice's sudo did, in one comparison: exit code and stdout. */
    const alice = async (...args: readonly string[]) => {
      const { code, stdout, stderr } = await world.sudo('alice', args);
      return code === 0 ? { code, stdout: stdout.trim() } : { code, stdout: stdout.trim(), stderr: stderr.trim() };
    };

    describe('what it runs', () => {
      test('an allowed command runs as root, without a password', async () => {
        expect(await alice('id', '-u')).toEqual({ code: 0, stdout: '0' });
      });

      test('its exit code is the command\'s', async () => {
        expect((await alice('id', '--no-such-option')).code).toBe(1);
      });

      test('nobody but those whom a rule names may run it', async () => {
        const ran = await world.sudo('bob', ['id']);
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' });
        expect(ran.stderr).toMatch(/^sudo: Belay #\d+: /);
      });

      test('what no rule allows is refused, and a rule\'s own message is shown', async () => {
        const ran = await world.sudo('alice', ['dmesg']);
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' });
        expect(ran.stderr).toContain('Ask the platform team for kernel messages.');
      });

      test('a command that does not exist is refused like one that is not allowed', async () => {
        const mask = (text: string) => text.replaceAll(/\d+/g, 'N').replaceAll(/no-such-command|chown/g, 'COMMAND');
        const [absent, denied] = [await world.sudo('alice', ['no-such-command']), await world.sudo('alice', ['chown'])];
        expect({ code: absent.code, stderr: mask(absent.stderr) }).toEqual({ code: denied.code, stderr: mask(denied.stderr) });
      });

      test('arguments are matched one by one', async () => {
        await world.shell('echo line > /var/log/app.log; chmod 0600 /var/log/app.log');
        expect(await alice('cat', '/var/log/app.log')).toEqual({ code: 0, stdout: 'line' });
        expect((await alice('cat', '/var/log/app.log', '/etc/shadow')).code).toBe(1);
      });
    });

    describe('as whom', () => {
      test.each([
        ['-u NAME', ['-u', 'bob', 'id', '-un'], 'bob'],
        ['-u #UID', ['-u', `#${uids.bob}`, 'id', '-u'], `${uids.bob}`],
        ['-u with -g', ['-u', 'bob', '-g', 'developers', 'id', '-gn'], 'developers'],
        ['-g alone keeps the user', ['-g', 'developers', 'id', '-un'], 'alice'],
        ['-g alone', ['-g', 'developers', 'id', '-gn'], 'developers'],
      ])('%s', async (_, args, stdout) => {
        expect(await alice(...args)).toEqual({ code: 0, stdout });
      });

      test('-u and -g of what no rule allows, or of nobody, are refused', async () => {
        for (const args of [['-u', 'carol', 'id'], ['-g', 'belay-recovery', 'id'], ['-u', 'nobody-at-all', 'id'], ['-u', '#-1', 'id'], ['-u', '#4294967295', 'id']]) {
          const ran = await alice(...args);
          expect({ args, code: ran.code, stdout: ran.stdout }).toEqual({ args, code: 1, stdout: '' });
        }
      });
    });

    describe('shells', () => {
      test('-s COMMAND runs it in the caller\'s shell', async () => {
        expect(await alice('-s', 'id', '-u')).toEqual({ code: 0, stdout: '0' });
      });

      test('-s reads commands', async () => {
        const ran = await world.sudo('alice', ['-s'], { input: 'id -u\necho $HOME\nexit 7\n' });
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 7, stdout: '0\n/root\n' });
      });

      test('-i COMMAND runs it in root\'s login shell, at root\'s home', async () => {
        expect(await alice('-i', 'pwd')).toEqual({ code: 0, stdout: '/root' });
        expect(await alice('-i', 'shopt', '-q', 'login_shell')).toEqual({ code: 0, stdout: '' });
      });

      test('-i reads commands', async () => {
        const ran = await world.sudo('alice', ['-i'], { input: 'pwd\n' });
        expect({ code: ran.code, stdout: ran.stdout.trim().split('\n').at(-1) }).toEqual({ code: 0, stdout: '/root' });
      });

      test('a shell is refused where no rule allows one', async () => {
        for (const flag of ['-s', '-i']) expect((await world.sudo('bob', [flag], { input: 'id -u\n' }))).toMatchObject({ code: 1, stdout: '' });
      });
    });

    describe('environment and directory', () => {
      test('the environment is rebuilt: whose command it was, the secure path, nothing of the caller\'s own', async () => {
        const ran = await world.runAs('alice', ['sudo', 'printenv'], { env: { LD_PRELOAD: '/tmp/evil.so', BASH_ENV: '/tmp/evil', MINE: '1', PATH: '/home/alice/bin:/usr/bin:/bin' } });
        const variables = Object.fromEntries(ran.stdout.trim().split('\n').map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
        expect(ran.code).toBe(0);
        expect(variables).toMatchObject({
          SUDO_USER: 'alice', SUDO_UID: `${uids.alice}`, SUDO_GID: `${uids.alice}`, SUDO_COMMAND: '/usr/bin/printenv', USER: 'root', LOGNAME: 'root', HOME: '/root',
          PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', TERM: 'xterm',
        });
        expect(Object.keys(variables).filter((name) => ['LD_PRELOAD', 'BASH_ENV', 'MINE'].includes(name))).toEqual([]);
      });

      test('VAR=value sets what is harmless and refuses the rest by name', async () => {
        expect(await alice('DEBIAN_FRONTEND=noninteractive', 'printenv', 'DEBIAN_FRONTEND')).toEqual({ code: 0, stdout: 'noninteractive' });
        const ran = await world.sudo('alice', ['LD_PRELOAD=/tmp/evil.so', 'printenv']);
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' });
        expect(ran.stderr).toContain('LD_PRELOAD');
      });

      test('-E is granted when everything can be kept and refused by name when something cannot', async () => {
        expect(await alice('-E', 'printenv', 'LANG')).toEqual({ code: 0, stdout: 'C.UTF-8' });
        const ran = await world.runAs('alice', ['sudo', '-E', 'printenv'], { env: { MINE: '1' } });
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' });
        expect(ran.stderr).toContain('MINE');
      });

      test('--preserve-env=LIST likewise', async () => {
        expect((await world.runAs('alice', ['sudo', '--preserve-env=LANG', 'printenv', 'LANG'], { env: { MINE: '1' } })).code).toBe(0);
        expect((await world.runAs('alice', ['sudo', '--preserve-env=MINE', 'printenv'], { env: { MINE: '1' } })).stderr).toContain('MINE');
      });

      test('-H: home is the target\'s', async () => {
        expect(await alice('-H', 'printenv', 'HOME')).toEqual({ code: 0, stdout: '/root' });
      });

      test('the directory stays the caller\'s, -D changes it', async () => {
        expect(await alice('pwd')).toEqual({ code: 0, stdout: '/home/alice' });
        expect(await alice('-D', '/usr/share', 'pwd')).toEqual({ code: 0, stdout: '/usr/share' });
        // A folder that the requester could not enter, is not there, or could be swapped for another.
        for (const folder of ['/root', '/no/such/folder', '/home/alice', '/tmp', 'relative']) {
          const ran = await alice('-D', folder, 'pwd');
          expect({ folder, code: ran.code, stdout: ran.stdout }).toEqual({ folder, code: 1, stdout: '' });
        }
      });

      test('the umask is at least 022', async () => {
        expect(await alice('-s', 'umask')).toEqual({ code: 0, stdout: '0022' });
      });
    });

    describe('asking', () => {
      test('a reason is asked for at the terminal and recorded', async () => {
        const terminal = world.terminalAs('alice', ['sudo', 'head', '-c5', '/etc/shadow']);
        await terminal.expect(/Belay #\d+: [^\n]*(why|reason)[^\n]*[:?] $/i);
        terminal.answer('ticket 4711, the account is locked');
        await terminal.expect('root:');
        expect(await terminal.ended()).toMatchObject({ code: 0 });
      });

      test('a reason may come ahead in BELAY_REASON', async () => {
        const ran = await world.runAs('alice', ['sudo', '-n', 'head', '-c5', '/etc/shadow'], { env: { BELAY_REASON: 'ticket 4712' } });
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 0, stdout: 'root:' });
      });

      test('-n asks nothing: what needs a reason or a password is refused at once', async () => {
        const [reason, password] = [await world.sudo('alice', ['-n', 'head', '/etc/shadow']), await world.sudo('alice', ['-n', 'wc', '/etc/shadow'])];
        expect([reason.code, reason.stdout, password.code, password.stdout]).toEqual([1, '', 1, '']);
        expect(reason.stderr).toContain('BELAY_REASON');
      });

      test('a password is asked for only where a rule demands it, and is remembered for that login session', async () => {
        const terminal = world.terminalAs('alice', ['bash', '-c', 'sudo wc -c /etc/hostname; sudo -n wc -c /etc/hostname; sudo -k; sudo -n wc -c /etc/hostname; echo ended $?']);
        await terminal.expect('[sudo] password for alice: ');
        terminal.answer(passwords.alice);
        await terminal.expect(/\d+ \/etc\/hostname/);
        await terminal.expect(/\d+ \/etc\/hostname/);
        await terminal.expect(/ended 1/);
        await terminal.ended();
        expect(terminal.shown()).not.toContain(passwords.alice);
      });

      test('a wrong password is asked for again, and refused after three', async () => {
        const terminal = world.terminalAs('alice', ['sudo', 'wc', '-c', '/etc/hostname']);
        for (let tries = 0; tries < 3; tries++) {
          await terminal.expect('password for alice: ');
          terminal.answer('guess');
        }
        expect(await terminal.ended()).toMatchObject({ code: 1 });
        expect(terminal.shown()).not.toMatch(/\d+ \/etc\/hostname/);
      });

      test('-p gives the prompt', async () => {
        const terminal = world.terminalAs('alice', ['sudo', '-p', 'the rope of %p: ', 'wc', '-c', '/etc/hostname']);
        await terminal.expect('the rope of alice: ');
        terminal.answer(passwords.alice);
        expect(await terminal.ended()).toMatchObject({ code: 0 });
      });

      test('-S reads the password from standard input', async () => {
        const ran = await world.sudo('alice', ['-S', '-k', 'wc', '-c', '/etc/hostname'], { input: `${passwords.alice}\n` });
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+ \/etc\/hostname\n$/) });
      });

      test('-A asks through a program', async () => {
        await world.writeFile('/opt/belay/askpass', `#!/bin/sh\necho ${passwords.alice}\n`, '0755');
        const ran = await world.runAs('alice', ['sudo', '-A', '-k', 'wc', '-c', '/etc/hostname'], { env: { SUDO_ASKPASS: '/opt/belay/askpass' } });
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^\d+ \/etc\/hostname\n$/) });
      });

      test('-v takes the password ahead, -K forgets it', async () => {
        const script = 'sudo -v; sudo -n wc -c /etc/hostname; sudo -K; sudo -n wc -c /etc/hostname; echo ended $?';
        const terminal = world.terminalAs('alice', ['bash', '-c', script]);
        await terminal.expect('password for alice: ');
        terminal.answer(passwords.alice);
        await terminal.expect(/\d+ \/etc\/hostname/);
        await terminal.expect(/ended 1/);
        await terminal.ended();
      });

      test('one session\'s password is not another\'s', async () => {
        const first = world.terminalAs('alice', ['bash', '-c', 'sudo -v && echo validated && sleep 30']);
        await first.expect('password for alice: ');
        first.answer(passwords.alice);
        await first.expect('validated');
        const second = world.terminalAs('alice', ['sudo', '-n', 'wc', '-c', '/etc/hostname']);
        expect(await second.ended()).toMatchObject({ code: 1 });
        first.process.signal('SIGKILL', { group: true });
        await first.ended();
      });

      test('-b runs it in the background', async () => {
        const ran = await world.sudo('alice', ['-b', 'touch', '/tmp/in-the-background']);
        expect(ran.code).toBe(0);
        await world.waitFor(async () => (await world.run(['stat', '-c', '%U', '/tmp/in-the-background'])).stdout === 'root\n', { what: 'the background command' });
      });
    });

    describe('listing', () => {
      test('-l shows what the engine would allow, and nothing else', async () => {
        const ran = await alice('-l');
        expect(ran.code).toBe(0);
        for (const command of ['/usr/bin/id', '/usr/bin/cat', '/usr/bin/bash', '/usr/bin/wc']) expect(ran.stdout).toContain(command);
        expect(ran.stdout).toMatch(/never: \/usr\/bin\/dmesg/);
        const bobs = await world.sudo('bob', ['-l']);
        expect(bobs.stdout.trim().split('\n').slice(1)).toEqual([expect.stringContaining('never:')]);
      });

      test('-l COMMAND answers by its exit code; denied and absent look alike', async () => {
        expect(await alice('-l', 'id', '-u')).toEqual({ code: 0, stdout: '/usr/bin/id -u' });
        const [denied, absent] = [await alice('-l', 'dmesg'), await alice('-l', 'no-such-command')];
        expect(denied).toEqual({ ...absent, stderr: expect.any(String) });
        expect(denied.code).toBe(1);
      });

      test('listing another user is refused without policy for it', async () => {
        expect((await alice('-l', '-U', 'carol'))).toMatchObject({ code: 1, stdout: '' });
      });
    });

    describe('what is not supported', () => {
      test('-e is refused and points at what exists', async () => {
        const ran = await world.runAs('alice', ['sudo', '-e', '/etc/hostname'], { env: { EDITOR: '/usr/bin/true' } });
        expect(ran.code).toBe(1);
        expect(ran.stderr).toMatch(/sudo -e/);
      });

      test.each([
        ['-R', ['-R', '/srv', 'id']],
        ['-h', ['-h', 'elsewhere', 'id']],
        ['-C', ['-C', '4', 'id']],
        ['-T', ['-T', '5', 'id']],
        ['-r', ['-r', 'staff_r', 'id']],
        ['-t', ['-t', 'staff_t', 'id']],
        ['-P', ['-P', 'id']],
        ['-N', ['-N', 'id']],
      ])('%s is refused by its name', async (name, args) => {
        const ran = await world.sudo('alice', args);
        expect({ code: ran.code, stdout: ran.stdout }).toEqual({ code: 1, stdout: '' });
        expect(ran.stderr).toContain(name);
      });
    });

    test('every one of these is in the central log, and the chain verifies', async () => {
      await world.settled();
      const types = new Set((await world.events(['--limit', '1000'])).map((event) => event['type']));
      expect([...types]).toEqual(expect.arrayContaining(['elevation.intent', 'elevation.outcome', 'elevation.denied', 'elevation.listed', 'reauth.failed']));
    });
  });
});
