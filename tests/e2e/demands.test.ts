// What a rule wants of the person first, by real sudo and belayd: a reason of a form, one of the suggestions, and a yes.
import { isDeepStrictEqual } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import { describeRoot, passwords } from '../support/world.ts';

const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: work }
rules:
  - name: with a ticket
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-u] }]
    then: ask
    require: { reason: { pattern: "(OPS|SEC)-[0-9]+ .*", suggestions: ["OPS-1 monthly patches", "Looking around"] } }
    message: Production needs a ticket.
  - name: with a yes
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-g, "*"] }]
    then: ask
    require: { confirm: true }
  - name: with all of it
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-un] }]
    then: ask
    require: { reason: { minLength: 5 }, reauth: true, confirm: true }
`;

describeRoot('what a rule wants of the person', () => {
  let world: SecuredWorld;
  beforeAll(async () => { world = await openSecuredWorld(policy); });
  afterAll(async () => await world?.close());

  /** Waits for it: an event is written a moment after sudo has ended, and an earlier test's may still be on its way. */
  const recorded = async (type: string, like: Readonly<Record<string, unknown>>) =>
    await world.eventOf((event) => event.type === type && Object.entries(like).every(([name, value]) => isDeepStrictEqual(event.fields[name], value)));

  describe('a reason of a form', () => {
    test('the message and the suggestions are shown; a number picks one, and one that is not of the form is refused in words', async () => {
      const terminal = world.terminalAs('alice', ['sudo', 'id', '-u']);
      await terminal.expect('sudo: Production needs a ticket.');
      await terminal.expect('  1  Looking around\n');
      await terminal.expect('  2  OPS-1 monthly patches\n');
      await terminal.expect(/Belay #\d+: give the reason for this, or the number of one above: $/);
      terminal.answer('1');
      await terminal.expect(/Belay #\d+: the reason is not of the form that the rule wants, such as a ticket's number[^\n]*For instance: OPS-1 monthly patches\./);
      await terminal.expect('number of one above: ');
      terminal.answer('2');
      expect(await terminal.ended()).toMatchObject({ code: 0 });
      expect(terminal.shown()).toMatch(/\n0\n$/);
    });

    test('it is asked for three times', async () => {
      const terminal = world.terminalAs('alice', ['sudo', 'id', '-u']);
      for (const answer of ['OPS 1', 'ops-1 x', 'OPS-1']) {
        await terminal.expect('number of one above: ');
        terminal.answer(answer);
      }
      expect(await terminal.ended()).toMatchObject({ code: 1 });
      await recorded('elevation.denied', { why: 'reason-refused', rules: ['work/with a ticket'] });
    });

    test('given ahead it must be of the form at once', async () => {
      const ahead = (reason: string) => world.sudo('alice', ['-n', 'id', '-u'], { env: { BELAY_REASON: reason } });
      expect(await ahead('SEC-42 look at the hole')).toMatchObject({ code: 0, stdout: '0\n' });
      for (const reason of ['SEC-42', 'x SEC-42 y', '1', '2']) expect(await ahead(reason)).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('not of the form') });
    });
  });

  describe('a yes', () => {
    test('says what will run and as whom, and only yes is one', async () => {
      const terminal = world.terminalAs('alice', ['sudo', 'id', '-g', 'a b\u001b[2J']);
      await terminal.expect(/Belay #\d+: run \/usr\/bin\/id -g 'a b\\u001b\[2J' as root\? \[y\/N\] $/);
      terminal.answer('n');
      expect(await terminal.ended()).toMatchObject({ code: 1 });
      await recorded('elevation.denied', { why: 'not-confirmed' });
      const again = world.terminalAs('alice', ['sudo', 'id', '-g', 'alice']);
      await again.expect('as root? [y/N] ');
      again.answer('y');
      expect(await again.ended()).toMatchObject({ code: 0 });
    });

    test('-n refuses, and says why; the command\'s standard input is no yes', async () => {
      expect(await world.sudo('alice', ['-n', 'id', '-g', 'alice'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('must be confirmed, and -n forbids to ask') });
      expect(await world.sudo('alice', ['id', '-g', 'alice'], { input: 'y\n' })).toMatchObject({ code: 1, stdout: '' });
    });
  });

  test('all of it, one after the other: reason, yes, password', async () => {
    const terminal = world.terminalAs('alice', ['sudo', 'id', '-un']);
    await terminal.expect('at least 5 characters');
    terminal.answer('patching');
    await terminal.expect('[y/N] ');
    terminal.answer('yes');
    await terminal.expect('password for alice: ');
    terminal.answer(passwords.alice);
    expect(await terminal.ended()).toMatchObject({ code: 0 });
    await recorded('elevation.intent', { reauthenticated: true, rules: ['work/with all of it'] });
  });
});
