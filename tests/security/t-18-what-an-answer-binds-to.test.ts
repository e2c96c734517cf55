// T-18. Attacker: alice, who has a yes and changes what it was given for before it is used; and time, which changes it for her.
// Set-up: allows for alice, each resting on something else: a path, a directory, an account, a device group, a variable, a program
// above. A process with alice's real and root's effective ids, as sudo has, speaks the frames, so that it can wait between yes and commit.
// Procedure: ask, get a yes, change one thing, commit. Without a change the commit is a go; with any it is a stop, and nothing is
// recorded as elevated.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { uids } from '../support/world.ts';
import { type Attacker, type Conversation, converse, likeSudo, startAttacker } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const rule = (name: string, rest: string): string => `  - name: ${name}\n    who: ["user:alice"]\n    then: allow\n${rest}\n`;
const policyOf = (...rules: readonly string[]): string => `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: binding }\nrules:\n${rules.join('')}`;
const tool = rule('the tool', '    run: [{ command: /opt/tool, args: [one] }]');
const asBob = rule('as bob', '    run: [{ command: /usr/bin/id, args: [as-bob] }]\n    as: { users: [bob] }');
const kiosk = rule('on a kiosk', '    run: [{ command: /usr/bin/id, args: [kiosk] }]\n    device: { groups: [kiosk] }');
const keeping = (name: string) => rule('with a variable', `    run: [{ command: /usr/bin/id, args: [variable] }]\n    limits: { environment: { keep: [${name}] } }`);
const masked = (umask: string) => rule('with a mask', `    run: [{ command: /usr/bin/id, args: [masked] }]\n    limits: { umask: "${umask}" }`);
const below = rule('below a shell', '    run: [{ command: /usr/bin/id, args: [below] }]\n    ancestor: [/usr/bin/bash]');
const all = [tool, asBob, kiosk, below];
const whole = policyOf(...all, keeping('FIRST'), masked('077'));

describeRoot('T-18 what an answer binds to', () => {
  let world: SecuredWorld;
  let alice: Attacker;
  beforeAll(async () => {
    world = await openSecuredWorld(whole);
    await world.shell('install -m 0755 /usr/bin/id /opt/tool; install -d -o alice -g alice /home/alice/work');
    // In a folder of hers, and below a bash of root's, which `ancestor` asks for; what is above that stays.
    const below = `bash -c 'cd /home/alice/work; "$@" <&3 & wait; true' bash "$@" 3<&0; exec tail -f /dev/null`;
    alice = await startAttacker(world, ['sh', '-c', below, 'sh', ...likeSudo(uids.alice)]);
  });
  afterAll(async () => { await world?.close(); });

  type Asked = { readonly path: string; readonly arg: string; readonly user?: string; readonly environment?: readonly string[] };
  const open = new Map<string, number>();

  async function ask({ path, arg, user, environment = [] }: Asked, talk?: Conversation): Promise<{ readonly talk: Conversation; readonly yes: { readonly request: bigint; readonly token: Uint8Array } }> {
    const asking = talk ?? (await converse(alice));
    if (talk === undefined) await asking.next();
    const executableFd = open.get(path) ?? (await alice.openFile(path));
    open.set(path, executableFd);
    asking.say({
      case: 'sudoCheck',
      value: {
        mode: 1, argv: [path, arg].map((word) => Buffer.from(word)), typedPath: Buffer.from(path), executableOpen: true, executableFd, environment: environment.map((each) => Buffer.from(each)),
        ...(user === undefined ? {} : { runAsUser: Buffer.from(user), runAsUserGiven: true }),
      },
    });
    const said = await asking.next();
    if (said?.case !== 'verdict' || said.value.answer !== 1) throw new Error(`no yes for ${path} ${arg}: ${said?.case === 'verdict' ? said.value.message : said?.case}`);
    return { talk: asking, yes: said.value };
  }

  async function commit({ talk, yes: { request, token } }: Awaited<ReturnType<typeof ask>>): Promise<'go' | 'stop'> {
    talk.say({ case: 'commit', value: { request, token } });
    const answer = await talk.next();
    if (answer?.case !== 'commitAnswer') throw new Error(`belayd answered ${answer?.case}`);
    if (answer.value.answer === 1) talk.say({ case: 'outcome', value: { request, end: 1, value: 0 } });
    return answer.value.answer === 1 ? 'go' : 'stop';
  }

  const intents = async (): Promise<number> => (await world.events()).filter(({ type }) => type === 'elevation.intent').length;
  const ofTool: Asked = { path: '/opt/tool', arg: 'one' };
  const of = (arg: string): Asked => ({ path: '/usr/bin/id', arg });

  /** Each: what is asked, what is changed after the yes, and how it is put back. */
  const changes: Readonly<Record<string, readonly [Asked, () => Promise<unknown>, () => Promise<unknown>]>> = {
    'the path leads to another file': [ofTool, () => world.shell('cp -p /opt/tool /opt/other; mv /opt/tool /opt/first; mv /opt/other /opt/tool'), () => world.shell('mv /opt/first /opt/tool')],
    'the file has another owner': [ofTool, () => world.shell('chown alice /opt/tool'), () => world.shell('chown root /opt/tool; chmod 0755 /opt/tool')],
    'the file has another mode': [ofTool, () => world.shell('chmod 04755 /opt/tool'), () => world.shell('chmod 0755 /opt/tool')],
    'the directory has another name': [ofTool, () => world.runAs('alice', ['mv', '/home/alice/work', '/home/alice/moved']), () => world.runAs('alice', ['mv', '/home/alice/moved', '/home/alice/work'])],
    'a folder above it has another name': [ofTool, () => world.shell('mv /home/alice /home/malice'), () => world.shell('mv /home/malice /home/alice')],
    'the account has another uid': [{ ...of('as-bob'), user: 'bob' }, () => world.shell(`sed -i 's/^bob:x:${uids.bob}:/bob:x:20777:/' /etc/passwd`), () => world.shell(`sed -i 's/^bob:x:20777:/bob:x:${uids.bob}:/' /etc/passwd`)],
    'the account is in another group': [{ ...of('as-bob'), user: 'bob' }, () => world.shell(`sed -i '/^developers:/s/$/,bob/' /etc/group`), () => world.shell(`sed -i '/^developers:/s/,bob$//' /etc/group`)],
    'the account is gone': [{ ...of('as-bob'), user: 'bob' }, () => world.shell(`sed -i 's/^bob:/gone:/' /etc/passwd`), () => world.shell(`sed -i 's/^gone:/bob:/' /etc/passwd`)],
    'the rule is gone': [ofTool, () => world.fleet.publish({ 'policy.yaml': policyOf(asBob) }), () => world.fleet.publish({ 'policy.yaml': whole })],
    'the rule keeps another variable': [{ ...of('variable'), environment: ['FIRST=1', 'SECOND=2'] }, () => world.fleet.publish({ 'policy.yaml': policyOf(...all, keeping('SECOND')) }), () => world.fleet.publish({ 'policy.yaml': whole })],
    'the rule wants another mask': [of('masked'), () => world.fleet.publish({ 'policy.yaml': policyOf(...all, masked('027')) }), () => world.fleet.publish({ 'policy.yaml': whole })],
    'a deny has come': [ofTool, () => world.fleet.publish({ 'policy.yaml': `${whole}  - name: not any more\n    run: [{ command: /opt/tool }]\n    then: deny\n` }), () => world.fleet.publish({ 'policy.yaml': whole })],
  };

  test.each(Object.entries(changes))('%s: the yes is void', async (_, [asked, change, putBack]) => {
    expect(await commit(await ask(asked))).toBe('go');
    const before = await intents();
    const given = await ask(asked);
    await change();
    const answer = await commit(given);
    await putBack();
    expect(answer).toBe('stop');
    expect(await intents()).toBe(before);
    expect(await commit(await ask(asked))).toBe('go');
  });

  test('the device is in another group: the yes is void', async () => {
    const { number } = world.fleet.newest();
    const inGroups = async (step: number, groups: string[]) => {
      expect(await world.fleet.deliverManifest(world.fleet.manifestEnvelope({ number: number + step, groups }))).toMatchObject({ accepted: true, inForce: true });
    };
    await inGroups(1, ['kiosk']);
    expect(await commit(await ask(of('kiosk')))).toBe('go');
    const given = await ask(of('kiosk'));
    await inGroups(2, ['kiosk', 'more']);
    expect(await commit(given)).toBe('go');
    const other = await ask(of('kiosk'));
    await inGroups(3, []);
    expect(await commit(other)).toBe('stop');
    await world.reloadPolicy();
  });

  test('the arguments are those of the last question: an answer to an earlier one is void', async () => {
    const first = await ask(ofTool);
    const second = await ask(of('masked'), first.talk);
    expect(await commit(first)).toBe('stop');
    const again = await ask(ofTool);
    expect(second.yes.token).not.toEqual(again.yes.token);
    expect(await commit(again)).toBe('go');
  });

  test('the program above has gone: the yes is void', async () => {
    expect(await commit(await ask(of('below')))).toBe('go');
    const given = await ask(of('below'));
    const above = await alice.pid;
    const childrenOf = async (pid: number | string) => (await world.shell(`cat /proc/${pid}/task/${pid}/children 2>/dev/null || true`)).trim();
    const child = await childrenOf(above);
    expect(child).toMatch(/^[0-9]+$/);
    await world.shell(`kill -9 ${child}`);
    // Killed is not gone yet: its children are somebody else's then.
    await world.waitFor(async () => (await childrenOf(child)) === '', { what: 'the killed shell to have no children' });
    expect(await commit(given)).toBe('stop');
    expect(await commit(await ask(ofTool))).toBe('go');
  });
});
