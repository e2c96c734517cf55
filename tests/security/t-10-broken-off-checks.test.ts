// T-10. Attacker: alice, who lets her front end vanish in the middle of a check (CVE-2021-3560: a lookup that failed counted as root).
// Set-up: allows for bob and alice; one that asks for a reason. A process with alice's real and root's effective ids, as sudo has,
// speaks the frames, so that it can break off at every step.
// Procedure: break off after each step; name descriptors that are nothing; be a uid that has no name; then nothing may have run, each
// break leaves a refusal or nothing, and the next request is served.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { type Attacker, converse, likeSudo, startAttacker } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: checks }
rules:
  - name: id
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    then: allow
  - name: whoami with a reason
    who: ["user:alice"]
    run: [{ command: /usr/bin/whoami }]
    then: ask
    require: { reason: true }
  - name: not for those outside alice's group
    who: ["group:developers"]
    run: [{ command: /usr/bin/true }]
    then: allow
`;

describeRoot('T-10 checks that break off', () => {
  let world: SecuredWorld;
  let alice: Attacker;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    alice = await startAttacker(world, likeSudo(20001));
  });
  afterAll(async () => { await world?.close(); });

  const check = (path: string, executableFd: number, more: object = {}) => ({
    case: 'sudoCheck' as const,
    value: { mode: 1, argv: [Buffer.from(path)], typedPath: Buffer.from(path), executableOpen: true, executableFd, workingDirectory: Buffer.from('/'), ...more },
  });

  async function begin(path: string, attacker = alice) {
    const talk = await converse(attacker);
    await talk.next();
    talk.say(check(path, await attacker.openFile(path)));
    return talk;
  }

  async function aliceIsServed(): Promise<void> {
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
  }

  test('breaking off before the answer leaves no intent', async () => {
    for (let round = 0; round < 20; round += 1) (await begin('/usr/bin/id')).line.destroy();
    const challenged = await begin('/usr/bin/whoami');
    expect(await challenged.next()).toMatchObject({ case: 'challenge', value: { reason: true } });
    challenged.line.destroy();
    const answered = await begin('/usr/bin/id');
    expect(await answered.next()).toMatchObject({ case: 'verdict', value: { answer: 1 } });
    answered.line.destroy();
    await aliceIsServed();
    const intents = (await world.events()).filter((event) => event.type === 'elevation.intent');
    expect(intents).toHaveLength(1);
  });

  test('a yes belongs to its connection: the token does not commit on another', async () => {
    const talk = await begin('/usr/bin/id');
    const said = await talk.next();
    if (said?.case !== 'verdict') throw new Error(`belayd answered ${said?.case}`);
    const { request, token } = said.value;
    talk.line.destroy();
    const other = await converse(alice);
    await other.next();
    other.say({ case: 'commit', value: { request, token } });
    const answer = await other.next();
    expect(answer === undefined || answer.case === 'refusal' || (answer.case === 'commitAnswer' && answer.value.answer === 2)).toBe(true);
  });

  test('a wrong token, a commit before the answer and a second commit are no', async () => {
    const early = await converse(alice);
    await early.next();
    early.say({ case: 'commit', value: { request: 1n, token: Buffer.alloc(16) } });
    expect((await early.next())?.case ?? 'closed').toMatch(/^(refusal|closed|commitAnswer)$/);
    const talk = await begin('/usr/bin/id');
    const said = await talk.next();
    if (said?.case !== 'verdict') throw new Error(`belayd answered ${said?.case}`);
    talk.say({ case: 'commit', value: { request: said.value.request, token: Buffer.alloc(16, 1) } });
    const wrong = await talk.next();
    expect(wrong?.case === 'commitAnswer' && wrong.value.answer === 1).toBe(false);
    talk.line.destroy();
    await aliceIsServed();
  });

  test('demands that nobody met are not met by saying so', async () => {
    for (const value of [{ authentication: 1 }, { authentication: 2 }, { reason: Buffer.from('') }, { reason: Buffer.from('   ') }, { reason: Buffer.from('ff', 'hex') }]) {
      const talk = await begin('/usr/bin/whoami');
      const said = await talk.next();
      if (said?.case !== 'challenge') throw new Error(`belayd answered ${said?.case}`);
      talk.say({ case: 'demandsMet', value: { request: said.value.request, ...value } });
      const answer = await talk.next();
      expect({ value, yes: answer?.case === 'verdict' && answer.value.answer === 1 }).toEqual({ value, yes: false });
      talk.line.destroy();
    }
  });

  test('a descriptor that is nothing, or no file, is a no', async () => {
    const directory = await alice.openFile('/usr/bin');
    const device = await alice.openFile('/dev/null');
    const notExecutable = await alice.openFile('/etc/passwd');
    const other = await alice.openFile('/usr/bin/whoami');
    for (const fd of [-1, 9_999, 2_147_483_647, directory, device, notExecutable, 0, other]) {
      const talk = await converse(alice);
      await talk.next();
      talk.say(check('/usr/bin/id', fd));
      const answer = await talk.next();
      expect({ fd, yes: answer?.case === 'verdict' && answer.value.answer === 1 }).toEqual({ fd, yes: false });
      talk.line.destroy();
    }
    await aliceIsServed();
  });

  test('a uid that has no name is nobody, and in no group', async () => {
    const nameless = await startAttacker(world, likeSudo(31_337));
    for (const path of ['/usr/bin/id', '/usr/bin/true', '/usr/bin/whoami']) {
      const talk = await begin(path, nameless);
      const answer = await talk.next();
      expect({ path, answer: answer?.case === 'verdict' ? answer.value.answer : answer?.case }).toEqual({ path, answer: 2 });
    }
    const running = await world.run(['setpriv', '--reuid=31337', '--regid=31337', '--clear-groups', '--', 'sudo', '-n', 'id', '-u']);
    expect({ code: running.code, stdout: running.stdout }).toEqual({ code: 1, stdout: '' });
    await nameless.kill();
  });

  test('one who is gone before belayd looks, many times over, harms nobody', async () => {
    for (let round = 0; round < 5; round += 1) {
      const brief = await startAttacker(world, likeSudo(20001));
      const talks = await Promise.all(Array.from({ length: 5 }, async () => await converse(brief)));
      for (const talk of talks) talk.say(check('/usr/bin/id', 3));
      await brief.kill();
    }
    await aliceIsServed();
    expect((await world.events()).filter((event) => event.type === 'agent.fault')).toEqual([]);
  });
});
