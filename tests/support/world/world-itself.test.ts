// The harness holds what it promises: a world is apart from the machine, and nothing of it is left, however its test ends.
import { expect, test } from '@jest/globals';
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { nodeBinary, projectRoot } from '../../../tools/node26.mjs';
import { describeRoot, openPlace, waitFor } from '../world.ts';

const mounts = (): readonly string[] => readFileSync('/proc/self/mounts', 'utf8').split('\n').filter((line) => line.startsWith('belay-'));

describeRoot('a world', () => {
  test('has its own users, files, processes, host name and network', async () => {
    const place = await openPlace();
    try {
      await place.shell('echo changed >/etc/changed; echo changed >/usr/changed; echo changed >/var/lib/changed');
      expect(['/etc/changed', '/usr/changed', '/var/lib/changed'].filter((file) => existsSync(file))).toEqual([]);
      expect(mounts()).toEqual([]);
      expect((await place.runAs('alice', ['id', '-un'])).stdout).toBe('alice\n');
      expect(readFileSync('/etc/passwd', 'utf8')).not.toMatch(/^alice:x:20001:/m);
      expect(await place.shell('hostname; ls -d /proc/1; tail -n +3 /proc/net/dev | cut -d: -f1 | tr -d " "')).toBe('belay-world\n/proc/1\nlo\n');
      expect((await place.run(['bash', '-c', 'exec 2>/dev/null; : </dev/tcp/127.0.0.1/1'])).code).toBe(1);
    } finally {
      await place.close();
    }
  });

  test('ends with everything in it when it is closed', async () => {
    const place = await openPlace();
    const pid = place.hostPid();
    const sleeper = place.spawnAs('alice', ['setsid', 'sleep', '3600']);
    await sleeper.pid;
    await place.close();
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(await sleeper.ended).toMatchObject({ code: null });
  });

  test('ends with everything in it when its test is killed', async () => {
    const script = `
      const { openPlace } = await import('${new URL('place.ts', import.meta.url).href}');
      const place = await openPlace();
      await place.spawnAs('alice', ['setsid', 'sleep', '3601']).pid;
      console.log(place.hostPid());
      setInterval(() => {}, 1000);`;
    const child = spawn(nodeBinary(), ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script], { cwd: projectRoot, stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = await new Promise<readonly unknown[]>((resolve) => { child.stdout.once('data', (...all: readonly unknown[]) => resolve(all)); });
    const pid = Number(String(line).trim());
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    child.kill('SIGKILL');
    await waitFor(() => !existsSync(`/proc/${pid}`), { what: 'the world to end' });
    const left = readdirSync('/proc').filter((name) => /^\d+$/.test(name)).filter((name) => {
      try {
        return readFileSync(`/proc/${name}/cmdline`, 'utf8').includes('sleep\u00003601');
      } catch {
        return false;
      }
    });
    expect(left).toEqual([]);
    expect(mounts()).toEqual([]);
  });

  test('answers a person at a terminal', async () => {
    const place = await openPlace();
    try {
      const terminal = place.terminalAs('bob', ['sh', '-c', 'read -p "name? " name; echo "hello $name"; exit 3']);
      await terminal.expect('name? ');
      terminal.answer('bob');
      await terminal.expect('hello bob');
      expect(await terminal.ended()).toMatchObject({ code: 3 });
    } finally {
      await place.close();
    }
  });
});
