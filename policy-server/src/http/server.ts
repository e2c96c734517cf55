import { randomBytes, X509Certificate } from 'node:crypto';
import type { AddressInfo } from 'node:net';
import { failure } from '@belay/core/codes';
import { openEnvelope } from '@belay/core/evidence';
import { ed25519Verify } from '@belay/core/node-crypto';
import { createRateLimit, perMinute } from '@belay/core/rate-limit';
import rateLimit from '@fastify/rate-limit';
import fastify from 'fastify';
import { Histogram } from 'prom-client';
import type { ServerContext } from '../context.ts';
import { createIdempotency } from '../features/idempotency/answers.ts';
import type { KeyPairPem } from '../pki/authority.ts';
import type { ServerCertificate } from '../pki/server-certificate.ts';
import { webPlace } from '../config/web-place.ts';
import { createCaller } from './caller.ts';
import { serveConsole } from './console.ts';
import { readConsole } from './console-files.ts';
import { answerProblems, register } from './register.ts';
import type { Route } from './route.ts';
import { allRoutes } from './routes.ts';

export type HttpServer = { readonly address: string; readonly routes: readonly Route[]; close(): Promise<void> };
const BODY_BYTES = 256 * 1024;
const REQUEST_TIMEOUT_MS = 30_000;
const REQUESTS_PER_MINUTE = 3000;

/** The API of administrators, over HTTPS at `config.listen.api`. */
export async function startHttp(context: ServerContext, certificate: ServerCertificate): Promise<HttpServer> {
  const { proxy, signIn } = context.config;
  const authority = authorityPem(context);
  const tlsOf = ({ key, certificate: cert }: KeyPairPem) => ({ key, cert: cert + authority, minVersion: 'TLSv1.3' }) as const;
  const app = fastify({
    https: tlsOf(certificate.current),
    logger: false,
    // SECURITY(T-54): who calls is the socket's peer: X-Forwarded-For is the caller's own word, unless a proxy of ours wrote it.
    trustProxy: proxy.trusted.length === 0 ? false : [...proxy.trusted],
    bodyLimit: BODY_BYTES,
    requestTimeout: REQUEST_TIMEOUT_MS,
    forceCloseConnections: true,
    genReqId: () => randomBytes(9).toString('base64url'),
    routerOptions: { maxParamLength: 1500 },
  });
  certificate.onRenewed((pair) => app.server.setSecureContext(tlsOf(pair)));
  const ending = new AbortController();
  const caller = createCaller(context);
  const idempotency = createIdempotency(context);
  const tries = createRateLimit<string>(perMinute(signIn.triesPerMinute), context.clock);
  const meter = new Histogram({ name: 'belay_http_seconds', help: 'Time to answer an API request', labelNames: ['route', 'status'], registers: [context.metrics] });
  await app.register(rateLimit, {
    global: true, max: REQUESTS_PER_MINUTE, timeWindow: 60_000, hook: 'onRequest',
    errorResponseBuilder: () => Object.assign(new Error('rate limited'), { failure: failure('BELAY_E_RATE_LIMITED'), statusCode: 429 }),
  });
  answerProblems(app, context, caller);
  app.addHook('onResponse', async (request, reply) => {
    const { url = 'none' } = request.routeOptions;
    meter.observe({ route: url, status: reply.statusCode }, reply.elapsedTime / 1000);
    context.log.info({ request: request.id, method: request.method, route: url, status: reply.statusCode, ms: Math.round(reply.elapsedTime), peer: request.ip }, 'api');
  });
  let web = webPlace(context.config);
  const routes = allRoutes(context, () => web);
  for (const each of routes) register(app, each, { caller, mayTry: tries.take, idempotency, ending: ending.signal });
  const files = readConsole();
  if (files === undefined) context.log.warn('the console is not built (npm run build): only the API is served');
  else serveConsole(app, files);
  const [host, port] = splitAddress(context.config.listen.api);
  const address = await app.listen({ host, port });
  web = webPlace(context.config, (app.server.address() as AddressInfo).port);
  return {
    address,
    routes,
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

/** "host:port" or "[address]:port". */
function splitAddress(address: string): readonly [host: string, port: number] {
  const at = address.lastIndexOf(':');
  return [address.slice(0, at).replace(/^\[(.*)\]$/, '$1'), Number(address.slice(at + 1))];
}
