// T-06. Attacker: alice, who owns her PATH, her working directory and the links in her home. Set-up: allows for `id` and for bash with
// one exact command line, an allow of anything for bob with a deny for one program.
// Procedure: real sudo by every way of naming a file: `..`, `//`, relative, through her links, through her PATH, under another name.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: paths }
rules:
  - name: id
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    then: allow
  - name: what am I called
    who: ["user:alice"]
    run: [{ command: /usr/bin/bash, args: ["-c", "echo $0"] }]
    then: allow
  - name: anything
    who: ["user:bob"]
    run: any
    then: allow
  - name: but this
    run: [{ command: /usr/local/sbin/forbidden }]
    then: deny
`;

const evil = '#!/bin/sh\necho EVIL as $(/usr/bin/id -u)\n';

describeRoot('T-06 path resolution', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.writeFile('/home/alice/bin/id', evil, '0755');
    await world.shell([
      'cp /usr/bin/id /usr/local/sbin/forbidden',
      'ln /usr/local/sbin/forbidden /usr/local/sbin/harmless',
      'ln -s /usr/local/sbin/forbidden /usr/local/bin/link-to-it',
      'ln -s /usr/local/sbin /opt/tools',
      'chown -R alice:alice /home/alice/bin',
    ].join('\n'));
    await world.runAs('alice', ['sh', '-euc', 'ln -s /usr/bin/id "my id"; ln -s /usr/bin own; ln -s /usr/bin/bash poweroff; ln -s bin/id evil']);
    await world.runAs('bob', ['sh', '-euc', 'ln -s /usr/local/sbin/forbidden other; ln -s other another; ln -s /usr/local/sbin there']);
    // Aliases of a denied file are found by inode once the agent has looked: it does so when the policy loads.
    await world.reloadPolicy();
  });
  afterAll(async () => { await world?.close(); });

  test.each([['id'], ['/usr/bin/id'], ['//usr//bin///id'], ['/usr/bin/../bin/./id'], ['/home/alice/../../usr/bin/id'], ['../../usr/bin/id'], ['./my id'], ['own/id'], ['/proc/self/root/usr/bin/id']])(
    '%s is the file that the rule names, or nothing',
    async (name) => {
      const { code, stdout } = await world.sudo('alice', ['-n', name, '-u']);
      expect(['0\n', '']).toContain(stdout);
      expect(code === 0).toBe(stdout === '0\n');
      if (!name.startsWith('/proc/')) expect({ code, stdout }).toEqual({ code: 0, stdout: '0\n' });
    },
  );

  test('her PATH is not searched', async () => {
    const withPath = (path: string, args: readonly string[], cwd = '/home/alice') => world.runAs('alice', ['env', `PATH=${path}`, '/usr/bin/sudo', '-n', ...args], { cwd });
    const usual = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
    for (const path of [`/home/alice/bin:${usual}`, '/home/alice/bin', `:.:${usual}`, '', '.']) {
      expect({ path, ...(await withPath(path, ['id', '-u'], '/home/alice/bin')) }).toMatchObject({ path, code: 0, stdout: '0\n' });
    }
    await world.runAs('alice', ['cp', '/home/alice/bin/id', '/home/alice/bin/only-hers']);
    expect(await withPath(`/home/alice/bin:${usual}`, ['only-hers'])).toMatchObject({ code: 1, stdout: '' });
    const inPlace = await withPath(`:.:${usual}`, ['only-hers'], '/home/alice/bin');
    expect(inPlace).toMatchObject({ code: 1, stdout: '' });
  });

  test.each([['./id'], ['bin/../bin/id'], ['/home/alice/bin/id'], ['../evil'], ['/usr/bin/../../home/alice/bin/id'], ['/usr/bin/id/'], ['/usr/bin/id/.'], ['/usr/bin/id\n'], ['/USR/BIN/ID']])(
    'her own file under the name %j does not run',
    async (name) => {
      const { code, stdout } = await world.sudo('alice', ['-n', name], { cwd: '/home/alice/bin' });
      expect({ ran: stdout, ok: code === 0 }).toEqual({ ran: '', ok: false });
    },
  );

  test('a program is called what the rule calls it, whatever the link is called', async () => {
    const script = 'echo $0';
    expect(await world.sudo('alice', ['-n', '/usr/bin/bash', '-c', script])).toMatchObject({ code: 0, stdout: '/usr/bin/bash\n' });
    expect(await world.sudo('alice', ['-n', './poweroff', '-c', script])).toMatchObject({ code: 0, stdout: '/usr/bin/bash\n' });
    expect(await world.runAs('bob', ['bash', '-c', `exec -a poweroff sudo -n /usr/bin/bash -c '${script}'`])).toMatchObject({ stdout: '/usr/bin/bash\n' });
  });

  test.each([
    ['/usr/local/sbin/forbidden'], ['forbidden'], ['link-to-it'], ['/opt/tools/forbidden'], ['/opt/tools/../../usr/local/sbin/forbidden'], ['./other'], ['./another'],
    ['there/forbidden'], ['/usr/local/sbin/harmless'], ['harmless'], ['/usr//local/sbin/./forbidden'],
  ])('what is denied is denied as %s too', async (name) => {
    expect(await world.sudo('bob', ['-n', '/usr/bin/id', '-u'])).toMatchObject({ code: 0 });
    expect(await world.sudo('bob', ['-n', name])).toMatchObject({ code: 1, stdout: '' });
  });

  test('a copy of it is another file, and stays so: the limit of naming a program by its path', async () => {
    await world.shell('cp /usr/local/sbin/forbidden /usr/local/sbin/copy');
    expect(await world.sudo('bob', ['-n', 'copy', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
  });
});
