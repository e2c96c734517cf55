import { type Failure, failure } from '@belay/core/codes';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import type { ServerConfig } from '../config/schema.ts';
import type { ServerContext } from '../context.ts';
import { NOBODY, type Principal } from '../features/accounts/principal.ts';
import { ACCESS, mayCall, type Method, type RouteName } from './access.ts';
import type { Caller } from './caller.ts';
import { problemOf } from './problem.ts';
import { type Call, type Route, STREAMED } from './route.ts';

export function answerProblems(app: FastifyInstance, { log }: Pick<ServerContext, 'log'>, caller: Caller): void {
  app.setErrorHandler((error, request, reply) => {
    const failed = failureOf(error);
    if (failed.code === 'BELAY_E_INTERNAL') log.error({ err: error, request: request.id }, 'an API request failed');
    return refuse(reply, request, failed);
  });
  // Without a token nobody learns which addresses exist.
  app.setNotFoundHandler(async (request, reply) => {
    const principal = await caller.principalOf(request);
    return refuse(reply, request, failure(principal === undefined ? 'BELAY_E_UNAUTHENTICATED' : 'BELAY_E_NOT_PERMITTED'));
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

export type Registering = { readonly caller: Caller; readonly config: ServerConfig; readonly ending: AbortSignal };

/** All ways to try a password share one count an address. */
const SIGN_IN = new Set<RouteName>(['POST /api/v1/login']);

export function register(app: FastifyInstance, { name, shapes, handle }: Route, { caller, config: { signIn }, ending }: Registering): void {
  const [method, url] = name.split(' ') as [Method, string];
  const access = ACCESS[name];
  const config = SIGN_IN.has(name) ? { rateLimit: { max: signIn.triesPerMinute, timeWindow: 60_000, groupId: 'sign-in' } } : {};
  const principals = new WeakMap<FastifyRequest, Principal>();
  app.route({
    method, url, config, ...(shapes.bodyLimit === undefined ? {} : { bodyLimit: shapes.bodyLimit }),
    // Before the body is read: who may not call need not send one.
    preParsing: async (request, reply) => {
      const principal = access === 'anyone' ? NOBODY : await caller.principalOf(request);
      if (principal === undefined) return refuse(reply, request, failure('BELAY_E_UNAUTHENTICATED'));
      if (!mayCall(access, principal.bindings)) return refuse(reply, request, failure('BELAY_E_NOT_PERMITTED'));
      principals.set(request, principal);
      return undefined;
    },
    handler: async (request, reply) => {
      const params = shaped('path', shapes.params, request.params);
      const query = shaped('query', shapes.query, request.query);
      const body = shaped('body', shapes.body, request.body ?? {});
      const call: Call<unknown, unknown, unknown> = {
        params, query, body, reply, principal: principals.get(request) as Principal, requestId: request.id,
        signal: AbortSignal.any([ending, goneSignal(reply)]),
        principalNow: () => caller.principalOf(request),
      };
      const answer = await handle(call);
      if (answer === STREAMED) return reply;
      return answer.ok ? reply.header('cache-control', 'no-store').send(answer.value) : refuse(reply, request, answer.error);
    },
  });
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
