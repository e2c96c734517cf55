import { createHash } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { ConsoleFile, ConsoleFiles } from './console-files.ts';

/**
 * SECURITY(T-29): what devices and people wrote is only ever text here; were it not, it could still load and run nothing. Styles are the
 * console's own files, but for one line that react-aria adds (`touch-action` of what can be pressed), named by its hash; `trusted-types 'none'`
 * leaves no way to make markup out of text.
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'", "script-src 'self'", "style-src 'self' 'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='", "img-src 'self' data:", "font-src 'self'", "connect-src 'self'", "manifest-src 'self'",
  "base-uri 'none'", "form-action 'self'", "frame-ancestors 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'",
].join('; ');

export const CONSOLE_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': CONTENT_SECURITY_POLICY,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=(), payment=(), usb=(), publickey-credentials-get=(self), publickey-credentials-create=(self)',
  'strict-transport-security': 'max-age=31536000',
};

/** What belongs to programs: a wrong address there is a problem, not the console. */
const NOT_THE_CONSOLE = /^\/(api|healthz|readyz|metrics)(\/|$)/;

/** Serves the console under every address that is not the API's. */
export function serveConsole(app: FastifyInstance, files: ConsoleFiles): void {
  const tags = new Map([...files].map(([path, { plain }]) => [path, `"${createHash('sha256').update(plain).digest('base64url').slice(0, 22)}"`]));
  app.get('/*', (request, reply) => {
    const path = (request.url.split('?', 1)[0] ?? '').replace(/^\/+$/, '/');
    // Every address without a file is a page of the console, so that a link to a request opens it; but no page stands in for a script.
    const name = NOT_THE_CONSOLE.test(path) ? undefined : files.has(path) ? path : path.startsWith('/assets/') ? undefined : '/index.html';
    const file = name === undefined ? undefined : files.get(name);
    return name === undefined || file === undefined ? reply.callNotFound() : send(file, tags.get(name) as string, request, reply);
  });
}

function send(file: ConsoleFile, tag: string, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  void reply.headers(CONSOLE_HEADERS).headers({
    'cache-control': file.immutable ? 'public, max-age=31536000, immutable' : 'no-cache', etag: tag, vary: 'accept-encoding',
  });
  if (request.headers['if-none-match'] === tag) return reply.code(304).send();
  const [encoding, content] = encoded(file, String(request.headers['accept-encoding'] ?? ''));
  if (encoding !== undefined) void reply.header('content-encoding', encoding);
  return reply.code(200).type(file.type).send(content);
}

function encoded({ plain, br, gzip }: ConsoleFile, accepts: string): readonly [encoding: string | undefined, content: Buffer] {
  const taken = new Set(accepts.split(',').map((each) => each.trim()).filter((each) => !/;\s*q=0(\.0*)?$/.test(each)).map((each) => each.split(';', 1)[0]));
  if (br !== undefined && taken.has('br')) return ['br', br];
  if (gzip !== undefined && taken.has('gzip')) return ['gzip', gzip];
  return [undefined, plain];
}
