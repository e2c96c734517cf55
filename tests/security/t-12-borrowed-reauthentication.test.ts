// T-12. Attacker: a program of alice's, or another user, that wants to use the password alice gave a moment ago. Set-up: a rule that
// demands a password no older than five minutes; alice gives hers in one terminal, which stays open.
// Procedure: the same command from that terminal (control), from another terminal, from a new session without a terminal, from a new
// session on the same terminal, as bob, and after the password was forgotten.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { passwords } from '../support/world/people.ts';
import type { Terminal } from '../support/world/terminal.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: counting }
rules:
  - name: words, with a password
    who: ["user:alice", "user:bob"]
    run: [{ command: /usr/bin/wc, args: ["**"] }]
    then: ask
    require: { reauth: 5m }
`;

const counted = /\d+ \/etc\/hostname/;
const quietly = ['-n', 'wc', '-c', '/etc/hostname'];

describeRoot('T-12 a password given elsewhere', () => {
  let world: SecuredWorld;
  let alices: Terminal;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    alices = world.terminalAs('alice', ['bash', '--norc', '-i']);
    alices.answer('sudo wc -c /etc/hostname');
    await alices.expect('password for alice: ');
    alices.answer(passwords.alice);
    await alices.expect(counted);
  });
  afterAll(async () => {
    alices?.answer('exit');
    await world?.close();
  });

  test('it is good in the login session that gave it', async () => {
    alices.answer(`sudo ${quietly.join(' ')}`);
    await alices.expect(counted);
  });

  test('another terminal of the same user must ask again', async () => {
    const other = world.terminalAs('alice', ['sudo', ...quietly]);
    expect(await other.ended()).toMatchObject({ code: 1 });
    expect(other.shown()).not.toMatch(counted);
  });

  test('a session without a terminal must ask again', async () => {
    expect(await world.sudo('alice', quietly)).toMatchObject({ code: 1, stdout: '' });
  });

  test('a new session started from that very terminal must ask again', async () => {
    alices.answer(`setsid --wait sudo ${quietly.join(' ')}; echo "set""sid $?"`);
    expect(await alices.expect(/setsid \d+/)).toBe('setsid 1');
  });

  test('another user gains nothing', async () => {
    expect(await world.sudo('bob', quietly)).toMatchObject({ code: 1, stdout: '' });
  });

  test('another user cannot forget it either, its owner can', async () => {
    await world.sudo('bob', ['-K']);
    alices.answer(`sudo ${quietly.join(' ')}`);
    await alices.expect(counted);
    await world.sudo('alice', ['-K']);
    alices.answer(`sudo ${quietly.join(' ')}; echo "for""gotten $?"`);
    expect(await alices.expect(/forgotten \d+/)).toBe('forgotten 1');
  });
});
