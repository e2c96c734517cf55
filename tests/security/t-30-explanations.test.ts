// T-30. Attacker: bob, who may run one thing and wants to know what alice asks for, what she may do, and which files lie where he cannot
// look. Set-up: alice has been allowed and refused things; a program lies in root's own folder. Procedure: every question of
// `belay why` and `belay list`, by the command and by hand-written frames, with guessed numbers, names and uids, with paths in root's
// folder, with numbers of descriptors that are not his to name. What is refused and what is not there must be one answer, and nothing of
// alice's requests, of her rules or of any condition may come out.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { type Attacker, converse, startAttacker } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: merger }
rules:
  - { name: alices alone, who: ["user:alice"], run: [{ command: /usr/bin/id }], then: allow }
  - { name: hidden tool, who: ["user:alice"], run: [{ command: /root/tool }], then: allow }
  - { name: of bob, who: ["user:bob"], run: [{ command: /usr/bin/true }], then: allow }
  - { name: vaults only, who: ["user:bob"], run: [{ command: /usr/bin/head }], when: 'device.labels.vault == "hush"', then: allow }
`;
const secrets = /merger\/(?:alices|hidden|vaults)|hush|topsecret|alice/;
const mask = (text: string): string => text.replaceAll(/\d+/g, 'N');

describeRoot('T-30 explanations', () => {
  let world: SecuredWorld;
  let bob: Attacker;
  const numbers: number[] = [];
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.shell('install -m 0755 /bin/true /root/tool; chmod 0700 /root');
    for (const command of [['id'], ['whoami', 'topsecret'], ['no-such-command', 'topsecret'], ['/root/tool']]) await world.sudo('alice', ['-n', ...command]);
    const refused = await world.sudo('alice', ['-n', 'whoami', 'topsecret']);
    const last = Number(/Belay #(\d+)/.exec(refused.stderr)?.[1]);
    numbers.push(...Array.from({ length: last + 5 }, (_, index) => index), 2 ** 31, Number.MAX_SAFE_INTEGER);
    bob = await startAttacker(world, 'bob');
  });
  afterAll(async () => { await world?.close(); });

  type Message = Parameters<Awaited<ReturnType<typeof converse>>['say']>[0];
  async function ask(message: Message): Promise<string> {
    const talk = await converse(bob);
    await talk.next();
    talk.say(message);
    const answer = await talk.next();
    talk.line.destroy();
    return JSON.stringify(answer, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)) ?? 'closed';
  }

  test('guessed numbers: one answer for all of them, and root finds alice\'s among them', async () => {
    const answers = new Set<string>();
    for (const number of numbers) for (const user of ['', 'bob']) answers.add(mask(await ask({ case: 'why', value: { about: { case: 'request', value: BigInt(number) }, user } })).replace('of theirs', 'of yours'));
    expect(answers.size).toBe(1);
    expect([...answers][0]).toMatch(/BELAY_E_NOT_PERMITTED/);
    expect((await world.run(['belay', 'why', '--user', 'alice'])).stdout).toContain('topsecret');
  });

  test('other people, by name and number, for every question: one answer, whether they exist or not', async () => {
    const answers = new Set<string>();
    for (const user of ['alice', '#20001', 'root', '#0', 'nobody-here', '#54321', '#-1', '#4294967295', 'alice\0', '../alice', '\u202ealice']) {
      answers.add(mask(await ask({ case: 'why', value: { about: { case: 'last', value: true }, user } })));
      answers.add(mask(await ask({ case: 'why', value: { about: { case: 'request', value: BigInt(numbers.length - 7) }, user } })));
      answers.add(mask(await ask({ case: 'why', value: { about: { case: 'trial', value: { mode: 1, argv: [Buffer.from('id')] } }, user } })));
      answers.add(mask(await ask({ case: 'list', value: { user } })));
    }
    expect([...answers].filter((answer) => !answer.includes('RATE_LIMITED')).map((answer) => /BELAY_E_\w+/.exec(answer)?.[0])).toEqual(['BELAY_E_NOT_PERMITTED']);
    expect([...answers].join('\n')).not.toMatch(secrets);
  });

  test('files where he cannot look: what is there, what is not, and what alice may run read alike', async () => {
    const seen = new Set<string>();
    for (const path of ['/root/tool', '/root/none', '/usr/bin/none', '/usr/bin/whoami', '/usr/bin/id', '/usr/bin/head']) {
      const ran = await world.runAs('bob', ['belay', 'why', '--json', '--', path]);
      seen.add(mask(`${ran.code} ${ran.stdout} ${ran.stderr}`.replace(path, 'PATH')));
      await world.sudo('bob', ['-n', path]);
      const asked = await world.runAs('bob', ['belay', 'why']);
      seen.add(mask(`${asked.code} ${asked.stdout} ${asked.stderr}`.replace(path, 'PATH')));
    }
    expect(seen.size).toBe(2);
    expect([...seen].join('\n')).not.toMatch(secrets);
    expect([...seen].join('\n')).not.toMatch(/not-found|explanation/);
  });

  test('descriptors that are not a program, not open or not numbers are no command', async () => {
    const directory = await bob.openFile('/usr/bin');
    const text = await bob.openFile('/etc/passwd');
    const answers = new Set<string>();
    for (const executableFd of [directory, text, 0, 1, 2, -1, 999, 2_147_483_647, -2_147_483_648]) {
      const value = { mode: 1, argv: [Buffer.from('id')], typedPath: Buffer.from('/usr/bin/id'), executableOpen: true, executableFd };
      await world.waitFor(async () => {
        const answer = mask(await ask({ case: 'why', value: { about: { case: 'trial', value } } }));
        if (answer.includes('RATE_LIMITED')) return false;
        answers.add(answer);
        return true;
      }, { what: 'an answer' });
    }
    expect(answers.size).toBe(1);
    expect([...answers][0]).toContain('"reason":"no-rule"');
    expect((await world.runAs('bob', ['belay', 'why', '--', 'true'])).stdout).toContain('it would be allowed');
  });

  test('how the device stands is told to root alone', async () => {
    expect(await ask({ case: 'status', value: {} })).not.toContain('posture');
    expect(JSON.parse((await world.run(['belay', 'status', '--json'])).stdout)).toHaveProperty('posture');
  });
});
