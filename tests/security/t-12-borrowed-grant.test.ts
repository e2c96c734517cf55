// T-12. Attacker: a program of alice's, or another user, that wants the yes somebody else waits for or holds. Set-up: a rule that needs a
// colleague's approval; alice waits for one at one terminal, and holds one that she asked for ahead.
// Procedure: the same command from another terminal, from the same one afterwards, as bob, and by grants that name another session or
// user than the one that asked: only whoever waits, and only whoever asked, gets through.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Approver, createApprover } from '../support/approver.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { withApproval } from './attacker/work-policies.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = withApproval('alice', 'bob');

describeRoot('T-12 a grant that is somebody else\'s', () => {
  let world: SecuredWorld;
  let approver: Approver;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    approver = createApprover(world.fleet);
  });
  afterAll(async () => await world?.close());

  const waitingAs = (user: string, ...args: readonly string[]) => world.spawnAs(user, ['setsid', '--wait', 'sudo', 'id', ...args]);

  test('two wait for the same: the one that was approved goes on, the other waits', async () => {
    const first = waitingAs('alice', '-u');
    const one = await approver.filed();
    const second = waitingAs('alice', '-u');
    const two = await approver.filed();
    expect(Buffer.from(one.digest).equals(two.digest)).toBe(true);
    expect(Buffer.from(one.session as Uint8Array).equals(two.session as Uint8Array)).toBe(false);
    await approver.approve(two);
    expect(await second.ended).toMatchObject({ code: 0 });
    expect(first.hasEnded()).toBe(false);
    await approver.deny(one, 'no');
    expect(await first.ended).toMatchObject({ code: 1 });
  });

  test('a yes that names another session, or another user, is none', async () => {
    const running = waitingAs('alice', '-g');
    const filed = await approver.filed();
    await approver.list([approver.sealGrant(approver.grantFor(filed, { session: new Uint8Array(32).fill(1) })), approver.sealGrant(approver.grantFor(filed, { uid: 20002 }))]);
    await approver.answer(filed, { approvers: 'Bo' });
    await world.waitFor(() => running.output().stderr.includes('who can approve'), { what: 'the grants to have been looked at' });
    expect(running.hasEnded()).toBe(false);
    await approver.deny(filed, 'no');
    expect(await running.ended).toMatchObject({ code: 1 });
    expect(running.output().stdout).toBe('');
  });

  test('what somebody waited for is for that one run, whatever budget it has', async () => {
    const terminal = world.terminalAs('alice', ['bash', '--norc', '-i']);
    terminal.answer('sudo id -un; echo "en""ded $?"');
    const grant = await approver.approve(await approver.filed(), { uses: 3 });
    expect(await terminal.expect(/ended \d+/)).toBe('ended 0');
    terminal.answer('sudo -n id -un; echo "again $?"');
    expect(await terminal.expect(/again \d+/)).toBe('again 1');
    expect(await world.sudo('alice', ['-n', 'id', '-un'])).toMatchObject({ code: 1 });
    terminal.answer('exit');
    await terminal.ended();
    expect((await world.events()).filter(({ type, fields }) => type === 'elevation.intent' && fields['grant'] === grant.id)).toHaveLength(1);
  });

  test('what alice asked for ahead is not bob\'s', async () => {
    await world.runAs('alice', ['belay', 'request', '--uses', '5', '--', 'id', '-Gn'], { cwd: '/' });
    const grant = await approver.approve(await approver.filed(), { uses: 5 });
    expect(await world.sudo('bob', ['-n', 'id', '-Gn'], { cwd: '/' })).toMatchObject({ code: 1 });
    expect(await world.runAs('bob', ['belay', 'end', grant.id])).toMatchObject({ code: 9 });
    expect(await world.sudo('alice', ['-n', 'id', '-Gn'], { cwd: '/' })).toMatchObject({ code: 0 });
  });
});
