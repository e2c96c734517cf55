import { ok } from '@belay/core/result';
import * as z from 'zod';
import { type Permission, PERMISSIONS, permissionsOf, ROLES } from '../features/accounts/permissions.ts';
import type { SignIn } from '../features/accounts/sign-in.ts';
import type { TokenService } from '../features/accounts/tokens.ts';
import { byTime, next, paged, pageShape } from './pages.ts';
import { type Route, route, text } from './route.ts';

const id = z.strictObject({ id: text(64) });
export const permission = z.enum(Object.keys(PERMISSIONS) as [Permission, ...Permission[]]);
export const groups = z.union([z.literal('all'), z.array(text(128)).min(1).max(100)]).describe('Every device, or those of these groups');
export const binding = z.strictObject({ role: z.enum(ROLES), groups });
export const bindings = z.array(binding).max(50);
const held = z.strictObject({ role: z.enum(ROLES), groups: z.union([z.literal('all'), z.array(z.string())]), only: z.array(permission).optional() });
export const heldBindings = z.array(held);

const tokenInfo = z.strictObject({
  id: z.string(), name: z.string(), kind: z.enum(['session', 'service']), bindings: heldBindings, permissions: z.array(permission).nullable(),
  createdAt: z.int(), createdBy: z.string(), expiresAt: z.int(), lastUsedAt: z.int().nullable(), revokedAt: z.int().nullable(),
});
const issued = z.strictObject({ token: z.string(), info: tokenInfo });
const newToken = z.strictObject({ name: text(64), bindings: bindings.min(1), permissions: z.array(permission).min(1).nullable().default(null), validForMs: z.int() });
const who = z.strictObject({ name: z.string(), kind: z.enum(['session', 'service']), bindings: heldBindings, permissions: z.array(permission), expiresAt: z.int() });

/** Bearer tokens: sessions of belayctl, and service tokens. */
export function tokenRoutes({ tokens, signIn }: { readonly tokens: TokenService; readonly signIn: SignIn }): readonly Route[] {
  return [
    route('POST /api/v1/login', { body: z.strictObject({ name: text(128), password: z.string().max(1024), code: text(64).optional() }), response: issued },
      ({ body, origin }) => signIn.login(body, origin)),
    route('POST /api/v1/logout', { response: z.strictObject({}) }, async ({ principal }) => {
      await signIn.logout(principal);
      return ok({});
    }),
    route('GET /api/v1/whoami', { response: who }, async ({ principal: { name, kind, bindings: own, expiresAt } }) => ok({ name, kind, bindings: own, permissions: permissionsOf(own), expiresAt })),
    route('GET /api/v1/tokens', { query: z.strictObject(pageShape(byTime)), response: z.strictObject({ tokens: z.array(tokenInfo), next }) }, async ({ query: { limit, cursor } }) => {
      const page = paged(await tokens.list({ limit: limit + 1, after: cursor }), limit, ({ createdAt, id: last }) => [createdAt, last]);
      return ok({ tokens: page.rows, next: page.next });
    }),
    route('POST /api/v1/tokens', { body: newToken, response: issued }, ({ body, principal }) => tokens.create(body, principal)),
    route('POST /api/v1/tokens/:id/revoke', { params: id, response: tokenInfo }, ({ params, principal }) => tokens.revoke(params.id, principal)),
  ];
}
