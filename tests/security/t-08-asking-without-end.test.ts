// T-08. Attacker: alice, who asks for approval and takes it back, over and over, to weary whoever answers and to fill the log.
// Set-up: a rule that needs a colleague's approval; a device where one person may ask three times at once.
// Procedure: ask and cancel, by `belay request` and by a sudo that waits: the fourth is refused with a sentence and files nothing. Others ask
// on, and so may she when the machine's owner says so.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createApprover } from '../support/approver.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: work }
rules:
  - name: with a yes
    who: ["user:alice", "user:bob"]
    run: [{ command: /usr/bin/id, args: ["**"] }]
    then: ask
    require: { approval: { from: ["role:approver"], count: 1, within: 30m } }
`;
const settings = (atOnce: number): string => `approvals: { askedAtOnce: ${atOnce}, askedPerHour: 1 }\n`;

describeRoot('T-08 asking without end', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy, { agentConfig: settings(3) });
  });
  afterAll(async () => await world?.close());

  test('she is made to wait, whichever way she asks, and nothing of it is filed; others are not', async () => {
    const approver = createApprover(world.fleet);
    for (const argument of ['-u', '-g', '-G']) {
      expect(await world.runAs('alice', ['belay', 'request', '--', 'id', argument])).toMatchObject({ code: 0 });
      const { request } = await approver.filed();
      expect(await world.runAs('alice', ['belay', 'request', '--cancel', `${request}`])).toMatchObject({ code: 0 });
    }
    const filed = async (): Promise<number> => (await world.events()).filter(({ type }) => type === 'request.filed').length;
    expect(await world.runAs('alice', ['belay', 'request', '--', 'id', '-n'])).toMatchObject({ code: 1, stderr: expect.stringContaining('as often as one may (3 times at once). Ask again in') });
    expect(await world.sudo('alice', ['id', '-n'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('as often as one may') });
    expect(await filed()).toBe(3);
    expect(await world.runAs('bob', ['belay', 'request', '--', 'id', '-u'])).toMatchObject({ code: 0 });
    await approver.filed();
    await world.writeFile('/etc/belay/agent.yaml', settings(9));
    await world.waitFor(async () => (await world.runAs('alice', ['belay', 'request', '--', 'id', '-n'])).code === 0, { what: 'the new settings to hold' });
  });
});
