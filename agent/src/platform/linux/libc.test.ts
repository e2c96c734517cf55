import { closeSync, openSync, readFileSync, readlinkSync, writeSync } from 'node:fs';
import { createServer, connect, type Socket } from 'node:net';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { addSeals, ALL_SEALS, bootMs, memfdCreate, peerCredentials, peerPidfd, pidfdAlive, pidfdGetfd, pidfdOpen } from './libc.ts';
import { peerOf } from './peer.ts';
import { seal } from './seal.ts';

async function socketPair(): Promise<{ readonly server: Socket; close(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-peer-'));
  const path = join(folder, 'socket');
  const accepted = Promise.withResolvers<Socket>();
  const listener = createServer(accepted.resolve).listen(path);
  await new Promise((resolve) => listener.once('listening', resolve));
  const client = connect(path);
  const server = await accepted.promise;
  return {
    server,
    close() {
      client.destroy();
      server.destroy();
      listener.close();
      rmSync(folder, { recursive: true });
    },
  };
}

test('the peer of a socket is the process that connected', async () => {
  const pair = await socketPair();
  const fd = (pair.server as unknown as { _handle: { fd: number } })._handle.fd;
  expect(peerCredentials(fd)).toEqual({ pid: process.pid, uid: process.getuid?.(), gid: process.getgid?.() });
  const pidfd = peerPidfd(fd);
  if (typeof pidfd === 'number') {
    expect(pidfdAlive(pidfd)).toBe(true);
    closeSync(pidfd);
  }
  const peer = peerOf(fd);
  if (!peer.ok) throw new Error(peer.error);
  expect(peer.value.actor).toMatchObject({ pid: process.pid, realUid: process.getuid?.(), effectiveUid: process.geteuid?.() });
  expect(peer.value.workingDirectory()).toBe(process.cwd());
  peer.value.close();
  expect(peer.value.takeDescriptor(0)).toEqual({ ok: false, error: 'the peer is gone' });
  pair.close();
});

test('a descriptor that is no socket has no peer', () => {
  const file = openSync('/dev/null', 'r');
  expect(peerCredentials(file)).toBeUndefined();
  expect(peerOf(file)).toMatchObject({ ok: false });
  closeSync(file);
});

test('a copy of a descriptor is the same file and closed on exec', () => {
  const pidfd = pidfdOpen(process.pid);
  const file = openSync('/etc/hostname', 'r');
  const copy = pidfdGetfd(pidfd, file);
  expect(copy).toBeGreaterThan(2);
  expect(readlinkSync(`/proc/self/fd/${copy}`)).toBe(readlinkSync(`/proc/self/fd/${file}`));
  expect(Number.parseInt(/flags:\t(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${copy}`, 'utf8'))?.[1] ?? '', 8) & 0o2000000).not.toBe(0);
  expect(pidfdGetfd(pidfd, 4000)).toBeLessThan(0);
  for (const fd of [copy, file, pidfd]) closeSync(fd);
  expect(pidfdOpen(2 ** 30)).toBeLessThan(0);
});

test('sealed memory takes no more writes', () => {
  const memory = memfdCreate('belay-test');
  writeSync(memory, 'before');
  expect(addSeals(memory, ALL_SEALS)).toBe(true);
  expect(() => writeSync(memory, 'after')).toThrow('EPERM');
  closeSync(memory);
});

test('sealed bytes are the bytes of the file, hashed; too many or too late are refused', async () => {
  const file = openSync('/usr/bin/true', 'r');
  const copy = await seal(file, 64 * 1024 * 1024, new AbortController().signal);
  if (!copy.ok) throw new Error(copy.error);
  expect(readFileSync(copy.value.fd)).toEqual(readFileSync('/usr/bin/true'));
  expect(copy.value.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(() => writeSync(copy.value.fd, 'x')).toThrow('EBADF');
  closeSync(copy.value.fd);
  expect(await seal(file, 10, new AbortController().signal)).toMatchObject({ ok: false });
  expect(await seal(file, 64 * 1024 * 1024, AbortSignal.abort())).toMatchObject({ ok: false });
  closeSync(file);
});

test('the boot clock goes as /proc/uptime does', () => {
  const uptimeMs = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0]) * 1000;
  expect(Math.abs(bootMs() - uptimeMs)).toBeLessThan(5000);
});
