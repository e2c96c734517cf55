import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createInterface } from 'node:readline';
import { ensureDebian } from '../../../tools/debian.mjs';
import { nodeBinary, projectRoot } from '../../../tools/node26.mjs';
import type { WorldOrder, WorldReport } from './protocol.ts';

const startTimeoutMs = 90_000;
const endTimeoutMs = 10_000;
const pipesTimeoutMs = 5000;

export type SpawnOptions = {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly logFile?: string;
};

export type End = { readonly code: number | null; readonly signal: NodeJS.Signals | null; readonly error?: string };

/** A process of the world. `output` grows while it runs. */
export type WorldProcess = {
  readonly pid: Promise<number>;
  readonly ended: Promise<End>;
  readonly hasEnded: () => boolean;
  readonly output: () => { readonly stdout: string; readonly stderr: string };
  readonly write: (data: string | Uint8Array) => void;
  readonly endInput: () => void;
  readonly signal: (name: NodeJS.Signals, options?: { readonly group?: boolean }) => void;
};

export type Channel = {
  readonly spawn: (file: string, args: readonly string[], options?: SpawnOptions) => WorldProcess;
  /** The process id, outside, of the world's pid 1. */
  readonly hostPid: () => number;
  readonly close: () => Promise<void>;
};

/** The folder with sudo and PostgreSQL, or undefined where the machine itself must have them. */
export function debianTree(): string | undefined {
  const given = process.env.BELAY_DEBIAN_ROOT;
  if (given !== undefined && existsSync(given)) return given;
  return existsSync('/var/lib/dpkg/status') ? ensureDebian() : undefined;
}

/** Makes the namespaces and starts init.ts in them. Throws, with what the set-up said, when that cannot be done. */
export async function openChannel(options: { readonly ownNetwork: boolean }): Promise<Channel> {
  const setup = fileURLToPath(new URL('setup.sh', import.meta.url));
  const flags = ['-m', '-u', '-i', '-p', ...(options.ownNetwork ? ['-n'] : []), '--fork', '--kill-child=SIGKILL', '--mount-proc', '--propagation', 'private'];
  const child = spawn('unshare', [...flags, 'sh', setup], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: {
      PATH: '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin',
      LC_ALL: 'C.UTF-8',
      BELAY_WORLD_REPO: realpathSync(projectRoot),
      BELAY_WORLD_NODE: realpathSync(nodeBinary()),
      BELAY_WORLD_DEBIAN: debianTree() ?? '',
      BELAY_WORLD_NET: options.ownNetwork ? '1' : '0',
    },
  });
  return await connect(child);
}

type Entry = {
  readonly started: (pid: number) => void;
  readonly output: (from: 'stdout' | 'stderr', data: Buffer) => void;
  readonly ended: (end: End) => void;
};

async function connect(child: ChildProcessWithoutNullStreams): Promise<Channel> {
  const entries = new Map<number, Entry>();
  let lastId = 0;
  let complaints = '';
  let isGone = false;
  child.stderr.on('data', (data: Buffer) => { complaints = `${complaints}${data.toString()}`.slice(-8_000); });
  child.stdin.on('error', () => {});
  const ready = Promise.withResolvers<void>();
  const gone = Promise.withResolvers<void>();
  const end = (reason: string): void => {
    isGone = true;
    ready.reject(new Error(`the world did not start (${reason}): ${complaints.trim()}`));
    for (const entry of entries.values()) entry.ended({ code: null, signal: 'SIGKILL', error: `the world ended: ${complaints.trim()}` });
    entries.clear();
    gone.resolve();
  };
  child.once('error', (error) => end(error.message));
  child.once('close', (code, signal) => end(`${code ?? signal}`));
  // Whoever still holds a pipe of a world that is gone must not keep a test waiting for ever.
  child.once('exit', (code, signal) => {
    setTimeout(() => {
      child.stdout.destroy();
      child.stderr.destroy();
      end(`${code ?? signal}`);
    }, pipesTimeoutMs).unref();
  });
  const heard = (message: WorldReport): void => {
    if (message.is === 'ready') return ready.resolve();
    const entry = entries.get(message.id);
    if (message.is === 'started') entry?.started(message.pid);
    else if (message.is === 'output') entry?.output(message.from, Buffer.from(message.data, 'base64'));
    else {
      entries.delete(message.id);
      entry?.ended(message);
    }
  };
  createInterface({ input: child.stdout, crlfDelay: Number.POSITIVE_INFINITY }).on('line', (line) => heard(JSON.parse(line) as WorldReport));
  // readline takes U+2028 and U+2029 for line ends; JSON lets them stand.
  const lineOf = (order: WorldOrder): string => JSON.stringify(order).replaceAll('\u2028', String.raw`\u2028`).replaceAll('\u2029', String.raw`\u2029`);
  const say = (order: WorldOrder): void => { if (!isGone) child.stdin.write(`${lineOf(order)}\n`); };

  const timer = setTimeout(() => { child.kill('SIGKILL'); }, startTimeoutMs);
  try {
    await ready.promise;
  } finally {
    clearTimeout(timer);
  }
  return {
    spawn: (file, args, options = {}) => {
      const id = ++lastId;
      if (isGone) throw new Error(`the world has ended: ${complaints.trim()}`);
      return createProcess({ file, args, options, id, say, register: (entry) => entries.set(id, entry) });
    },
    hostPid: () => firstChildOf(child.pid ?? 0),
    close: async () => {
      child.stdin.end();
      const killer = setTimeout(() => child.kill('SIGKILL'), endTimeoutMs);
      await gone.promise;
      clearTimeout(killer);
    },
  };
}

function firstChildOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0]);
}

type ProcessSpec = {
  readonly file: string;
  readonly args: readonly string[];
  readonly options: SpawnOptions;
  readonly id: number;
  readonly say: (order: WorldOrder) => void;
  readonly register: (entry: Entry) => void;
};

function createProcess({ file, args, options, id, say, register }: ProcessSpec): WorldProcess {
  const pid = Promise.withResolvers<number>();
  const ended = Promise.withResolvers<End>();
  // Nobody has to ask for the pid.
  pid.promise.catch(() => {});
  const output = { stdout: [] as Buffer[], stderr: [] as Buffer[] };
  let hasEnded = false;
  register({
    started: pid.resolve,
    output: (from, data) => output[from].push(data),
    ended: (end) => {
      hasEnded = true;
      pid.reject(new Error(end.error ?? 'it did not start'));
      ended.resolve(end);
    },
  });
  const { env = {}, cwd = '/', logFile } = options;
  say({ do: 'spawn', id, file, args, env, cwd, ...(logFile === undefined ? {} : { logFile }) });
  return {
    pid: pid.promise,
    ended: ended.promise,
    hasEnded: () => hasEnded,
    output: () => ({ stdout: Buffer.concat(output.stdout).toString(), stderr: Buffer.concat(output.stderr).toString() }),
    write: (data) => say({ do: 'write', id, data: Buffer.from(data).toString('base64') }),
    endInput: () => say({ do: 'end-input', id }),
    signal: (name, { group = false } = {}) => say({ do: 'signal', id, signal: name, group }),
  };
}
