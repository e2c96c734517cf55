import { type Failure, failure } from '@belay/core/codes';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type * as z from 'zod';
import type { ServerContext } from '../context.ts';
import { NOBODY } from '../features/accounts/principal.ts';
import type { Idempotency } from '../features/idempotency/answers.ts';
import { addressOfPeer } from '../fleet/peer-address.ts';
import { ACCESS, mayCall, type Method, type RouteName } from './access.ts';
import { type Caller, csrfFault, type Identified, originOf } from './caller.ts';
import { problemOf } from './problem.ts';
import { type Answer, type Call, type Route, STREAMED } from './route.ts';

export function answerProblems(app: FastifyInstance, { log }: Pick<ServerContext, 'log'>, caller: Caller): void {
  app.setErrorHandler((error, request, reply) => {
    const failed = failureOf(error);
    if (failed.code === 'BELAY_E_INTERNAL') log.error({ err: error, request: request.id }, 'an API request failed');
    return refuse(reply, request, failed);
  });
  // Without a token nobody learns which addresses exist.
  app.setNotFoundHandler(async (request, reply) => {
    const identified = await caller.identify(request);
    return refuse(reply, request, failure(identified === undefined ? 'BELAY_E_UNAUTHENTICATED' : 'BELAY_E_NOT_PERMITTED'));
  });
}

/** Fastify's own refusals by their status; whatever is not expected is our fault and says nothing of itself. */
function failureOf(error: unknown): Failure {
  const { failure: own, statusCode, message } = error as { failure?: Failure; statusCode?: number; message: string };
  if (own !== undefined) return own;
  if (statusCode === 413) return failure('BELAY_E_TOO_LARGE');
  if (statusCode === 429) return failure('BELAY_E_RATE_LIMITED');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return failure('BELAY_E_BAD_REQUEST', message);
  return failure('BELAY_E_INTERNAL');
}

function refuse(reply: FastifyReply, request: FastifyRequest, failed: Failure): FastifyReply {
  const problem = problemOf(failed, request.id);
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type('application/problem+json').send(problem);
}

export type Registering = { readonly caller: Caller; readonly mayTry: (address: string) => boolean; readonly idempotency: Idempotency; readonly ending: AbortSignal };

const ANYONE: Identified = { principal: NOBODY, csrf: null };

/** Where passwords, codes and keys are tried. */
const SIGN_IN = new Set<RouteName>(['POST /api/v1/login', 'POST /api/v1/session', 'POST /api/v1/session/totp', 'GET /api/v1/session/oidc/start', 'GET /api/v1/session/oidc/callback/:id', 'POST /api/v1/session/passkey/options', 'POST /api/v1/session/passkey/finish', 'POST /api/v1/me/password']);

export function register(app: FastifyInstance, { name, shapes, handle }: Route, { caller, mayTry, idempotency, ending }: Registering): void {
  const [method, url] = name.split(' ') as [Method, string];
  const access = ACCESS[name];
  const known = new WeakMap<FastifyRequest, Identified>();
  app.route({
    method, url, ...(shapes.bodyLimit === undefined ? {} : { bodyLimit: shapes.bodyLimit }),
    // Before the body is read: who may not call need not send one.
    preParsing: async (request, reply) => {
      // SECURITY(T-52): all ways to try one share one count an address; of IPv6 a /64 is one.
      if (SIGN_IN.has(name) && !mayTry(addressOfPeer(`[${request.ip}]:0`))) return refuse(reply, request, failure('BELAY_E_RATE_LIMITED'));
      const identified = access === 'anyone' ? ANYONE : await caller.identify(request);
      if (identified === undefined) return refuse(reply, request, failure('BELAY_E_UNAUTHENTICATED'));
      const forged = csrfFault(request, identified);
      if (forged !== undefined) return refuse(reply, request, forged);
      if (!mayCall(access, identified.principal.bindings)) return refuse(reply, request, failure('BELAY_E_NOT_PERMITTED'));
      known.set(request, identified);
      return undefined;
    },
    handler: async (request, reply) => {
      const params = shaped('path', shapes.params, request.params);
      const query = shaped('query', shapes.query, request.query);
      const body = shaped('body', shapes.body, request.body ?? {});
      const identified = known.get(request) as Identified;
      const call: Call<unknown, unknown, unknown> = {
        params, query, body, reply, ...identified, requestId: request.id, origin: originOf(request),
        signal: AbortSignal.any([ending, goneSignal(reply)]),
        // A stream that looks again is no sign of anybody: else a page left open would keep its session for ever.
        principalNow: async () => (await caller.identify(request, false))?.principal,
      };
      const key = access === 'anyone' || method === 'GET' ? undefined : idempotencyKeyOf(request);
      if (key !== undefined) return onceOnly(idempotency, { name, key, call, identified, request }, () => handle(call));
      const answer = await handle(call);
      if (answer === STREAMED) return reply;
      return answer.ok ? reply.header('cache-control', 'no-store').send(answer.value) : refuse(reply, request, answer.error);
    },
  });
}

const KEY = /^[\x21-\x7e]{1,128}$/;

function idempotencyKeyOf({ headers }: FastifyRequest): string | undefined {
  const key = headers['idempotency-key'];
  if (key === undefined) return undefined;
  if (typeof key !== 'string' || !KEY.test(key)) throw Object.assign(new Error('bad request'), { failure: failure('BELAY_E_BAD_REQUEST', 'Idempotency-Key: 1 to 128 characters, none of them a blank.') });
  return key;
}

type Repeatable = { readonly name: RouteName; readonly key: string; readonly call: Call<unknown, unknown, unknown>; readonly identified: Identified; readonly request: FastifyRequest };

/** What is refused for a reason that stays is final as well; what may go another time is forgotten. */
async function onceOnly(idempotency: Idempotency, { name, key, call: { reply }, identified: { principal }, request }: Repeatable, handle: () => Promise<Answer>): Promise<FastifyReply> {
  const holder = principal.accountId ?? principal.tokenId;
  const done = await idempotency.once({ holder, route: name, key, content: `${request.url}\n${JSON.stringify(request.body ?? {})}` }, async () => {
    const answer = await handle();
    if (answer === STREAMED) throw new Error(`${name} streams and cannot be repeated`);
    if (answer.ok) return { answer: { status: 200, text: JSON.stringify(answer.value) }, isFinal: true };
    const problem = problemOf(answer.error, request.id);
    return { answer: { status: problem.status, text: JSON.stringify(problem) }, isFinal: problem.status < 500 && problem.status !== 429 };
  });
  if (!done.ok) return refuse(reply, request, done.error);
  const { status, text, isReplay } = done.value;
  if (isReplay) void reply.header('idempotency-replayed', 'true');
  return reply.code(status).type(status === 200 ? 'application/json; charset=utf-8' : 'application/problem+json').header('cache-control', 'no-store').send(text);
}

function goneSignal(reply: FastifyReply): AbortSignal {
  const gone = new AbortController();
  reply.raw.on('close', () => gone.abort());
  return gone.signal;
}

/** Throws a bad request that names each thing wrong. */
function shaped(where: string, shape: z.ZodType | undefined, value: unknown): unknown {
  if (shape === undefined) return value;
  const parsed = shape.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.slice(0, 20).map(({ path, message }) => `${[where, ...path].join('.')}: ${message}`);
  throw Object.assign(new Error('bad request'), { failure: failure('BELAY_E_BAD_REQUEST', issues.join('; ')) });
}
