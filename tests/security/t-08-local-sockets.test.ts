// T-08. Attacker: alice, a program that speaks to belayd's socket, and the system user `belay`, who is the uplink. Set-up: an allow for
// bob. Procedure: oversized, cut, wrong and random frames, connections without end, and sudo opened without end; meanwhile bob must be
// served, belayd must stay the process it was, and its memory bounded.
import { randomBytes, randomInt } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { type Attacker, clientFrame, converse, frameOf, rounds, saidTo, startAttacker, uplinkSocket, userSocket } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: served }
rules:
  - name: id
    who: ["user:bob"]
    run: [{ command: /usr/bin/id }]
    then: allow
  - name: with a yes
    who: ["user:alice"]
    run: [{ command: /usr/bin/whoami, args: ["**"] }]
    then: ask
    require: { approval: { from: ["role:approver"], within: 30m } }
`;

const megabyte = 1024 * 1024;

describeRoot('T-08 local sockets', () => {
  let world: SecuredWorld;
  let alice: Attacker;
  let pid: number;
  let memoryBefore: number;

  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    alice = await startAttacker(world, 'alice');
    pid = await world.belayd.pid();
    await bobIsServed();
    memoryBefore = await residentBytes();
  });
  afterAll(async () => { await world?.close(); });

  async function bobIsServed(): Promise<void> {
    expect(await world.sudo('bob', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
  }

  async function residentBytes(): Promise<number> {
    return Number(/VmRSS:\s+(\d+)/.exec(await world.readFile(`/proc/${pid}/status`))?.[1]) * 1024;
  }

  async function closes(bytes: Uint8Array, path = userSocket, attacker = alice): Promise<void> {
    const line = await attacker.connect(path);
    line.send(bytes);
    await world.waitFor(() => line.isClosed(), { what: 'belayd to close the connection' });
  }

  test('a frame that announces too much is cut off at its length, before any of it is kept', async () => {
    for (const length of [0xffffffff, 0x80000000, 0x7fffffff, 4 * megabyte + 1, 65_537]) {
      const header = Buffer.alloc(4);
      header.writeUInt32BE(length);
      await closes(header);
    }
    await closes(Buffer.concat([frameOf(Buffer.alloc(0)), randomBytes(70_000)]));
    await bobIsServed();
  });

  test('a cut frame waits for its rest and costs nothing when the rest never comes', async () => {
    const whole = clientFrame({ case: 'status', value: {} });
    const line = await alice.connect(userSocket);
    for (const byte of whole.subarray(0, -1)) line.send(Buffer.from([byte]));
    line.end();
    await world.waitFor(() => line.isClosed(), { what: 'the cut line to close' });
    const slow = await alice.connect(userSocket);
    for (const byte of whole) slow.send(Buffer.from([byte]));
    await world.waitFor(() => saidTo(slow).some((message) => message.case === 'status'), { what: 'an answer to a frame that came byte by byte' });
    slow.destroy();
    await bobIsServed();
  });

  test('a frame of the wrong type, or of none, is refused or ends the connection', async () => {
    const wrong = [frameOf(Buffer.alloc(0)), frameOf(Buffer.from([0x7a, 0x00])), frameOf(Buffer.from([0xfa, 0x01, 0x00])), frameOf(Buffer.from('0aff', 'hex')), frameOf(randomBytes(64))];
    for (const bytes of wrong) {
      const line = await alice.connect(userSocket);
      line.send(bytes);
      await world.waitFor(() => line.isClosed() || saidTo(line).some((message) => message.case === 'refusal'), { what: `a refusal of ${bytes.toString('hex')}` });
      expect(saidTo(line).map((message) => message.case).filter((name) => name !== 'hello' && name !== 'refusal')).toEqual([]);
      line.destroy();
    }
    await bobIsServed();
  });

  test('random and mangled frames, many of them, change nothing', async () => {
    const seeds = [
      clientFrame({ case: 'sudoCheck', value: { mode: 1, argv: [Buffer.from('id')], executableOpen: true, executableFd: 3 } }),
      clientFrame({ case: 'commit', value: { request: 1n, token: randomBytes(16) } }),
      clientFrame({ case: 'enroll', value: { token: 'belay1.x' } }),
      clientFrame({ case: 'status', value: {} }),
    ];
    for (let round = 0; round < rounds(120, 20_000); round += 1) {
      const bytes = Buffer.from(seeds[round % seeds.length] as Buffer);
      for (let changes = randomInt(1, 4); changes > 0; changes -= 1) bytes[randomInt(4, bytes.length)] = randomInt(256);
      const line = await alice.connect(userSocket);
      line.send(bytes);
      line.end();
      await world.waitFor(() => line.isClosed(), { what: `the end of a connection that said ${bytes.toString('hex')}` });
      expect(saidTo(line).some((message) => message.case === 'verdict' || message.case === 'commitAnswer' || message.case === 'done')).toBe(false);
    }
    await bobIsServed();
  });

  test('the uplink\'s socket is closed to her, and noise from the uplink ends that connection only', async () => {
    const refused = await alice.connect(uplinkSocket);
    expect({ closed: refused.isClosed(), why: refused.why() }).toEqual({ closed: true, why: 'EACCES' });
    const belay = await startAttacker(world, 'belay');
    const header = Buffer.alloc(4);
    header.writeUInt32BE(0xffffffff);
    await closes(header, uplinkSocket, belay);
    for (let round = 0; round < rounds(40, 5_000); round += 1) {
      const line = await belay.connect(uplinkSocket);
      line.send(frameOf(randomBytes(randomInt(1, 400))));
      line.end();
      await world.waitFor(() => line.isClosed(), { what: 'the end of a noisy uplink' });
    }
    await belay.kill();
    await bobIsServed();
  });

  test('requests for approval, watchers and the rest of these doors are bounded for her, and open to others', async () => {
    const talk = await converse(alice);
    await talk.next();
    const executableFd = await alice.openFile('/usr/bin/whoami');
    const what = { mode: 1, argv: ['whoami', 'x'].map((word) => Buffer.from(word)), typedPath: Buffer.from('/usr/bin/whoami'), executableOpen: true, executableFd };
    const count = rounds(60, 2_000);
    for (let round = 0; round < count; round++) talk.say({ case: 'fileRequest', value: { what } });
    const answers = [];
    for (let round = 0; round < count; round++) answers.push(await talk.next());
    expect(answers.filter((answer) => answer?.case === 'requestAnswer').length).toBeLessThanOrEqual(8);
    expect(answers.filter((answer) => answer?.case === 'refusal').length).toBeGreaterThanOrEqual(count - 8);
    expect((await world.events()).filter(({ type }) => type === 'request.filed').length).toBeLessThanOrEqual(8);
    const lines = await Promise.all(Array.from({ length: 12 }, async () => await converse(alice)));
    const first = await Promise.all(lines.map(async (line) => {
      await line.next();
      line.say({ case: 'watch', value: {} });
      return (await line.next())?.case;
    }));
    expect(first.filter((name) => name === 'grants').length).toBeLessThanOrEqual(8);
    for (const { line } of lines) line.destroy();
    const wrong: readonly Parameters<typeof talk.say>[0][] = [
      { case: 'fileRequest', value: {} }, { case: 'fileRequest', value: { what: { ...what, mode: 2 } } }, { case: 'fileRequest', value: { what, forMs: 2n ** 64n - 1n } }, { case: 'fileRequest', value: { what, uses: 0xffffffff } },
      { case: 'cancelRequest', value: { request: 2n ** 64n - 1n } }, { case: 'cancelRequest', value: {} }, { case: 'endGrant', value: {} }, { case: 'endGrant', value: { grant: '\u0000'.repeat(1000) } },
    ];
    for (const message of wrong) {
      talk.say(message);
      expect((await talk.next())?.case).toBe('refusal');
    }
    talk.line.destroy();
    expect(await world.runAs('bob', ['belay', 'status', '--json'])).toMatchObject({ code: 0, stdout: expect.stringContaining('"requests": []') });
    await bobIsServed();
  });

  test('connections without end are cut at her share: bob and root are served meanwhile', async () => {
    const count = rounds(600, 10_000);
    const { open, refused } = await alice.flood(userSocket, count);
    expect(open + refused).toBe(count);
    expect(open).toBeLessThan(count);
    expect(open).toBeGreaterThan(0);
    await bobIsServed();
    expect(await world.run(['sudo', '-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    await alice.releaseFlood();
    const again = await converse(alice);
    expect(await again.next()).toMatchObject({ case: 'hello' });
    again.line.destroy();
  });

  test('sudo opened over and over, of which belayd hears: bob is served meanwhile', async () => {
    const opened = rounds(20_000, 1_000_000);
    const flood = world.runAs('alice', ['sh', '-c', `i=0; while [ $i -lt ${opened} ]; do : </usr/bin/sudo; i=$((i+1)); done; echo $i`], { timeoutMs: 120_000 });
    for (let served = 0; served < 20; served++) await bobIsServed();
    expect(await flood).toMatchObject({ code: 0, stdout: `${opened}\n` });
    await bobIsServed();
  });

  test('after all of it belayd is the same process and no larger than it may be', async () => {
    expect(await world.belayd.pid()).toBe(pid);
    expect(world.belayd.isRunning()).toBe(true);
    expect((await residentBytes()) - memoryBefore).toBeLessThan(96 * megabyte);
  });
});
