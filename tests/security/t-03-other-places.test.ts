// T-03. Attacker: alice, who asks for her command on another host, in another root directory, as listed for another user, or from a
// namespace of her own (CVE-2025-32462, CVE-2025-32463). Set-up: an allow for `id`; a root directory of hers whose nsswitch.conf is a
// named pipe, so that whoever opened it would be held there for all to see.
// Procedure: real sudo with each such option, sudo and plain frames from inside namespaces; then look for what was read and what ran.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { converse, startAttacker, userSocket } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: elsewhere }
rules:
  - name: id
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    then: allow
`;

describeRoot('T-03 other hosts, roots, users and namespaces', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.runAs('alice', ['sh', '-euc', 'mkdir -p jail/etc jail/lib jail/usr/bin; mkfifo jail/etc/nsswitch.conf jail/etc/passwd; cp /usr/bin/id jail/usr/bin/id']);
  });
  afterAll(async () => { await world?.close(); });

  test('each option that names another place is refused by name', async () => {
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    const options: readonly (readonly string[])[] = [
      ['-R', '/home/alice/jail'], ['--chroot=/home/alice/jail'], ['-h', 'elsewhere'], ['--host=elsewhere'], ['-h', '127.0.0.1'], ['-C', '100'],
      ['-T', '10'], ['-r', 'unconfined_r'], ['-t', 'unconfined_t'],
    ];
    for (const option of options) {
      const { code, stdout, stderr } = await world.sudo('alice', ['-n', ...option, 'id']);
      expect({ option, code, stdout }).toEqual({ option, code: 1, stdout: '' });
      expect(stderr).toMatch(/sudo: .*\S/);
    }
  });

  test('nobody opens what lies in the directory that she names as the root', async () => {
    const sudo = world.spawnAs('alice', ['sudo', '-n', '-R', '/home/alice/jail', 'id']);
    const { code } = await sudo.ended;
    expect({ code, stdout: sudo.output().stdout }).toEqual({ code: 1, stdout: '' });
    // A pipe that somebody reads can be opened for writing without waiting; one that nobody reads answers ENXIO.
    for (const name of ['nsswitch.conf', 'passwd']) {
      const tried = await world.runAs('alice', ['sh', '-c', `timeout 1 dd if=/dev/null of=jail/etc/${name} oflag=nonblock conv=notrunc`]);
      expect(tried.stderr).toContain('No such device or address');
    }
  });

  test('listing what another user may do says no more than that it may not', async () => {
    const bob = await world.sudo('alice', ['-n', '-l', '-U', 'bob']);
    const nobody = await world.sudo('alice', ['-n', '-l', '-U', 'no-such-user']);
    expect([bob.code, nobody.code]).toEqual([1, 1]);
    expect(`${bob.stdout}${bob.stderr}`).not.toContain('/usr/bin/id');
  });

  test('in a user namespace, where she is called root, she is still who she was', async () => {
    const inside = await world.runAs('alice', ['unshare', '-r', '-m', 'sudo', '-n', 'id', '-u']);
    expect(inside.code).not.toBe(0);
    expect(inside.stdout).toBe('');
    const attacker = await startAttacker(world, ['setpriv', '--reuid=alice', '--regid=alice', '--init-groups', 'unshare', '-r', '-m', '--']);
    const talk = await converse(attacker, userSocket);
    expect(await talk.next()).toMatchObject({ case: 'hello', value: { realUid: 20001 } });
    talk.say({ case: 'sudoCheck', value: { mode: 1, argv: [Buffer.from('id')], typedPath: Buffer.from('/usr/bin/id'), executableOpen: true, executableFd: await attacker.openFile('/usr/bin/id') } });
    expect((await talk.next())?.case ?? 'closed').toMatch(/^(refusal|closed)$/);
    await attacker.kill();
  });

  test('in another mount namespace, where the rule\'s path is another file, nothing runs but the rule\'s', async () => {
    await world.writeFile('/opt/evil', '#!/bin/sh\necho EVIL $(id -u)\n', '0755');
    await world.shell('cp -a /opt/evil /home/alice/evil && chown alice /home/alice/evil');
    for (const file of ['/opt/evil', '/home/alice/evil', '/usr/bin/whoami']) {
      const { code, stdout } = await world.run(['unshare', '-m', 'sh', '-euc', `mount --bind ${file} /usr/bin/id; exec setpriv --reuid=alice --regid=alice --init-groups -- sudo -n id`]);
      expect({ file, code, stdout }).toEqual({ file, code: 1, stdout: '' });
    }
    const same = await world.run(['unshare', '-m', 'setpriv', '--reuid=alice', '--regid=alice', '--init-groups', '--', 'sudo', '-n', 'id', '-u']);
    expect(same).toMatchObject({ code: 0, stdout: '0\n' });
  });
});
