import { readFileSync, statSync } from 'node:fs';
import type { Rate } from '@belay/core/rate-limit';
import { err, ok, type Result } from '@belay/core/result';
import { watch } from 'chokidar';
import { parse } from 'yaml';
import * as z from 'zod';

const DAY_MS = 24 * 60 * 60 * 1000;
const MIB = 1024 * 1024;

/** /etc/belay/agent.yaml. Every key has a default; an unknown one is an error. `docs/agent-config.md` explains each. */
const shape = z.strictObject({
  sudo: z
    .strictObject({
      /** PAM account management for the requester before a command runs. */
      pamAccount: z.boolean().default(true),
      /** PAM credentials and session of the user the command runs as. */
      pamSession: z.boolean().default(true),
    })
    .prefault({}),
  journal: z
    .strictObject({
      /** Bytes of events kept on this device. What no server has receipted is never dropped: at the limit nothing is elevated. */
      maxBytes: z.number().int().min(4 * MIB).max(1024 * 1024 * MIB).default(512 * MIB),
      /** How long receipted events are kept. */
      retentionDays: z.number().int().min(1).max(3650).default(30),
    })
    .prefault({}),
  /** Sessions that a rule wants recorded. They are kept as long as receipted events are. */
  recording: z
    .strictObject({
      /** Bytes of one recording; at the limit the rule's `onFailure.recorderUnable` says what happens. */
      maxSessionBytes: z.number().int().min(MIB).max(1024 * MIB).default(64 * MIB),
      /** Bytes of all together; beyond it the oldest go first. */
      maxBytes: z.number().int().min(MIB).max(1024 * 1024 * MIB).default(2048 * MIB),
    })
    .refine(({ maxSessionBytes, maxBytes }) => maxSessionBytes <= maxBytes, 'maxBytes is less than maxSessionBytes')
    .prefault({}),
  approvals: z
    .strictObject({
      /** Requests for approval that one person may make at once. */
      askedAtOnce: z.number().int().min(1).max(10_000).default(60),
      /** And how many more in each hour after that. */
      askedPerHour: z.number().int().min(1).max(10_000).default(60),
    })
    .prefault({}),
  log: z.strictObject({ level: z.enum(['debug', 'info', 'warn', 'error']).default('info') }).prefault({}),
});

export type AgentConfig = z.infer<typeof shape>;
const HOUR_S = 60 * 60;
export const DEFAULT_CONFIG: AgentConfig = shape.parse({});

export function retentionMs(config: AgentConfig): number {
  return config.journal.retentionDays * DAY_MS;
}

export function askingRate({ approvals }: AgentConfig): Rate {
  return { burst: approvals.askedAtOnce, perSecond: approvals.askedPerHour / HOUR_S };
}

/** Errors: one sentence naming every fault. */
export function parseConfig(text: string): Result<AgentConfig, string> {
  let content: unknown;
  try {
    content = parse(text, { strict: true, uniqueKeys: true });
  } catch (error) {
    return err(Error.isError(error) ? (error.message.split('\n', 1)[0] ?? 'not YAML') : 'not YAML');
  }
  const parsed = shape.safeParse(content ?? {});
  if (parsed.success) return ok(parsed.data);
  return err(parsed.error.issues.map((issue) => `${issue.path.length === 0 ? 'the file' : issue.path.join('.')}: ${issue.message}`).join('; '));
}

/** An absent file means the defaults. One that others may write is not obeyed. */
export function readConfig(file: string): Result<AgentConfig, string> {
  const stats = statSync(file, { throwIfNoEntry: false });
  if (stats === undefined) return ok(DEFAULT_CONFIG);
  if (stats.uid !== 0 || (stats.mode & 0o022) !== 0) return err(`${file} must belong to root and be writable by nobody else`);
  const parsed = parseConfig(readFileSync(file, 'utf8'));
  return parsed.ok ? parsed : err(`${file}: ${parsed.error}`);
}

export interface ConfigWatch {
  close(): Promise<void>;
}

/** Calls when the file has changed. */
export function watchConfig(file: string, changed: () => void): ConfigWatch {
  const watcher = watch(file, { ignoreInitial: true, persistent: false, awaitWriteFinish: { stabilityThreshold: 100, pollInterval: 50 } });
  watcher.on('all', changed);
  watcher.on('error', () => {});
  return watcher;
}
