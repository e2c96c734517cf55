// T-09. Attacker: alice, who writes what she likes into the frames, the environment and her terminal. Set-up: an allow for bob.
// Procedure: every message of the helper's spoken by a process of hers (also from a user namespace, where she is "root"); real sudo with
// a forged environment; then the record must name the uid, session and terminal that the kernel saw.
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { type Attacker, converse, likeSudo, startAttacker } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: bobs }
rules:
  - name: id
    who: ["user:bob"]
    run: [{ command: /usr/bin/id }]
    then: allow
  - name: nothing
    who: ["user:alice"]
    run: [{ command: /usr/bin/true }]
    then: allow
`;

const asAlice = ['setpriv', '--reuid=alice', '--regid=alice', '--init-groups', '--'];
const forged = { USER: 'bob', LOGNAME: 'bob', SUDO_USER: 'bob', SUDO_UID: '20002', SUDO_GID: '20002', SUDO_COMMAND: '/usr/bin/id', UID: '0', EUID: '0', SUDO_TTY: '/dev/console', XDG_SESSION_ID: '1' };

describeRoot('T-09 forged credentials', () => {
  let world: SecuredWorld;
  beforeAll(async () => { world = await openSecuredWorld(policy); });
  afterAll(async () => { await world?.close(); });

  const check = (executableFd: number) => ({
    case: 'sudoCheck' as const,
    value: {
      mode: 1, argv: [Buffer.from('id')], typedPath: Buffer.from('/usr/bin/id'), executableOpen: true, executableFd,
      environment: [Buffer.from('SUDO_UID=0')], workingDirectory: Buffer.from('/'), terminal: Buffer.from('/dev/console'),
    },
  });

  async function everyHelperMessageIsRefused(attacker: Attacker): Promise<void> {
    const token = randomBytes(16);
    const messages = [
      check(await attacker.openFile('/usr/bin/id')),
      { case: 'demandsMet', value: { request: 1n, authentication: 2 } },
      { case: 'commit', value: { request: 1n, token } },
      { case: 'outcome', value: { request: 1n, end: 1 } },
      { case: 'auditError', value: { request: 1n, text: Buffer.from('x') } },
      { case: 'forgetReauth', value: { everywhere: true } },
      { case: 'enroll', value: { token: 'belay1.x', replace: true } },
      { case: 'unenroll', value: {} },
    ] as const;
    for (const message of messages) {
      const talk = await converse(attacker);
      expect(await talk.next()).toMatchObject({ case: 'hello', value: { realUid: 20001 } });
      talk.say(message);
      const answer = await talk.next();
      expect({ said: message.case, answer: answer?.case ?? 'closed' }).toEqual({ said: message.case, answer: answer === undefined ? 'closed' : 'refusal' });
      talk.line.destroy();
    }
  }

  test('a process of hers is a user, whatever it says it is', async () => {
    const attacker = await startAttacker(world, 'alice');
    await everyHelperMessageIsRefused(attacker);
    await attacker.kill();
  });

  test('so is one that calls itself root in a user namespace', async () => {
    const attacker = await startAttacker(world, [...asAlice, 'unshare', '-r', '--']);
    await everyHelperMessageIsRefused(attacker);
    await attacker.kill();
  });

  test('so is one of the uplink\'s user', async () => {
    const attacker = await startAttacker(world, 'belay');
    const talk = await converse(attacker);
    expect(await talk.next()).toMatchObject({ case: 'hello', value: { realUid: 20101 } });
    talk.say(check(await attacker.openFile('/usr/bin/id')));
    expect((await talk.next())?.case ?? 'closed').toMatch(/^(refusal|closed)$/);
    await attacker.kill();
  });

  test('the requester is the real uid of the process that connected, and no field of its frame can say otherwise', async () => {
    const attacker = await startAttacker(world, likeSudo(20001));
    const talk = await converse(attacker);
    expect(await talk.next()).toMatchObject({ case: 'hello', value: { realUid: 20001 } });
    talk.say(check(await attacker.openFile('/usr/bin/id')));
    expect(await talk.next()).toMatchObject({ case: 'verdict', value: { answer: 2 } });
    const asBob = await startAttacker(world, likeSudo(20002));
    const control = await converse(asBob);
    expect(await control.next()).toMatchObject({ case: 'hello', value: { realUid: 20002 } });
    control.say(check(await asBob.openFile('/usr/bin/id')));
    expect(await control.next()).toMatchObject({ case: 'verdict', value: { answer: 1 } });
    await attacker.kill();
    await asBob.kill();
  });

  test('an environment that says she is bob does not make her bob', async () => {
    expect(await world.sudo('alice', ['-n', 'id', '-u'], { env: forged })).toMatchObject({ code: 1, stdout: '' });
    expect(await world.sudo('alice', ['-n', 'true'], { env: forged })).toMatchObject({ code: 0 });
    const { fields } = await world.eventOf((event) => event.type === 'elevation.intent' && event.fields['uid'] === 20001);
    expect(fields).toMatchObject({ uid: 20001, user: 'alice', terminal: 0 });
  });

  test('the terminal on record is the kernel\'s', async () => {
    const terminal = world.terminalAs('alice', ['sh', '-c', 'tty; SUDO_TTY=/dev/console sudo -n true; stat -c %Hr:%Lr $(tty)']);
    const { code } = await terminal.ended();
    expect(code).toBe(0);
    const [major, minor] = (/(\d+):(\d+)/.exec(terminal.shown())?.slice(1) ?? []).map(Number) as [number, number];
    const number = ((major & 0xfff) << 8) | (minor & 0xff) | ((minor & 0xfff00) << 12);
    await world.eventOf((event) => event.type === 'elevation.intent' && event.fields['terminal'] === number);
  });
});
