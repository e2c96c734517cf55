/** A real belay-server process and the real belayctl, each test's in folders of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { freePort } from './free-port.ts';
import { nodeArguments } from './programs.ts';

const START_MS = 60_000;
const RUN_MS = 60_000;
export const ADMIN_PASSWORD = 'a rope for the admin';

export type Ran = { readonly code: number | null; readonly stdout: string; readonly stderr: string };
export type RunOptions = { readonly input?: string; readonly env?: Readonly<Record<string, string>> };

export type TestFleet = {
  readonly folder: string;
  readonly url: string;
  readonly ca: string;
  readonly serverId: string;
  /** Home of whoever runs belayctl. */
  readonly home: string;
  ctl(args: readonly string[], options?: RunOptions): Promise<Ran>;
  /** The same, left running. */
  start(args: readonly string[], options?: RunOptions): ChildProcess;
  /** With --json; throws unless it ends with 0. */
  ask<T>(args: readonly string[], options?: RunOptions): Promise<T>;
  stopServer(): Promise<void>;
  /** As a power cut would. */
  killServer(): Promise<void>;
  startServer(): Promise<void>;
  close(): Promise<void>;
};

export async function startTestFleet(options: { readonly databaseUrl?: string } = {}): Promise<TestFleet> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-ctl-'));
  const [data, home, password] = [join(folder, 'data'), join(folder, 'home'), join(folder, 'password')];
  writeFileSync(password, `${ADMIN_PASSWORD}\n`, { mode: 0o600 });
  const made = await finish(spawn(process.execPath, nodeArguments('belay-server', [
    'init', '--data', data, '--admin', 'admin', '--admin-password-file', password, '--address', 'localhost', '--listen', '127.0.0.1',
    '--fleet-port', '0', '--enrollment-port', '0', '--api-port', String(await freePort()), ...(options.databaseUrl === undefined ? [] : ['--database', options.databaseUrl]),
  ])));
  if (made.code !== 0) throw new Error(`init failed: ${made.stderr}`);
  const serverId = /server id\s+([0-9a-f]{64})/.exec(made.stdout)?.[1] ?? '';
  let running: ChildProcess | undefined;
  let url = '';
  const startServer = async (): Promise<void> => {
    running = spawn(process.execPath, nodeArguments('belay-server', ['serve', '--config', join(data, 'server.yaml')]), { stdio: ['ignore', 'ignore', 'pipe'], env: process.env });
    url = (await readyAddress(running)).replace('127.0.0.1', 'localhost');
  };
  const endServer = async (signal: NodeJS.Signals): Promise<void> => {
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) return;
    const gone = new Promise((resolve) => running?.once('exit', resolve));
    running.kill(signal);
    await gone;
  };
  const stopServer = () => endServer('SIGTERM');
  await startServer();
  const environment = (env: RunOptions['env']) => ({ PATH: process.env['PATH'] ?? '', HOME: home, TZ: 'UTC', ...env });
  const start: TestFleet['start'] = (args, { input, env } = {}) => {
    const child = spawn(process.execPath, nodeArguments('belayctl', args), { env: environment(env), cwd: folder, stdio: 'pipe' });
    child.stdin.on('error', () => undefined);
    child.stdin.end(input ?? '');
    return child;
  };
  const run: TestFleet['ctl'] = (args, runOptions) => finish(start(args, runOptions));
  return {
    folder, home, serverId, start, stopServer,
    killServer: () => endServer('SIGKILL'),
    get url() {
      return url;
    },
    ca: join(data, 'pki', 'ca.pem'),
    ctl: run,
    async ask<T>(args: readonly string[], runOptions?: RunOptions) {
      const ran = await run([...args, '--json'], runOptions);
      if (ran.code !== 0) throw new Error(`belayctl ${args.join(' ')} ended with ${ran.code}: ${ran.stderr}`);
      return JSON.parse(ran.stdout) as T;
    },
    startServer,
    async close() {
      await stopServer();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function finish(child: ChildProcess): Promise<Ran> {
  return new Promise((resolve, reject) => {
    let [stdout, stderr] = ['', ''];
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      stdout += chunk;
    });
    child.stderr?.setEncoding('utf8').on('data', (chunk: string) => {
      stderr += chunk;
    });
    const timer = setTimeout(() => child.kill('SIGKILL'), RUN_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearTimeout(timer);
      resolve({ code, stdout, stderr });
    });
  });
}

/** Waits for the line "ready" and answers the API's address; goes on emptying the log. */
function readyAddress(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let log = '';
    const timer = setTimeout(() => reject(new Error(`the server was not ready in time: ${log}`)), START_MS);
    child.on('exit', () => reject(new Error(`the server ended: ${log}`)));
    if (child.stderr === null) throw new Error('the log is not piped');
    createInterface({ input: child.stderr }).on('line', (line) => {
      log = `${log}${line}\n`.slice(-8000);
      if (!line.includes('"msg":"ready"')) return;
      clearTimeout(timer);
      resolve((JSON.parse(line) as { api: string }).api);
    });
  });
}

export function lines(file: string): readonly string[] {
  return readFileSync(file, 'utf8').trimEnd().split('\n');
}
