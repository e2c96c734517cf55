// T-18. Attacker: alice, who has asked for one thing and, once it is approved, wants another; and time, which changes what was approved.
// Set-up: a rule that needs a colleague's approval, for a program and a folder that change while she waits.
// Procedure: wait, change one thing, have it approved: nothing runs, and the approval is over. Ask ahead, change one thing, run: it does
// not hold. Grants of another device, of an approval that is no longer what is demanded, and ones that come too late: none holds.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { approvalText } from '@belay/core/grants';
import { type Approver, createApprover } from '../support/approver.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policyOf = (count: number, more = ''): string => `
apiVersion: belay/v1
kind: Policy
metadata: { name: work }
rules:
  - name: with a yes
    who: ["user:alice"]
    run:
      - { command: /opt/tool, args: ["**"] }
      - { command: /usr/bin/id, args: ["**"] }
    as: { users: [root, bob] }
    then: ask
    require: { approval: { from: ["role:approver"], count: ${count}, within: 30m } }
${more}`;
const forbidden = '  - name: never\n    run: [{ command: /opt/tool, args: [forbidden] }]\n    then: deny\n';

describeRoot('T-18 what a grant binds to', () => {
  let world: SecuredWorld;
  let approver: Approver;
  beforeAll(async () => {
    world = await openSecuredWorld(policyOf(1));
    await world.shell('install -m 0755 /usr/bin/id /opt/tool; install -d -o alice -g alice /home/alice/work');
    approver = createApprover(world.fleet);
  });
  afterAll(async () => await world?.close());

  describe('while it is waited for', () => {
    test.each<[string, string, () => Promise<unknown>, () => Promise<unknown>]>([
      ['the file is overwritten', 'file', async () => await world.shell('cp /usr/bin/whoami /opt/tool.new; mv /opt/tool.new /opt/tool'), async () => await world.shell('install -m 0755 /usr/bin/id /opt/tool')],
      ['the file is given to her', 'owner', async () => await world.shell('chown alice /opt/tool'), async () => await world.shell('chown root /opt/tool')],
      ['her folder is another', 'folder', async () => await world.shell('mv /home/alice/work /home/alice/moved'), async () => await world.shell('mv /home/alice/moved /home/alice/work')],
      ['a deny has come', 'forbidden', async () => await world.fleet.publish({ 'p.yaml': policyOf(1, forbidden) }), async () => await world.fleet.publish({ 'p.yaml': policyOf(1) })],
      ['two have to approve it now', 'two', async () => await world.fleet.publish({ 'p.yaml': policyOf(2) }), async () => await world.fleet.publish({ 'p.yaml': policyOf(1) })],
    ])('%s: nothing runs, and the yes is over', async (_, argument, change, undo) => {
      const running = world.spawnAs('alice', ['sudo', '/opt/tool', argument], { cwd: '/home/alice/work' });
      const filed = await approver.filed();
      await change();
      const grant = await approver.approve(filed);
      expect(await running.ended).toMatchObject({ code: 1 });
      expect(running.output()).toMatchObject({ stdout: '', stderr: expect.stringContaining('it was approved, but') });
      await undo();
      await world.eventOf(({ type, fields }) => type === 'grant.ended' && fields['grant'] === grant.id && fields['why'] === 'given-back');
      expect((await world.events()).filter(({ type, fields }) => type === 'elevation.intent' && fields['request'] === filed.request)).toEqual([]);
    });
  });

  describe('asked for ahead', () => {
    const cwd = '/home/alice/work';
    const asks = async (...words: readonly string[]) => {
      expect(await world.runAs('alice', ['belay', 'request', '--uses', '9', '--', ...words], { cwd })).toMatchObject({ code: 0 });
      return await approver.filed();
    };

    test('other arguments, directory, environment, account or file: it does not hold', async () => {
      await approver.approve(await asks('/opt/tool', '-u'), { uses: 9 });
      const runs = async (args: readonly string[], options: { readonly cwd?: string; readonly env?: Record<string, string> } = {}) => (await world.sudo('alice', ['-n', ...args], { cwd, ...options })).code;
      expect([
        await runs(['/opt/tool', '-u']), await runs(['/opt/tool', '-g']), await runs(['/opt/tool', '-u', '']), await runs(['/opt/tool', '-u'], { cwd: '/tmp' }), await runs(['/opt/tool', '-u'], { env: { LANG: 'C' } }), await runs(['-u', 'bob', '/opt/tool', '-u']),
      ]).toEqual([0, 1, 1, 1, 1, 1]);
      await world.shell('install -m 0755 /usr/bin/id /opt/other; mv /opt/other /opt/tool');
      expect(await runs(['/opt/tool', '-u'])).toBe(1);
    });

    test.each<[string, (filed: Awaited<ReturnType<Approver['filed']>>) => object]>([
      ['of another device', () => ({ device: 'd-other' })],
      ['of another user', () => ({ uid: 20002 })],
      ['for an approval that nobody demands', () => ({ met: [approvalText({ from: ['role:approver'], count: 1, withinMs: 1 })] })],
      ['for none', () => ({ met: [] })],
      ['that comes when it is over', () => ({ issuedAt: Date.now() - 10_000, expiresAt: Date.now() - 5000 })],
      ['for another request', () => ({ digest: new Uint8Array(32) })],
      ['bound to a session', () => ({ session: new Uint8Array(32) })],
    ])('a grant %s: it does not hold', async (name, changes) => {
      const filed = await asks('id', name);
      await approver.list([approver.sealGrant(approver.grantFor(filed, { uses: 9, ...changes(filed) }))]);
      expect(await world.sudo('alice', ['-n', 'id', name], { cwd })).toMatchObject({ code: 1, stdout: '' });
      await world.runAs('alice', ['belay', 'request', '--cancel', `${filed.request}`]);
    });

    test('a grant by name that was asked on another device: for another device, another user or no user of this one, or bound to more than a scope, it stands for nothing', async () => {
      const scope = { commands: [{ command: '/usr/bin/id', args: ['by-name'] }], runAsUid: 0, runAsGid: 0 };
      const yes = [approvalText({ from: ['role:approver'], count: 1, withinMs: 30 * 60_000 })];
      const byName = (user: string, changes: object = {}) => approver.sealGrant(approver.grantByName(user, scope, yes, { uses: 9, ...changes }));
      const asks = async () => (await world.sudo('alice', ['-n', 'id', 'by-name'], { cwd })).stderr.includes('somebody has to approve this first');
      await approver.list([
        byName('alice', { device: 'd-other' }), byName('bob'), byName('Alice'), byName('root'), byName('nobody-here'), byName('#20001'), byName('alice', { met: [] }), byName('alice', { request: 1 }), byName('alice', { uid: 20001 }),
        byName('alice', { session: new Uint8Array(32) }), byName('alice', { emergency: true }), byName('alice', { digest: new Uint8Array(32) }), byName('alice', { scope: { ...scope, runAsUid: 20002 } }),
      ]);
      expect(await asks()).toBe(true);
      await approver.list([byName('alice')]);
      expect(await asks()).toBe(false);
      // Policy here decides as before: the yes is for this demand, and no yes is one to what is denied.
      await world.fleet.publish({ 'p.yaml': policyOf(2) });
      await approver.list([byName('alice')]);
      expect(await asks()).toBe(true);
      await world.fleet.publish({ 'p.yaml': `${policyOf(1)}  - name: never\n    run: [{ command: /usr/bin/id, args: [by-name] }]\n    then: deny\n` });
      await approver.list([byName('alice')]);
      expect(await world.sudo('alice', ['-n', 'id', 'by-name'], { cwd })).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('never') });
      await world.fleet.publish({ 'p.yaml': policyOf(1) });
    });

    test('the very one does, and no more once it was used up, although it is listed still', async () => {
      const filed = await asks('id', '-u');
      const envelope = approver.sealGrant(approver.grantFor(filed, { uses: 1 }));
      await approver.list([envelope]);
      expect(await world.sudo('alice', ['-n', 'id', '-u'], { cwd })).toMatchObject({ code: 0 });
      await approver.list([envelope]);
      expect(await world.sudo('alice', ['-n', 'id', '-u'], { cwd })).toMatchObject({ code: 1 });
      await world.belayd.stop();
      await world.belayd.start();
      await world.fleet.reconnect();
      await approver.list([envelope]);
      expect(await world.sudo('alice', ['-n', 'id', '-u'], { cwd })).toMatchObject({ code: 1 });
    });
  });
});
