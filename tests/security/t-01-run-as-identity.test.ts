// T-01. Attacker: alice, whom policy lets run one command as anybody but root (the sudoers line of CVE-2019-14287).
// Set-up: an allow for `id` as any user, a deny for root, and a second command that she may run as bob only.
// Procedure: real sudo with every spelling of an identity that some parser somewhere has taken for 0, for -1 or for root.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: identities }
rules:
  - name: id as anybody
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    as: { users: any, groups: any }
    then: allow
  - name: but not as root
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    as: { users: [root], groups: any }
    then: deny
  - name: whoami as bob
    who: ["user:alice"]
    run: [{ command: /usr/bin/whoami }]
    as: { users: [bob] }
    then: allow
`;

const identities = [
  '-1', '#-1', '#4294967295', '4294967295', '#4294967296', '#18446744073709551616', '#18446744073709551615', '', '#', ' ', '0x0', '#0x0', '0', '#0', '#00',
  '#+0', '# 0', '#0 ', '#-0', '#0\n', 'root', 'root ', ' root', 'ROOT', 'root\n', 'root\t', 'r\u043e\u043et', '\uff52oot', 'root\u200b', './root', 'root/', 'bob,root', 'bob:root',
  '#1e0', '#0.0', '#٠', '%root', '+root', '!bob', '*', 'any', 'ALL', 'nobody-of-this-name',
];

describeRoot('T-01 run-as identity', () => {
  let world: SecuredWorld;
  beforeAll(async () => { world = await openSecuredWorld(policy); });
  afterAll(async () => { await world?.close(); });

  test('whom the rule names is whom it runs as, by name and by number', async () => {
    expect(await world.sudo('alice', ['-u', 'bob', 'id', '-u'])).toMatchObject({ code: 0, stdout: '20002\n' });
    expect(await world.sudo('alice', ['-u', '#20002', 'id', '-u'])).toMatchObject({ code: 0, stdout: '20002\n' });
    expect(await world.sudo('alice', ['-u', 'bob', 'whoami'])).toMatchObject({ code: 0, stdout: 'bob\n' });
  });

  test('no spelling of a user becomes root, nor runs anything at all', async () => {
    const ran: unknown[] = [];
    for (const user of identities) {
      const { code, stdout } = await world.sudo('alice', ['-n', '-u', user, 'id']);
      if (code === 0 || stdout !== '') ran.push({ user, code, stdout });
    }
    expect(ran).toEqual([]);
  });

  test('no spelling of another user gets a command that is hers as bob only', async () => {
    const ran: unknown[] = [];
    for (const user of [...identities, 'carol', '#20003', 'alice']) {
      const { code, stdout } = await world.sudo('alice', ['-n', '-u', user, 'whoami']);
      if (code === 0 || stdout !== '') ran.push({ user, code, stdout });
    }
    expect(ran).toEqual([]);
  });

  test('no spelling of a group becomes group 0', async () => {
    const ran: unknown[] = [];
    for (const group of identities.filter((name) => !['0', '#0', '#00', 'root'].includes(name))) {
      const { code, stdout } = await world.sudo('alice', ['-n', '-u', 'bob', '-g', group, 'id', '-g']);
      if (code === 0 || stdout !== '') ran.push({ group, code, stdout });
    }
    expect(ran).toEqual([]);
    for (const group of ['0', '#0', '#00', 'root', '#-1', '']) {
      const { code, stdout } = await world.sudo('alice', ['-n', '-u', 'bob', '-g', group, 'whoami']);
      expect({ group, ran: code === 0 || stdout !== '' }).toEqual({ group, ran: false });
    }
  });

  test('what was refused is on record as refused, and nothing ran as uid 0', async () => {
    const events = await world.events();
    expect(events.filter((event) => event.type === 'elevation.intent').map((event) => event.fields['runAsUid'])).toEqual([20002, 20002, 20002]);
    expect(events.filter((event) => event.type === 'elevation.denied').length).toBeGreaterThan(identities.length);
  });
});
