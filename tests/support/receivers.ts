/** Whoever is told outside, in tests: a mail server of its own process and an HTTPS server that takes webhook calls. */
import { type ChildProcess, spawn } from 'node:child_process';
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createHttpServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { createAuthority, loadAuthority } from '../../policy-server/src/pki/authority.ts';
import { projectRoot } from '../../tools/node26.mjs';
import type { ReceiverOptions } from './mail-receiver.ts';

const START_MS = 60_000;

/** Files of an authority and a certificate of localhost that it signed. */
export type TestTls = { readonly folder: string; readonly ca: string; readonly key: string; readonly cert: string; readonly keyPem: string; readonly certPem: string; close(): void };

export async function makeTls(): Promise<TestTls> {
  const folder = mkdtempSync(join(tmpdir(), 'belay-receivers-'));
  const pair = await createAuthority(randomBytes(32), Date.now());
  const issued = await (await loadAuthority(pair)).issueServer(['localhost', '127.0.0.1'], Date.now());
  const [ca, key, cert] = [join(folder, 'ca.pem'), join(folder, 'key.pem'), join(folder, 'cert.pem')];
  writeFileSync(ca, pair.certificate);
  writeFileSync(key, issued.key, { mode: 0o600 });
  writeFileSync(cert, issued.certificate);
  return { folder, ca, key, cert, keyPem: issued.key, certPem: issued.certificate, close: () => rmSync(folder, { recursive: true, force: true }) };
}

export type Mail = { readonly from: string; readonly to: readonly string[]; readonly secure: boolean; readonly raw: string };
export type Mailbox = { readonly port: number; readonly mails: readonly Mail[]; close(): Promise<void> };
export type MailboxOptions = Partial<Pick<ReceiverOptions, 'port' | 'tls' | 'user' | 'password' | 'unknown'>>;

export async function startMailbox({ key, cert }: TestTls, options: MailboxOptions = {}): Promise<Mailbox> {
  const { port = 0, tls = 'starttls', unknown = [], user, password } = options;
  const settings: ReceiverOptions = { port, tls, key, cert, unknown, user, password };
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', join(projectRoot, 'tests/support/mail-receiver.ts'), JSON.stringify(settings)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const mails: Mail[] = [];
  const listening = await new Promise<number>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the mail server did not start')), START_MS);
    createInterface({ input: child.stdout }).on('line', (line) => {
      const said = JSON.parse(line) as Mail | { readonly port: number } | { readonly error: string };
      if ('raw' in said) mails.push(said);
      if (!('port' in said)) return;
      clearTimeout(timer);
      resolve(said.port);
    });
    child.once('exit', () => reject(new Error('the mail server ended')));
  });
  return { port: listening, mails, close: () => end(child) };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, 'exit');
  child.kill('SIGKILL');
  await gone;
}

export type HookCall = { readonly method: string; readonly path: string; readonly headers: IncomingHttpHeaders; readonly body: string; readonly from: string };
/** `hang`: never. */
export type HookAnswer = number | 'hang' | ((response: ServerResponse) => void);
export type HookReceiver = {
  readonly url: string;
  readonly port: number;
  readonly calls: readonly HookCall[];
  /** How it answers from now on. */
  answer(how: HookAnswer): void;
  answerEach(how: (call: HookCall, index: number) => HookAnswer): void;
  close(): Promise<void>;
};

/** Without `tls`: in clear. */
export async function startHookReceiver(tls: TestTls | undefined, port = 0): Promise<HookReceiver> {
  const calls: HookCall[] = [];
  let answering: (call: HookCall, index: number) => HookAnswer = () => 204;
  const take = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const call = { method: request.method ?? '', path: request.url ?? '', headers: request.headers, body: await text(request), from: request.socket.remoteAddress ?? '' };
    calls.push(call);
    const how = answering(call, calls.length - 1);
    if (typeof how === 'number') response.writeHead(how).end();
    else if (how !== 'hang') how(response);
  };
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    take(request, response).catch(() => response.destroy());
  };
  const server = tls === undefined ? createHttpServer(onRequest) : createServer({ key: tls.keyPem, cert: tls.certPem }, onRequest);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const { port: listening } = server.address() as AddressInfo;
  return {
    url: `http${tls === undefined ? '' : 's'}://127.0.0.1:${listening}/hook`, port: listening, calls,
    answer(how) {
      answering = () => how;
    },
    answerEach(how) {
      answering = how;
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

const TOLERANCE_S = 300;

/** As a receiver verifies, from the words of Standard Webhooks 1.0 alone. Throws what is wrong. */
export function verifyCall({ headers, body }: HookCall, secret: string, nowMs = Date.now()): { readonly type: string; readonly timestamp: string; readonly data: Record<string, unknown> } {
  const [id, at, signatures] = ['webhook-id', 'webhook-timestamp', 'webhook-signature'].map((name) => String(headers[name] ?? '')) as [string, string, string];
  if (Math.abs(nowMs / 1000 - Number(at)) > TOLERANCE_S) throw new Error('too old, or too new');
  const expected = createHmac('sha256', Buffer.from(secret.replace(/^whsec_/, ''), 'base64')).update(`${id}.${at}.${body}`).digest();
  const isSigned = signatures.split(' ').some((each) => {
    const [version, value = ''] = each.split(',');
    const given = Buffer.from(value, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  if (!isSigned) throw new Error('not signed with this secret');
  return JSON.parse(body) as ReturnType<typeof verifyCall>;
}
