import type { WorldProcess } from './channel.ts';
import { endWithin, type Place } from './place.ts';

export const logFolder = '/var/log/belay';
const stopTimeoutMs = 45_000;

/** A long-running program of a world. */
export type Service = {
  readonly name: string;
  /** Starts it, unless it runs, and waits until it is ready. */
  readonly start: () => Promise<void>;
  /** Asks it to end and waits; one that does not end in time is killed, and that is an error. */
  readonly stop: () => Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  readonly kill: () => Promise<void>;
  readonly isRunning: () => boolean;
  readonly pid: () => Promise<number>;
  readonly signal: (name: NodeJS.Signals) => void;
  readonly log: () => Promise<string>;
};

export type ServiceSpec = {
  readonly name: string;
  readonly user: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly isReady: () => Promise<boolean>;
  readonly readyTimeoutMs?: number;
};

export function createService(place: Place, spec: ServiceSpec): Service {
  let running: WorldProcess | undefined;
  const logFile = `${logFolder}/${spec.name}.log`;
  const log = async (): Promise<string> => (await place.run(['tail', '-n', '60', logFile])).stdout;
  const isRunning = (): boolean => running !== undefined && !running.hasEnded();
  return {
    name: spec.name,
    isRunning,
    start: async () => {
      if (isRunning()) return;
      running = place.spawnAs(spec.user, spec.command, { logFile, cwd: '/', env: spec.env ?? {} });
      const { readyTimeoutMs = 90_000, isReady } = spec;
      const deadline = Date.now() + readyTimeoutMs;
      while (!(await isReady())) {
        if (!isRunning()) throw new Error(`${spec.name} ended while it started:\n${await log()}`);
        if (Date.now() > deadline) throw new Error(`${spec.name} was not ready within ${readyTimeoutMs} ms:\n${await log()}`);
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    },
    stop: async () => {
      if (running === undefined || running.hasEnded()) return;
      running.signal('SIGTERM');
      if ((await endWithin(running, stopTimeoutMs)) !== undefined) return;
      running.signal('SIGKILL');
      await running.ended;
      throw new Error(`${spec.name} did not end within ${stopTimeoutMs} ms of SIGTERM:\n${await log()}`);
    },
    kill: async () => {
      running?.signal('SIGKILL', { group: true });
      await running?.ended;
    },
    pid: async () => await (running?.pid ?? Promise.reject(new Error(`${spec.name} was never started`))),
    signal: (name) => running?.signal(name),
    log,
  };
}
