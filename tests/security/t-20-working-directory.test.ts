// T-20. Attacker: whoever writes the folder that somebody elevates in: .vimrc, Makefile, pip.conf and their like lie in wait there.
// Set-up: such a folder of bob's, on a file system that keeps the time of every reading; a rule that says where its command runs, and
// one that asks where it was typed. belayd is started in the folder's neighbourhood and knows nothing of it.
// Procedure: alice elevates from within it. What the rule runs must not see the folder; where a rule asks for the folder it must not
// match; and neither sudo's plugin nor belayd may have read anything in it.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: folders }
rules:
  - name: makes only its own
    who: ["user:alice"]
    run: [{ command: /usr/local/bin/build, args: [] }]
    then: allow
    limits: { cwd: /srv/build }
  - name: only where IT says
    who: ["user:alice"]
    run: [{ command: /usr/bin/true, args: [] }]
    cwd: [/srv/build, /srv/build/**]
    then: allow
  - name: anywhere
    who: ["user:alice"]
    run: [{ command: /usr/bin/sleep, args: ["0"] }]
    then: allow
`;

const trap = '/srv/trap';
const lures = ['.vimrc', 'Makefile', 'pip.conf', 'package.json', 'tsconfig.json', '.npmrc', '.node_repl_history', '.env', 'sudo.conf', 'agent.yaml', 'ld.so.preload', 'sitecustomize.py', '.gdbinit', 'node_modules/koffi/index.js', 'belay_sudo.so'];

describeRoot('T-20 a working directory of somebody else\'s', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.writeFile('/usr/local/bin/build', '#!/bin/sh\npwd\ncat ./recipe\n', '0755');
    await world.shell(`
      mkdir -p /srv/build/below ${trap}
      echo good >/srv/build/recipe
      mount -t tmpfs -o strictatime,mode=0777 lures ${trap}
      cd ${trap}; mkdir -p node_modules/koffi
      for lure in ${lures.join(' ')} recipe; do echo evil >$lure; done
      chown -R bob ${trap}`);
  });
  afterAll(async () => { await world?.close(); });

  const readings = async (): Promise<string> => await world.shell(`cd ${trap}; stat -c '%n %x' . ${lures.join(' ')} recipe node_modules node_modules/koffi`);

  test('a rule that says where its command runs runs it there, and what lies in the caller\'s folder is nothing to it', async () => {
    expect(await world.sudo('alice', ['-n', 'build'], { cwd: trap })).toMatchObject({ code: 0, stdout: '/srv/build\ngood\n' });
    expect(await world.sudo('alice', ['-n', '-D', trap, 'build'])).toMatchObject({ code: 1, stdout: '' });
  });

  test('the rule\'s folder must be root\'s: one that bob may write, or a link of his to it, is refused', async () => {
    for (const weaken of ['chown bob /srv/build', 'chown root /srv/build; chmod 0777 /srv/build', 'chmod 0755 /srv/build; chown bob /srv', 'chown root /srv; mv /srv/build /srv/real; ln -s /srv/trap /srv/build']) {
      await world.shell(weaken);
      const ran = await world.sudo('alice', ['-n', 'build'], { cwd: '/' });
      expect({ weaken, code: ran.code, stdout: ran.stdout }).toEqual({ weaken, code: 1, stdout: '' });
    }
    await world.shell('rm /srv/build; mv /srv/real /srv/build');
    expect(await world.sudo('alice', ['-n', 'build'], { cwd: '/' })).toMatchObject({ code: 0 });
  });

  test('a rule that asks for a folder holds there, and not in one that only sounds like it', async () => {
    await world.shell('mkdir -p /srv/buildx /home/alice/srv/build && chown -R alice /home/alice/srv; ln -sfn /srv/build /home/alice/link');
    for (const [cwd, code] of [['/srv/build', 0], ['/srv/build/below', 0], ['/home/alice/link', 0], ['/srv', 1], ['/srv/buildx', 1], ['/home/alice/srv/build', 1], [trap, 1]] as const) {
      expect({ cwd, code: (await world.sudo('alice', ['-n', 'true'], { cwd, env: { PWD: '/srv/build' } })).code }).toEqual({ cwd, code });
    }
  });

  test('neither sudo nor belayd reads anything in it', async () => {
    const before = await readings();
    for (const args of [['sleep', '0'], ['true'], ['-l'], ['-l', 'sleep', '0'], ['dmesg'], ['./Makefile'], ['build']]) await world.sudo('alice', ['-n', ...args], { cwd: trap });
    expect(await readings()).toBe(before);
    // The file system does tell: one reading is seen.
    await world.shell(`cat ${trap}/Makefile`);
    expect(await readings()).not.toBe(before);
  });
});
