// T-35. Attacker: alice and what she can send, set or call from below; and a careless administrator who starts belayd wrongly. Set-up: an
// enrolled belayd. Procedure: signals to it (from her, and SIGUSR1 from root), starts without the protecting flag or with variables
// that drive Node; then its sockets, children, environment and files are looked at from outside.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { commandOf } from '../support/world/programs.ts';
import { worldNode } from '../support/world/place.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: below }
rules:
  - name: id
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    then: allow
`;

describeRoot('T-35 the daemon itself', () => {
  let world: SecuredWorld;
  let pid: number;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    pid = await world.belayd.pid();
  });
  afterAll(async () => { await world?.close(); });

  async function aliceIsServed(): Promise<void> {
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
  }

  /** Sockets of belayd that are not Unix sockets, as lines of /proc/net. */
  async function networkSockets(): Promise<readonly string[]> {
    const links = await world.shell(`ls -l /proc/${pid}/fd | sed -n 's/.*socket:\\[\\([0-9]*\\)\\].*/\\1/p'`);
    const inodes = links.trim().split('\n').filter(Boolean);
    expect(inodes.length).toBeGreaterThan(0);
    const lines = (await world.shell(`cd /proc/${pid}/net; cat tcp tcp6 udp udp6 raw raw6 packet netlink 2>/dev/null`)).split('\n');
    return lines.filter((line) => line.trim().split(/\s+/).some((word) => inodes.includes(word)));
  }

  test('it has no network socket, before and after SIGUSR1', async () => {
    expect(await networkSockets()).toEqual([]);
    for (let round = 0; round < 3; round += 1) world.belayd.signal('SIGUSR1');
    await aliceIsServed();
    expect(await networkSockets()).toEqual([]);
    expect((await world.run(['bash', '-c', ': </dev/tcp/127.0.0.1/9229'])).code).not.toBe(0);
    expect(await world.belayd.pid()).toBe(pid);
    expect(await world.belayd.log()).not.toMatch(/Debugger listening/);
    // The attack works on a Node that is not protected.
    const unprotected = world.spawn([worldNode, '-e', 'setInterval(() => {}, 1000); console.log("up")']);
    await world.waitFor(() => unprotected.output().stdout.includes('up'), { what: 'an unprotected Node' });
    unprotected.signal('SIGUSR1');
    await world.waitFor(() => unprotected.output().stderr.includes('Debugger listening'), { what: 'its debugger' });
    unprotected.signal('SIGKILL');
    await unprotected.ended;
  });

  test('she can neither signal, trace nor read it', async () => {
    for (const signal of ['USR1', 'STOP', 'KILL', 'HUP', 'TERM']) {
      expect((await world.runAs('alice', ['bash', '-c', `kill -${signal} ${pid}`])).stderr).toContain('Operation not permitted');
    }
    for (const file of [`/proc/${pid}/environ`, `/proc/${pid}/mem`, `/proc/${pid}/maps`, `/proc/${pid}/fd/0`]) {
      expect({ file, code: (await world.runAs('alice', ['cat', file])).code }).toEqual({ file, code: 1 });
    }
    for (const user of ['alice', 'belay']) {
      expect((await world.runAs(user, ['ls', '/var/lib/belay'])).code).not.toBe(0);
      expect((await world.runAs(user, ['sh', '-c', 'rm -f /run/belay/belayd.sock; touch /run/belay/x; mv /run/belay/uplink.sock /tmp/'])).code).not.toBe(0);
    }
    expect((await world.shell('stat -c "%U %a" /run/belay /run/belay/belayd.sock /run/belay/uplink.sock /var/lib/belay; find /var/lib/belay -perm /077 -print')).trim().split('\n')).toEqual([
      'root 755', 'root 666', 'root 660', 'root 700',
    ]);
    await aliceIsServed();
  });

  test('it starts no child, whatever it is asked', async () => {
    await aliceIsServed();
    expect(await world.readFile(`/proc/${pid}/task/${pid}/children`)).toBe('');
    const children = await world.shell(`cat /proc/${pid}/task/*/children`);
    expect(children).toBe('');
  });

  test.each([
    ['without --disable-sigusr1', [], {}, 'started with "node --disable-sigusr1"'],
    ['with --inspect', ['--disable-sigusr1', '--inspect=127.0.0.1:0'], {}, 'must not be started with --inspect'],
    ['with NODE_OPTIONS', ['--disable-sigusr1'], { NODE_OPTIONS: '--max-old-space-size=100' }, 'NODE_OPTIONS in its environment'],
    ['with NODE_EXTRA_CA_CERTS', ['--disable-sigusr1'], { NODE_EXTRA_CA_CERTS: '/nowhere' }, 'NODE_EXTRA_CA_CERTS in its environment'],
    ['with LD_LIBRARY_PATH', ['--disable-sigusr1'], { LD_LIBRARY_PATH: '/nowhere' }, 'LD_LIBRARY_PATH in its environment'],
    ['as another user than root', ['--disable-sigusr1'], { BELAY_TEST_USER: 'alice' }, 'belayd must run as root'],
  ] as const)('started %s it refuses and says why', async (_name, flags, env, reason) => {
    const file = commandOf('belayd').at(-1) as string;
    const user = 'BELAY_TEST_USER' in env ? 'alice' : 'root';
    const ran = await world.runAs(user, [worldNode, ...flags, file], { env });
    expect(ran.code).not.toBe(0);
    expect(ran.stderr).toContain(reason);
    await aliceIsServed();
  });

  test('a second belayd does not take the place of the first', async () => {
    const second = await world.run(commandOf('belayd'));
    expect(second.code).not.toBe(0);
    expect(second.stderr).not.toBe('');
    await aliceIsServed();
  });
});
