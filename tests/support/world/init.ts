// Runs inside a world and does what its test says. It ends when the test's end of the pipe closes, however that comes about,
// and setup.sh with it; the kernel then kills the rest of the world.
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { appendFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import koffi from 'koffi';
import type { SpawnOrder, WorldOrder, WorldReport } from './protocol.ts';

const children = new Map<number, ChildProcess>();

function report(message: WorldReport): void {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function start(order: SpawnOrder): void {
  const log = order.logFile === undefined ? undefined : openSync(order.logFile, 'a', 0o644);
  const output = log ?? 'pipe';
  const child = spawn(order.file, order.args, { env: order.env, cwd: order.cwd, detached: true, stdio: ['pipe', output, output] });
  if (log !== undefined) closeSync(log);
  children.set(order.id, child);
  for (const from of ['stdout', 'stderr'] as const) {
    child[from]?.on('data', (data: Buffer) => report({ is: 'output', id: order.id, from, data: data.toString('base64') }));
  }
  // A program may end without reading what it was sent.
  child.stdin?.on('error', () => {});
  if (child.pid !== undefined) report({ is: 'started', id: order.id, pid: child.pid });
  child.once('error', (error) => {
    if (child.pid === undefined) end(order.id, null, null, error.message);
  });
  child.once('close', (code, signal) => end(order.id, code, signal));
  // A background child that keeps the pipes open must not hide that the program itself has ended.
  child.once('exit', (code, signal) => setTimeout(() => end(order.id, code, signal), 200));
}

function end(id: number, code: number | null, signal: NodeJS.Signals | null, error?: string): void {
  if (!children.delete(id)) return;
  report({ is: 'ended', id, code, signal, ...(error === undefined ? {} : { error }) });
}

function obey(order: WorldOrder): void {
  if (order.do === 'spawn') return start(order);
  const child = children.get(order.id);
  if (child?.pid === undefined) return;
  if (order.do === 'write') child.stdin?.write(Buffer.from(order.data, 'base64'));
  else if (order.do === 'end-input') child.stdin?.end();
  else signal(child.pid, order.signal, order.group);
}

function signal(pid: number, name: NodeJS.Signals, group: boolean): void {
  try {
    process.kill(group ? -pid : pid, name);
  } catch {
    // It has just ended by itself.
  }
}

/** iproute2 is not on every machine; the loopback needs one ioctl. */
function raiseLoopback(): void {
  const libc = koffi.load('libc.so.6');
  const socket = libc.func('int socket(int, int, int)');
  const ioctl = libc.func('int ioctl(int, unsigned long, void *)');
  const close = libc.func('int close(int)');
  const request = Buffer.alloc(40);
  request.write('lo', 'latin1');
  request.writeInt16LE(0x1 | 0x40, 16); // IFF_UP | IFF_RUNNING
  const descriptor = socket(2, 2, 0) as number;
  const SIOCSIFFLAGS = 0x8914;
  if (descriptor < 0 || ioctl(descriptor, SIOCSIFFLAGS, request) !== 0) throw new Error('cannot raise the loopback interface');
  close(descriptor);
}

/** syslog(3) falls back from datagrams to a stream when /dev/log is one. */
function serveSyslog(): Promise<void> {
  rmSync('/dev/log', { force: true });
  const server = createServer((connection) => {
    connection.on('error', () => {});
    connection.on('data', (data) => void appendFile('/var/log/syslog-of-world', data.toString('latin1').replaceAll('\0', '\n')));
  });
  return new Promise((resolve) => {
    server.listen({ path: '/dev/log', readableAll: true, writableAll: true }, resolve);
  });
}

if (process.env.BELAY_WORLD_NET === '1') raiseLoopback();
await serveSyslog();
const lines = createInterface({ input: process.stdin, crlfDelay: Number.POSITIVE_INFINITY });
lines.on('line', (line) => obey(JSON.parse(line) as WorldOrder));
lines.once('close', () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
report({ is: 'ready' });
