import type { Failure } from '@belay/core/codes';
import type { FastifyReply } from 'fastify';
import { ok } from '@belay/core/result';
import * as z from 'zod';
import type { WebPlace } from '../config/web-place.ts';
import type { Oidc } from '../features/accounts/oidc.ts';
import { cookieOf, SIGN_ON, signOnCookie } from './cookie.ts';
import { STATUS_OF } from './problem.ts';
import { type Answer, type Route, route, STREAMED, text } from './route.ts';
import { enter, type SessionRouteDeps } from './session-routes.ts';

const LIFE_MS = 10 * 60_000;
const HTML = 'text/html; charset=utf-8';

/** A place of ours: never another host. */
const returnTo = z.string().regex(/^\/(?![/\\])[\x21-\x7e]{0,500}$/, 'must be a path of the console').default('/');

export type OidcRouteDeps = SessionRouteDeps & { readonly oidc: Oidc; readonly web: () => WebPlace };

export const offered = z.strictObject({ oidc: z.array(z.strictObject({ id: z.string(), label: z.string() })), passkeys: z.boolean() });

/** Single sign-on, and what a page of signing in offers. */
export function oidcRoutes(deps: OidcRouteDeps): readonly Route[] {
  const { oidc, web } = deps;
  return [
    route('GET /api/v1/sign-in', { response: offered }, async () => ok({ oidc: oidc.providers, passkeys: web().takesPasskeys })),
    route('GET /api/v1/session/oidc/start', { query: z.strictObject({ provider: text(32).optional(), return: returnTo }), streams: 'text/html' }, async ({ query, reply }) => {
      const started = await oidc.start(query.provider, query.return);
      if (!started.ok) return page(reply, STATUS_OF[started.error.code], refusedPage(started.error));
      void reply.header('set-cookie', signOnCookie(started.value.binding, LIFE_MS)).header('cache-control', 'no-store');
      await reply.redirect(started.value.address, 303);
      return STREAMED;
    }),
    // The provider adds what it likes: all of it goes to the library as it came.
    route('GET /api/v1/session/oidc/callback/:id', { params: z.strictObject({ id: text(32) }), streams: 'text/html' }, async (call) => {
      const { params, reply, origin } = call;
      const { url, headers } = reply.request;
      const done = await oidc.finish(params.id, url.slice(url.indexOf('?') + 1), cookieOf(headers.cookie, SIGN_ON), origin);
      if (!done.ok) return page(reply, STATUS_OF[done.error.code], refusedPage(done.error));
      await enter(deps, call, done.value);
      return page(reply, 200, forward(done.value.returnTo));
    }),
  ];
}

async function page(reply: FastifyReply, status: number, html: string): Promise<Answer> {
  void reply.code(status).type(HTML).header('cache-control', 'no-store').header('content-security-policy', "default-src 'none'").header('x-content-type-options', 'nosniff').header('referrer-policy', 'no-referrer');
  await reply.send(`<!doctype html><html lang="en"><meta charset="utf-8"><title>Belay</title>${html}`);
  return STREAMED;
}

/** Not a redirect: to a request that the provider's site set off, a browser adds no SameSite=Strict cookie. */
function forward(path: string): string {
  return `<meta http-equiv="refresh" content="0; url=${escaped(path)}"><p><a href="${escaped(path)}">Go on</a></p>`;
}

function refusedPage({ message, code }: Failure): string {
  return `<h1>Not signed in</h1><p>${escaped(message)} (${code})</p><p><a href="/">Try again</a></p>`;
}

/** SECURITY(T-29): nothing of what came in is markup. */
function escaped(value: string): string {
  return value.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
