import { chmodSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { Ended } from './exit-codes.ts';

const settingsShape = z.strictObject({
  server: z.string(),
  /** PEM of the authority that the server's certificate must be signed by; absent: the system's authorities. */
  ca: z.string().optional(),
  token: z.string(),
  name: z.string(),
  role: z.string(),
  expiresAt: z.number(),
});
/** What `login` keeps: where, whom to trust, and the session. */
export type Settings = z.output<typeof settingsShape>;

export function settingsFile(): string {
  const base = process.env['XDG_CONFIG_HOME'];
  return join(base === undefined || base === '' ? join(homedir(), '.config') : base, 'belay', 'ctl.json');
}

export function readSettings(): Settings | undefined {
  const file = settingsFile();
  let text: string;
  try {
    if ((statSync(file).mode & 0o077) !== 0) throw new Ended('failed', `${file} holds a session and others may read it: chmod 600 it, or remove it and sign in again.`);
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const parsed = settingsShape.safeParse(parseJson(text));
  if (!parsed.success) throw new Ended('failed', `${file} is damaged: remove it and sign in again.`);
  return parsed.data;
}

export function writeSettings(settings: Settings): void {
  const file = settingsFile();
  mkdirSync(join(file, '..'), { recursive: true, mode: 0o700 });
  const partial = `${file}.${process.pid}`;
  writeFileSync(partial, `${JSON.stringify(settings, null, 2)}\n`, { mode: 0o600 });
  chmodSync(partial, 0o600);
  renameSync(partial, file);
}

export function forgetSettings(): void {
  rmSync(settingsFile(), { force: true });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type Connection = { readonly server: URL; readonly ca: string | undefined; readonly token: string };

/** Environment first (for CI), then what `login` kept. */
export function connection(): Connection {
  const { BELAY_SERVER: server, BELAY_TOKEN: token, BELAY_CA: caFile } = process.env;
  const kept = token !== undefined && server !== undefined ? undefined : readSettings();
  const address = server ?? kept?.server;
  const bearer = token ?? kept?.token;
  if (address === undefined || bearer === undefined) throw new Ended('unauthenticated', 'Not signed in: run "belayctl login --server https://HOST:7445", or set BELAY_SERVER and BELAY_TOKEN.');
  if (token === undefined && server !== undefined && kept !== undefined && serverUrl(server).origin !== serverUrl(kept.server).origin) {
    // The session is for one server only: another must never be sent it.
    throw new Ended('unauthenticated', `BELAY_SERVER names another server than you are signed in to (${kept.server}): sign in there, or set BELAY_TOKEN too.`);
  }
  return { server: serverUrl(address), ca: caFile === undefined || caFile === '' ? kept?.ca : readCa(caFile), token: bearer };
}

export function readCa(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new Ended('usage', `The authority's certificate cannot be read: ${(error as Error).message}`);
  }
}

/** "host", "host:port" or "https://host:port"; 7445 where no port is named. */
export function serverUrl(text: string): URL {
  const full = text.includes('://') ? text : `https://${text}`;
  const url = URL.parse(full);
  if (url === null || url.protocol !== 'https:' || url.username !== '' || !['', '/'].includes(url.pathname) || url.search !== '') {
    throw new Ended('usage', `This is not a server's address: "${text}". Write https://HOST:7445.`);
  }
  if (url.port === '' && !/:443\/?$/.test(full)) url.port = '7445';
  return url;
}
