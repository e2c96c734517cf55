import type { X509Certificate } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { connect } from 'node:tls';
import { Ended, exitNameOf } from './exit-codes.ts';
import { type Connection, connection } from './settings.ts';
import { inert, inertLines } from './text.ts';

const TIMEOUT_MS = 60_000;
const MAX_ANSWER = 256 * 1024 * 1024;

export type Method = 'GET' | 'POST';
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;
type Target = Omit<Connection, 'token'> & { readonly token?: string | undefined };
type Asked = { readonly method: Method; readonly path: string; readonly query?: Query; readonly body?: unknown; readonly signal?: AbortSignal };

/** As whoever is signed in. Throws `Ended` with the server's own sentence when it refuses. */
export interface Api {
  get<T>(path: string, query?: Query): Promise<T>;
  post<T>(path: string, body?: unknown): Promise<T>;
  /** A list, page by page; `name` is what the answer calls its rows. No more than `limit` of them. */
  all<T>(path: string, name: string, query?: Query, limit?: number): Promise<readonly T[]>;
  /** An answer that is read as it comes, without a limit of time or size. */
  stream(path: string, query?: Query, signal?: AbortSignal): Promise<IncomingMessage>;
}

const PAGE = 200;

export function createApi(target: Target = connection()): Api {
  const get: Api['get'] = async (path, query) => readJson(await ask(target, { method: 'GET', path, ...(query === undefined ? {} : { query }) }));
  return {
    get,
    async all<T>(path: string, name: string, query: Query = {}, limit = Number.POSITIVE_INFINITY) {
      const rows: T[] = [];
      let cursor: string | undefined;
      do {
        const page: Record<string, unknown> = await get(path, { ...query, limit: Math.min(PAGE, limit - rows.length), cursor });
        rows.push(...(page[name] as readonly T[]));
        cursor = (page['next'] as string | null) ?? undefined;
      } while (cursor !== undefined && rows.length < limit);
      return rows;
    },
    post: async (path, body = {}) => readJson(await ask(target, { method: 'POST', path, body })),
    stream: (path, query, signal) => ask(target, { method: 'GET', path, ...(query === undefined ? {} : { query }), ...(signal === undefined ? {} : { signal }) }, true),
  };
}

async function ask(target: Target, asked: Asked, streams = false): Promise<IncomingMessage> {
  const url = new URL(`/api/v1${asked.path}`, target.server);
  for (const [name, value] of Object.entries(asked.query ?? {})) if (value !== undefined) url.searchParams.set(name, String(value));
  const body = asked.body === undefined ? undefined : JSON.stringify(asked.body);
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    const request = httpsRequest(url, {
      method: asked.method,
      minVersion: 'TLSv1.3',
      agent: false,
      ...(target.ca === undefined ? {} : { ca: target.ca }),
      ...(asked.signal === undefined ? {} : { signal: asked.signal }),
      headers: {
        accept: streams ? '*/*' : 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
        ...(target.token === undefined ? {} : { authorization: `Bearer ${target.token}` }),
      },
    });
    request.on('error', (error) => reject(unreachable(target.server, error)));
    request.on('response', resolve);
    if (!streams) request.setTimeout(TIMEOUT_MS, () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)));
    request.end(body);
  });
  if ((answer.statusCode ?? 500) >= 400) throw refused(answer.statusCode ?? 500, await readText(answer), target.token !== undefined);
  return answer;
}

const UNTRUSTED = new Set(['SELF_SIGNED_CERT_IN_CHAIN', 'DEPTH_ZERO_SELF_SIGNED_CERT', 'UNABLE_TO_VERIFY_LEAF_SIGNATURE', 'UNABLE_TO_GET_ISSUER_CERT', 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY', 'CERT_SIGNATURE_FAILURE']);

function unreachable(server: URL, error: Error): Ended {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (UNTRUSTED.has(code)) {
    return new Ended('unreachable', `The certificate of ${server.origin} is not signed by an authority that you trust. Give "belayctl login" the server's own: --ca FILE (DATA/pki/ca.pem on the server), or --fingerprint HEX.`);
  }
  return new Ended('unreachable', `${server.origin} cannot be reached: ${inert(error.message || code)}`);
}

async function readText(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    size += (chunk as Buffer).length;
    if (size > MAX_ANSWER) throw new Ended('failed', 'The answer is too large.');
    chunks.push(chunk as Buffer);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readJson<T>(answer: IncomingMessage): Promise<T> {
  return JSON.parse(await readText(answer)) as T;
}

type PolicyProblem = { readonly file: string; readonly line: number; readonly column: number; readonly message: string; readonly remedy: string };
type Problem = { readonly code?: string; readonly detail?: string; readonly request?: string; readonly problems?: readonly PolicyProblem[] };

export function problemLines(problems: readonly PolicyProblem[]): string {
  return problems.map(({ file, line, column, message, remedy }) => `${inert(file)}:${line}:${column}: ${inertLines(message)}. ${inertLines(remedy)}\n`).join('');
}

function refused(status: number, text: string, isSignedIn: boolean): Ended {
  let problem: Problem = {};
  try {
    problem = JSON.parse(text) as Problem;
  } catch {
    return new Ended('failed', `The server answered ${status} and nothing that can be read. Is this the API's port (7445)?`);
  }
  const { code = `HTTP ${status}`, detail = 'refused', request, problems = [] } = problem;
  const hint = code === 'BELAY_E_UNAUTHENTICATED' && isSignedIn ? ' Sign in with "belayctl login".' : '';
  const trace = code === 'BELAY_E_INTERNAL' && request !== undefined ? ` The server's log has more under request ${inert(request)}.` : '';
  return new Ended(exitNameOf(code), `${inertLines(detail)}${hint}${trace} (${inert(code)})`, problemLines(problems), code);
}

/** The certificate in the server's chain with this SHA-256, as PEM. Nothing is sent before it is found. */
export async function authorityByFingerprint(server: URL, fingerprint: string): Promise<string> {
  const wanted = fingerprint.replace(/^sha256:/i, '').replaceAll(':', '').toLowerCase();
  if (!/^[0-9a-f]{64}$/.test(wanted)) throw new Ended('usage', 'A fingerprint is the SHA-256 of the authority\'s certificate: 64 hexadecimal digits.');
  const chain = await presentedChain(server);
  const found = chain.find((certificate) => certificate.ca && certificate.fingerprint256.replaceAll(':', '').toLowerCase() === wanted);
  if (found === undefined) throw new Ended('unreachable', `${server.origin} does not present an authority with this fingerprint: it may be another server, or somebody in between.`);
  return found.toString();
}

function presentedChain(server: URL): Promise<readonly X509Certificate[]> {
  return new Promise((resolve, reject) => {
    const host = server.hostname.replace(/^\[|\]$/g, '');
    // SECURITY(T-26): nothing is trusted yet; only the certificate whose fingerprint the person gave is kept, and the
    // connection that carries the password is verified against it.
    const socket = connect({ host, port: Number(server.port), servername: /^[0-9.]+$|:/.test(host) ? '' : host, rejectUnauthorized: false, minVersion: 'TLSv1.3', timeout: TIMEOUT_MS }, () => {
      const chain: X509Certificate[] = [];
      for (let at = socket.getPeerX509Certificate(); at !== undefined && chain.length < 10; at = at.issuerCertificate) {
        chain.push(at);
        if (at.issuerCertificate?.fingerprint256 === at.fingerprint256) break;
      }
      socket.destroy();
      resolve(chain);
    });
    socket.on('timeout', () => socket.destroy(new Error('no answer')));
    socket.on('error', (error) => reject(unreachable(server, error)));
  });
}
