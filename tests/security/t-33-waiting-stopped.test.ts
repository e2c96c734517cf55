// T-33. Attacker: alice, who stops or kills a sudo that waits for an approval, to have the yes later or unrecorded; and whatever ends
// belayd meanwhile. Set-up: a rule that needs a colleague's approval.
// Procedure: her signals, Ctrl-Z, root's kill -9 and an end of belayd while it waits, and kills at random moments around the yes: what
// was asked for is cancelled, a yes that comes later is nobody's, no grant is used more often than it may be, and every intent has an
// outcome.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Approver, createApprover } from '../support/approver.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { rounds } from './attacker/attacker.ts';
import { withApproval } from './attacker/work-policies.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = withApproval('alice');

describeRoot('T-33 a waiting sudo that is stopped', () => {
  let world: SecuredWorld;
  let approver: Approver;
  beforeAll(async () => {
    world = await openSecuredWorld(policy, { agentConfig: 'approvals: { askedAtOnce: 10000 }' });
    approver = createApprover(world.fleet);
  });
  afterAll(async () => await world?.close());

  const pidOf = async (command: string): Promise<string> => await world.waitFor(async () => {
    const { stdout } = await world.run(['pgrep', '-o', '-x', '-f', command]);
    return stdout.trim() === '' ? undefined : stdout.trim();
  }, { what: `${command} to run` });
  const isNobodys = async (filed: Awaited<ReturnType<Approver['filed']>>): Promise<void> => {
    await world.eventOf(({ type, fields }) => type === 'request.cancelled' && fields['request'] === filed.request && fields['why'] === 'abandoned');
    const grant = await approver.approve(filed);
    await world.eventOf(({ type, fields }) => type === 'grant.ended' && fields['grant'] === grant.id && fields['why'] === 'given-back');
    expect((await world.events()).filter(({ type, fields }) => type === 'elevation.intent' && fields['grant'] === grant.id)).toEqual([]);
  };

  test('her signals do not reach it, and Ctrl-Z does not keep the yes', async () => {
    const terminal = world.terminalAs('alice', ['bash', '--norc', '-i']);
    terminal.answer('sudo id -u; echo "en""ded $?"');
    const filed = await approver.filed();
    const pid = await pidOf('sudo id -u');
    for (const signal of ['STOP', 'KILL', 'TSTP', 'TERM']) expect(await world.runAs('alice', ['bash', '-c', `kill -${signal} ${pid}`])).toMatchObject({ code: 1, stderr: expect.stringContaining('not permitted') });
    await terminal.expect('Ctrl-C cancels');
    terminal.type('\u001a');
    await terminal.expect('cannot be stopped while it waits');
    await approver.approve(filed);
    expect(await terminal.expect(/ended \d+/)).toBe('ended 0');
    terminal.answer('exit');
    await terminal.ended();
  });

  test('killed: what it asked for is cancelled', async () => {
    const running = world.spawnAs('alice', ['sudo', 'id', '-g']);
    const filed = await approver.filed();
    await world.shell(`kill -KILL ${await pidOf('sudo id -g')}`);
    await running.ended;
    await isNobodys(filed);
  });

  test('stopped by root and left: the yes is good for seconds, and then for nothing', async () => {
    const running = world.spawnAs('alice', ['sudo', 'id', '-G']);
    const filed = await approver.filed();
    const pid = await pidOf('sudo id -G');
    await world.shell(`kill -STOP ${pid}`);
    await approver.approve(filed);
    await new Promise((resolve) => setTimeout(resolve, 5500));
    await world.shell(`kill -CONT ${pid}`);
    expect(await running.ended).toMatchObject({ code: 1 });
    expect(running.output().stdout).toBe('');
    await world.eventOf(({ type, fields }) => type === 'elevation.denied' && fields['request'] === filed.request && fields['why'] === 'expired');
  });

  test('belayd ends: nobody waits any more, and the next one says so', async () => {
    const running = world.spawnAs('alice', ['sudo', 'id', '-un']);
    const filed = await approver.filed();
    await world.belayd.kill();
    expect(await running.ended).toMatchObject({ code: 1 });
    expect(running.output().stderr).toContain('belayd does not answer');
    await world.belayd.start();
    await world.fleet.reconnect();
    await isNobodys(filed);
  });

  test('killed at random moments around the yes: no grant is used more often than it may be, and no intent is left open', async () => {
    for (let round = 0; round < rounds(12, 300); round++) {
      const running = world.spawnAs('alice', ['sudo', 'id', `-${round}`]);
      const filed = await approver.filed();
      const pid = await pidOf(`sudo id -${round}`);
      const killed = world.run(['sh', '-c', `for n in $(seq ${Math.floor(Math.random() * 4000)}); do :; done; kill -KILL ${pid}`]);
      await approver.approve(filed, { uses: 1 });
      await Promise.all([killed, running.ended]);
    }
    const events = await world.waitFor(async () => {
      const all = await world.events();
      const closed = new Set(all.filter(({ type }) => type === 'elevation.outcome').map(({ fields }) => fields['request']));
      return all.filter(({ type }) => type === 'elevation.intent').every(({ fields }) => closed.has(fields['request'])) ? all : undefined;
    }, { what: 'an outcome for every intent' });
    const used = events.filter(({ type }) => type === 'elevation.intent').map(({ fields }) => fields['grant']);
    expect(new Set(used).size).toBe(used.length);
    const held = JSON.parse((await world.belay(['status', '--json'])).stdout) as { readonly grants: readonly unknown[] };
    expect(held.grants).toEqual([]);
  });
});
