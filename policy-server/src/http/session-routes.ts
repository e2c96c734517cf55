import type { Failure } from '@belay/core/codes';
import { ok, type Result } from '@belay/core/result';
import * as z from 'zod';
import type { OwnSessions, SessionView } from '../features/accounts/own-sessions.ts';
import { type AuthenticateDeps, authenticate, csrfOf } from '../features/accounts/principal.ts';
import type { SignedIn, SignIn } from '../features/accounts/sign-in.ts';
import { endedCookie, sessionCookie } from './cookie.ts';
import { type Call, type Route, route, text } from './route.ts';
import { heldBindings, permission } from './token-routes.ts';

export type SessionRouteDeps = AuthenticateDeps & { readonly signIn: SignIn; readonly own: OwnSessions };

const named = z.strictObject({ id: z.string(), name: z.string() });
const factor = z.enum(['totp', 'passkey']);
export const sessionShape = z.strictObject({
  account: named.nullable(), person: named.nullable(), bindings: heldBindings, permissions: z.array(permission), groups: z.array(z.string()), secondFactors: z.array(factor),
  expiresAt: z.int(), csrf: z.string().nullable().describe('To be sent as x-belay-csrf with whatever is not a GET'),
});
const needs = z.strictObject({ needs: z.array(factor), challenge: z.string() });
export const ownSession = z.strictObject({
  id: z.string(), transport: z.enum(['bearer', 'cookie']), createdAt: z.int(), expiresAt: z.int(), lastUsedAt: z.int().nullable(), peer: z.string().nullable(), agent: z.string().nullable(), current: z.boolean(),
});

/** Signing in and out of the console. */
export function sessionRoutes(deps: SessionRouteDeps): readonly Route[] {
  const { signIn, own } = deps;
  return [
    route('GET /api/v1/session', { response: sessionShape }, async ({ principal, csrf }) => ok(await own.view(principal, csrf))),
    route('POST /api/v1/session', { body: z.strictObject({ name: text(128), password: z.string().max(1024) }), response: z.union([sessionShape, needs]) }, async (call) => {
      const step = await signIn.password(call.body, call.origin);
      if (!step.ok) return step;
      return step.value.kind === 'in' ? enter(deps, call, step.value) : ok({ needs: step.value.needs, challenge: step.value.challenge });
    }),
    route('POST /api/v1/session/totp', { body: z.strictObject({ challenge: text(64), code: text(64) }), response: sessionShape }, async (call) => {
      const opened = await signIn.code(call.body, call.origin);
      return opened.ok ? enter(deps, call, opened.value) : opened;
    }),
    route('DELETE /api/v1/session', { response: z.strictObject({}) }, async ({ principal, reply }) => {
      await signIn.logout(principal);
      void reply.header('set-cookie', endedCookie());
      return ok({});
    }),
    route('GET /api/v1/me/sessions', { response: z.strictObject({ sessions: z.array(ownSession) }) }, async ({ principal }) => ok({ sessions: await own.list(principal) })),
    route('DELETE /api/v1/me/sessions/:id', { params: z.strictObject({ id: text(64) }), response: z.strictObject({ ended: z.string() }) }, ({ params, principal }) => own.end(principal, params.id)),
  ];
}

/** Sets the cookie; the session that the browser came with, if any, is over. */
export async function enter(deps: SessionRouteDeps, { reply, principalNow }: Pick<Call<unknown, unknown, unknown>, 'reply' | 'principalNow'>, { secret, row }: SignedIn): Promise<Result<SessionView, Failure>> {
  // SECURITY(T-51): a session that was there before, whoever put it there, is not the one that is signed in.
  const before = await principalNow();
  if (before?.kind === 'session') await deps.signIn.logout(before);
  void reply.header('set-cookie', sessionCookie(secret, row.expires_at - row.created_at));
  const principal = await authenticate(deps, { transport: 'cookie', secret });
  if (principal === undefined) throw new Error('a session that was just opened is not there');
  return ok(await deps.own.view(principal, csrfOf(secret)));
}
