import { randomBytes, X509Certificate } from 'node:crypto';
import { type Failure, failure } from '@belay/core/codes';
import { openEnvelope } from '@belay/core/evidence';
import { ed25519Verify } from '@belay/core/node-crypto';
import rateLimit from '@fastify/rate-limit';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { Histogram } from 'prom-client';
import type { z } from 'zod';
import type { ServerContext } from '../context.ts';
import { type AdminService, createAdminService, type Principal } from '../features/admins/service.ts';
import { createDeviceService } from '../features/devices/service.ts';
import { createEventQuery } from '../features/event-query/service.ts';
import { createCaseRuns } from '../features/policies/case-runs.ts';
import { createPolicyQuestions } from '../features/policies/questions.ts';
import { createPolicyService } from '../features/policies/service.ts';
import { ACCESS, mayCall, type RouteName } from './access.ts';
import { adminRoutes, deviceRoutes, enrollTokenRoutes } from './admin-routes.ts';
import { caseRunRoutes } from './case-run-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { policyQuestionRoutes } from './policy-question-routes.ts';
import { policyRoutes } from './policy-routes.ts';
import { problemOf } from './problem.ts';
import { type Call, type Route, STREAMED } from './route.ts';
import { statusRoutes } from './status-routes.ts';

export type HttpServer = { readonly address: string; close(): Promise<void> };
/** PEM; `cert` is the chain. */
export type TlsFiles = { readonly key: string; readonly cert: string };

const BODY_BYTES = 256 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const REQUESTS_PER_MINUTE = 3000;
const LOGINS_PER_MINUTE = 30;

/** The API of administrators, over HTTPS at `config.listen.api`. */
export async function startHttp(context: ServerContext, tls: TlsFiles): Promise<HttpServer> {
  const app = fastify({
    https: { key: tls.key, cert: tls.cert + authorityPem(context), minVersion: 'TLSv1.3' },
    logger: false,
    // Who calls is the socket's peer: X-Forwarded-For is the caller's own word.
    trustProxy: false,
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    genReqId: () => randomBytes(9).toString('base64url'),
    routerOptions: { maxParamLength: 256 },
  });
  const ending = new AbortController();
  const admins = createAdminService(context);
  const meter = new Histogram({ name: 'belay_http_seconds', help: 'Time to answer an API request', labelNames: ['route', 'status'], registers: [context.metrics] });
  await app.register(rateLimit, {
    global: true, max: REQUESTS_PER_MINUTE, timeWindow: 60_000, hook: 'onRequest',
    errorResponseBuilder: () => Object.assign(new Error('rate limited'), { failure: failure('BELAY_E_RATE_LIMITED'), statusCode: 429 }),
  });
  answerProblems(app, context, admins);
  app.addHook('onResponse', async (request, reply) => {
    const { url = 'none' } = request.routeOptions;
    meter.observe({ route: url, status: reply.statusCode }, reply.elapsedTime / 1000);
    context.log.info({ request: request.id, method: request.method, route: url, status: reply.statusCode, ms: Math.round(reply.elapsedTime), peer: request.ip }, 'api');
  });
  for (const each of allRoutes(context, admins)) register(app, each, { admins, ending: ending.signal });
  const [host, port] = splitAddress(context.config.listen.api);
  const address = await app.listen({ host, port });
  return {
    address,
    async close() {
      ending.abort();
      await app.close();
    },
  };
}

/** Sent along, so that an administrator who knows only its fingerprint can pin it. */
function authorityPem({ keys }: Pick<ServerContext, 'keys'>): string {
  const authority = openEnvelope(keys.authorityEnvelope, 'authority', keys.trust, ed25519Verify, 0);
  if (!authority.ok) throw new Error(`the authority's certificate is not signed by the root key: ${authority.error.message}`);
  return new X509Certificate(authority.value.certificate).toString();
}

function allRoutes(context: ServerContext, admins: AdminService): readonly Route[] {
  const devices = createDeviceService(context);
  const routes = [
    ...adminRoutes(admins), ...enrollTokenRoutes(devices), ...deviceRoutes(devices),
    ...policyRoutes(createPolicyService(context), context.config.limits.messageBytes), ...policyQuestionRoutes(createPolicyQuestions(context)), ...caseRunRoutes(createCaseRuns(context)),
    ...eventRoutes({ ...context, devices, events: createEventQuery(context) }), ...statusRoutes(context),
  ];
  const missing = (Object.keys(ACCESS) as RouteName[]).filter((name) => routes.filter((each) => each.name === name).length !== 1);
  if (missing.length > 0) throw new Error(`not served exactly once: ${missing.join(', ')}`);
  return routes;
}

/** "host:port" or "[address]:port". */
function splitAddress(address: string): readonly [host: string, port: number] {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), Number(address.slice(at + 1))];
}

function answerProblems(app: FastifyInstance, { log }: ServerContext, admins: AdminService): void {
  app.setErrorHandler((error, request, reply) => {
    const failed = failureOf(error);
    if (failed.code === 'BELAY_E_INTERNAL') log.error({ err: error, request: request.id }, 'an API request failed');
    return refuse(reply, request, failed);
  });
  // Without a token nobody learns which addresses exist.
  app.setNotFoundHandler(async (request, reply) => {
    const principal = await admins.authenticate(bearerOf(request));
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

type Registering = { readonly admins: AdminService; readonly ending: AbortSignal };

const NOBODY: Principal = { tokenId: '', kind: 'session', name: '', role: 'viewer', expiresAt: 0 };

function register(app: FastifyInstance, { name, shapes, handle }: Route, { admins, ending }: Registering): void {
  const [method, url] = name.split(' ') as ['GET' | 'POST', string];
  const access = ACCESS[name];
  const config = name === 'POST /api/v1/login' ? { rateLimit: { max: LOGINS_PER_MINUTE, timeWindow: 60_000 } } : {};
  const principals = new WeakMap<FastifyRequest, Principal>();
  app.route({
    method, url, config, ...(shapes.bodyLimit === undefined ? {} : { bodyLimit: shapes.bodyLimit }),
    // Before the body is read: who may not call need not send one.
    preParsing: async (request, reply) => {
      const principal = access === 'anyone' ? NOBODY : await admins.authenticate(bearerOf(request));
      if (principal === undefined) return refuse(reply, request, failure('BELAY_E_UNAUTHENTICATED'));
      if (!mayCall(access, principal.role)) return refuse(reply, request, failure('BELAY_E_NOT_PERMITTED'));
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
        stillSignedIn: async () => (await admins.authenticate(bearerOf(request))) !== undefined,
      };
      const answer = await handle(call);
      if (answer === STREAMED) return reply;
      return answer.ok ? reply.header('cache-control', 'no-store').send(answer.value) : refuse(reply, request, answer.error);
    },
  });
}

function bearerOf(request: FastifyRequest): string {
  return /^Bearer ([\x21-\x7e]{1,200})$/i.exec(request.headers.authorization ?? '')?.[1] ?? '';
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
