// T-59: a session that has to be recorded goes unseen.
// Attacker: a standard user who may run a shell whose sessions are recorded, and whoever fills the disk or edits sudo.conf for them.
// Set-up: real sudo and belayd; recordings on a file system of 6 MB.
// Procedure: fill it while a command runs, and begin another; use a terminal that sudo does not stand before; take the plugin's line out.
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world.ts';
import { withRecording } from './attacker/work-policies.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = withRecording();

describeRoot('a recording that cannot be made', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.shell('rm -f /usr/bin/sh && cp /usr/bin/dash /usr/bin/sh && chmod 0755 /usr/bin/sh');
    await world.reloadPolicy();
    await world.belayd.stop();
    await world.shell('mount -t tmpfs -o size=6m,mode=0700 belay-small /var/lib/belay/recordings');
    await world.belayd.start();
    await world.fleet.reconnect();
  });
  afterAll(async () => await world?.close());

  test('a disk that fills up ends the command; then nothing that has to be recorded begins, and what need not goes on, with evidence of that', async () => {
    const ended = await world.sudo('alice', ['-n', 'sh', '-c', 'head -c 20000000 /dev/zero; echo AFTER'], { timeoutMs: 30_000 });
    expect(ended.stderr).toMatch(/the recording cannot be written \(request #\d+\), so the command is ended/);
    expect(ended.stdout).not.toContain('AFTER');
    const outcome = await world.eventOf(({ type }) => type === 'elevation.outcome');
    expect(outcome.fields).toMatchObject({ recordingCut: 'unwritable', recordingHash: expect.anything() });
    const bond = ['--hash', Buffer.from(outcome.fields['recordingHash'] as Uint8Array).toString('hex'), '--bytes', String(outcome.fields['recordingBytes'])];
    expect(await world.belay(['recording', 'verify', String(outcome.fields['request']), ...bond])).toMatchObject({ code: 0, stdout: expect.stringContaining('cut: could not be written') });
    const denied = await world.sudo('alice', ['-n', 'sh', '-c', 'echo ran']);
    expect(denied).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('this has to be recorded, and cannot be recorded now') });
    await world.eventOf(({ type, fields }) => type === 'elevation.denied' && fields['why'] === 'recorder-unable');
    expect(await world.sudo('alice', ['-n', 'dash', '-c', 'echo ran'])).toMatchObject({ code: 0, stdout: 'ran\n' });
    await world.eventOf(({ type, fields }) => type === 'elevation.intent' && fields['recording'] === 'unable');
  });

  // sudo hands over terminals that it does not stand before.
  describe('and what would not be seen', () => {
    beforeAll(async () => await world.shell('umount /var/lib/belay/recordings'));

    test('a terminal that is not sudo\'s own to stand before is refused', async () => {
      const terminal = world.terminalAs('alice', ['setsid', '-w', 'sudo', 'dash', '-c', 'echo ran']);
      await terminal.expect('runs only in a terminal of its own');
      expect((await terminal.ended()).code).toBe(1);
      expect(terminal.shown()).not.toContain('ran\n');
    });

    test('without the plugin\'s line in sudo.conf nothing that has to be recorded runs', async () => {
      await world.shell("sed -i '/^Plugin belay_io/d' /etc/sudo.conf");
      expect(await world.sudo('alice', ['-n', 'sh', '-c', 'echo ran'])).toMatchObject({ code: 1, stdout: '', stderr: expect.stringContaining('needs "record: session", which this agent cannot enforce') });
      expect(await world.sudo('alice', ['-n', 'dash', '-c', 'echo ran'])).toMatchObject({ code: 0, stdout: 'ran\n' });
    });
  });
});
