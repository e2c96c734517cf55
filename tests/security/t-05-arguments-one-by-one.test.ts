// T-05. Attacker: alice, whose rule has a wildcard for one argument (sudoers' `cat /var/log/app*`), and who wants a second file, another
// folder or a joined argument through it. Set-up: that rule, logs that match it, a secret beside them.
// Procedure: real sudo with one argument more, fewer, joined, split, climbing; what was printed and what was logged is compared.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: logs }
rules:
  - name: read the application's logs
    who: ["user:alice"]
    run:
      - { command: /usr/bin/cat, args: ["/var/log/app*"] }
      - { command: /usr/bin/cat, args: ["-n", "/var/log/app*"] }
    then: allow
  - name: restart
    who: ["user:alice"]
    run: [{ command: /usr/bin/printf, args: ["%s", "*", "restart"] }]
    then: allow
`;

describeRoot('T-05 arguments one by one', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.shell('mkdir -p /var/log/app /var/log/secret; echo one >/var/log/app1; echo two >/var/log/app2; echo SECRET >/var/log/secret/key; echo SECRET >"/var/log/app/key"; chmod 600 /var/log/secret/key');
  });
  afterAll(async () => { await world?.close(); });

  test('what the rule names can be read', async () => {
    expect(await world.sudo('alice', ['-n', 'cat', '/var/log/app1'])).toMatchObject({ code: 0, stdout: 'one\n' });
    expect(await world.sudo('alice', ['-n', 'cat', '-n', '/var/log/app2'])).toMatchObject({ code: 0, stdout: '     1\ttwo\n' });
    expect(await world.sudo('alice', ['-n', 'printf', '%s', 'any thing', 'restart'])).toMatchObject({ code: 0 });
  });

  test.each([
    [['cat', '/var/log/app1', '/etc/shadow']],
    [['cat', '/var/log/app1', '/var/log/app2']],
    [['cat', '/etc/shadow', '/var/log/app1']],
    [['cat', '--', '/var/log/app1']],
    [['cat', '-n', '-n', '/var/log/app1']],
    [['cat', '-n']],
    [['cat']],
    [['cat', '']],
    [['cat', '/var/log/app1', '']],
    [['cat', '', '/var/log/app1']],
    [['cat', '-n /var/log/app1']],
    [['cat', '/var/log/app/key']],
    [['cat', '/var/log/app1/../secret/key']],
    [['cat', '/var/log/app/../secret/key']],
    [['cat', '/var/log/app/../../../etc/shadow']],
    [['cat', '/var/log/../log/app1']],
    [['cat', '/var/log//app1']],
    [['cat', './app1']],
    [['cat', '/VAR/log/app1']],
    [['cat', '/var/log/app1\n/etc/shadow', 'x']],
    [['printf', '%s', 'a', 'b', 'restart']],
    [['printf', '%s', 'a restart']],
    [['printf', '%s', 'a', 'restart', 'more']],
    [['printf', '%s', 'restart']],
  ])('%j is refused and nothing of it runs', async (command) => {
    expect(await world.sudo('alice', ['-n', ...command])).toMatchObject({ code: 1, stdout: '' });
  });

  test('one argument that holds two names is one file that does not exist', async () => {
    for (const joined of ['/var/log/app1 /etc/shadow', '/var/log/app1\n/etc/shadow']) {
      const { stdout, code } = await world.sudo('alice', ['-n', 'cat', joined]);
      expect({ joined, stdout, code }).toEqual({ joined, stdout: '', code: 1 });
    }
  });

  test('a shell that expands the pattern to two files asks for two files', async () => {
    const { code, stdout } = await world.runAs('alice', ['sh', '-c', 'sudo -n cat /var/log/app?']);
    expect({ code, stdout }).toEqual({ code: 1, stdout: '' });
  });

  test('only what was allowed has an intent on record', async () => {
    const intents = (await world.events()).filter((event) => event.type === 'elevation.intent');
    const texts = intents.map((event) => (event.fields['argv'] as Uint8Array[]).map((bytes) => Buffer.from(bytes).toString()).join('|'));
    expect(texts.filter((text) => /shadow|secret|key/.test(text) && !/app1[ \n]/.test(text))).toEqual([]);
    expect(texts).toContain('/var/log/app1');
  });
});
