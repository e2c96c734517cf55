import { createHmac } from 'node:crypto';
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import type { LookupFunction } from 'node:net';
import { getCACertificates } from 'node:tls';
import type { Outcome } from './delivery.ts';
import { type AddressRules, checkAddress, type CheckedAddress, parseWebhookUrl, type Resolve } from './webhook-address.ts';


export type WebhookMessage = {
  /** What receivers know repetitions by: alike in every attempt. */
  readonly id: string;
  readonly url: string;
  readonly body: string;
  /** Each signs; the receiver accepts any. */
  readonly secrets: readonly Uint8Array[];
};
export type WebhookCallDeps = { readonly rules: AddressRules; readonly clock: () => number; readonly authorities?: string | undefined; readonly resolve?: Resolve | undefined };

const TIMEOUT_MS = 10_000;
const MAX_ANSWER = 64 * 1024;

/** Standard Webhooks 1.0: what is signed is `id.timestamp.body`. `timestamp` in seconds. */
export function signatureOf(secret: Uint8Array, id: string, timestamp: number, body: string): string {
  // SECURITY(T-40): the time is signed too, so that a recorded call cannot be played again later.
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`;
}

/** One attempt. Never follows a redirect: the answer could send it elsewhere with everything in it. */
export async function callWebhook({ id, url: text, body, secrets }: WebhookMessage, deps: WebhookCallDeps, signal: AbortSignal): Promise<Outcome> {
  const url = parseWebhookUrl(text, deps.rules);
  if (!url.ok) return { kind: 'failed', why: url.error };
  const checked = await checkAddress(url.value, deps.rules, deps.resolve);
  if (!checked.ok) return { kind: 'failed', why: checked.error };
  const timestamp = Math.floor(deps.clock() / 1000);
  const limit = AbortSignal.timeout(TIMEOUT_MS);
  const options: RequestOptions = {
    method: 'POST', agent: false, signal: AbortSignal.any([signal, limit]),
    lookup: pinned(checked.value),
    headers: {
      'content-type': 'application/json', 'content-length': Buffer.byteLength(body), 'user-agent': 'belay-server', accept: '*/*', connection: 'close',
      'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': secrets.map((secret) => signatureOf(secret, id, timestamp, body)).join(' '),
    },
  };
  try {
    return outcomeOf(await exchange(url.value, options, deps.authorities, body));
  } catch (error) {
    return { kind: 'failed', why: limit.aborted ? `no answer within ${TIMEOUT_MS / 1000} s` : reasonOf(error) };
  }
}

/** SECURITY(T-41): asked for the name again, it answers what was checked. */
function pinned({ addresses }: CheckedAddress): LookupFunction {
  return (_host, { all }, answer) => {
    const [first] = addresses;
    if (all === true || first === undefined) answer(null, [...addresses]);
    else answer(null, first.address, first.family);
  };
}

function exchange(url: URL, options: RequestOptions, authorities: string | undefined, body: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'http:' ? httpRequest(url, options)
      : httpsRequest(url, { ...options, minVersion: 'TLSv1.2', ...(authorities === undefined ? {} : { ca: [...getCACertificates(), authorities] }) });
    request.on('error', reject);
    request.on('response', (answer) => {
      drain(answer).then(() => resolve(answer.statusCode ?? 0), reject);
    });
    request.end(body);
  });
}

/** Read to its end, so that the receiver is not cut off in its sentence; what it says is nobody's concern. */
async function drain(answer: IncomingMessage): Promise<void> {
  let size = 0;
  for await (const chunk of answer) {
    size += (chunk as Buffer).length;
    if (size > MAX_ANSWER) break;
  }
  answer.destroy();
}

function outcomeOf(status: number): Outcome {
  if (status >= 200 && status < 300) return { kind: 'delivered' };
  if (status === 410) return { kind: 'refused', why: 'answered 410: nobody listens there any more' };
  return { kind: 'failed', why: status >= 300 && status < 400 ? `answered ${status}; redirects are not followed` : `answered ${status}` };
}

/** Codes only: messages of libraries may quote what the other side sent. */
function reasonOf(error: unknown): string {
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'the connection failed';
}
