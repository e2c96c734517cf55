import { ok } from '@belay/core/result';
import * as z from 'zod';
import type { AccountService } from '../features/accounts/account-service.ts';
import { PERMISSIONS, ROLE_PERMISSIONS, ROLES } from '../features/accounts/permissions.ts';
import type { PersonService } from '../features/accounts/person-service.ts';
import { byName, next, paged, pageShape } from './pages.ts';
import { type Route, route, text } from './route.ts';
import { binding, bindings, permission } from './token-routes.ts';

const named = z.strictObject({ id: z.string(), name: z.string() });
const id = z.strictObject({ id: text(128) });
const display = text(128).regex(/^[^\p{Cc}]*$/u, 'must not hold control characters');
const email = z.string().max(254).regex(/^[^\s@\p{Cc}]+@[^\s@\p{Cc}]+$/u, 'expected an address such as ada@example.org');
const link = z.strictObject({ user: text(256), device: text(256).nullable().describe('Id or name; null: on every device') });
const links = z.array(link).max(200);
const listQuery = z.strictObject({ search: text(128).optional(), ...pageShape(byName) });

export const personShape = z.strictObject({
  id: z.string(), name: z.string(), email: z.string().nullable(), manager: named.nullable(), users: z.array(z.strictObject({ user: z.string(), device: named.nullable() })),
  accounts: z.array(named), createdAt: z.int(),
});
const managerId = text(64).nullable();

export function personRoutes(persons: PersonService): readonly Route[] {
  const newPerson = z.strictObject({ name: display, email: email.nullable().optional(), manager: managerId.optional(), users: links.optional() });
  const changes = z.strictObject({ name: display.optional(), email: email.nullable().optional(), manager: managerId.optional() });
  return [
    route('GET /api/v1/persons', { query: listQuery, response: z.strictObject({ persons: z.array(personShape), next }) }, async ({ query: { search, limit, cursor } }) => {
      const page = paged(await persons.list(search, { limit: limit + 1, after: cursor }), limit, (last) => [last.name, last.id]);
      return ok({ persons: page.rows, next: page.next });
    }),
    route('POST /api/v1/persons', { body: newPerson, response: personShape }, ({ body, principal }) => persons.create(body, principal.name)),
    route('GET /api/v1/persons/:id', { params: id, response: personShape }, ({ params }) => persons.show(params.id)),
    route('POST /api/v1/persons/:id', { params: id, body: changes, response: personShape }, ({ params, body, principal }) => persons.update(params.id, body, principal.name)),
    route('POST /api/v1/persons/:id/users', { params: id, body: z.strictObject({ add: links.default([]), remove: links.default([]) }), response: personShape },
      ({ params, body, principal }) => persons.users(params.id, body, principal.name)),
  ];
}

export const accountShape = z.strictObject({
  id: z.string(), name: z.string(), email: z.string().nullable(), person: named.nullable(), disabled: z.boolean(), createdAt: z.int(), lastLoginAt: z.int().nullable(), lockedUntil: z.int().nullable(),
  bindings: z.array(z.strictObject({ role: z.enum(ROLES), groups: z.union([z.literal('all'), z.array(z.string())]), source: z.string().describe('local, or the provider whose claims give it') })),
  groups: z.array(z.string()).describe('The directory\'s'), factors: z.strictObject({ password: z.boolean(), totp: z.boolean(), passkeys: z.int() }), issuers: z.array(z.string()),
});
const password = z.string().max(1024);
const one = { params: id, response: accountShape };
export const withPassword = z.strictObject({ account: accountShape, password: z.string().nullable().describe('Made up by the server, shown this once; null when it was given') });

export function accountRoutes(accounts: AccountService): readonly Route[] {
  const newAccount = z.strictObject({ name: text(64), email: email.nullable().optional(), person: text(64).nullable().optional(), bindings: bindings.default([]), password: password.optional() });
  return [
    route('GET /api/v1/accounts', { query: listQuery, response: z.strictObject({ accounts: z.array(accountShape), next }) }, async ({ query: { search, limit, cursor } }) => {
      const page = paged(await accounts.list(search, { limit: limit + 1, after: cursor }), limit, (last) => [last.name, last.id]);
      return ok({ accounts: page.rows, next: page.next });
    }),
    route('POST /api/v1/accounts', { body: newAccount, response: withPassword }, ({ body, principal }) => accounts.create(body, principal)),
    route('GET /api/v1/accounts/:id', one, ({ params }) => accounts.show(params.id)),
    route('POST /api/v1/accounts/:id/roles', { ...one, body: z.strictObject({ bindings }) }, ({ params, body, principal }) => accounts.setRoles(params.id, body.bindings, principal)),
    route('POST /api/v1/accounts/:id/disable', one, ({ params, principal }) => accounts.setDisabled(params.id, true, principal)),
    route('POST /api/v1/accounts/:id/enable', one, ({ params, principal }) => accounts.setDisabled(params.id, false, principal)),
    route('POST /api/v1/accounts/:id/password', { params: id, body: z.strictObject({ password: password.optional() }), response: withPassword },
      ({ params, body, principal }) => accounts.setPassword(params.id, body.password, principal)),
    route('POST /api/v1/accounts/:id/person', { ...one, body: z.strictObject({ person: text(64).nullable() }) }, ({ params, body, principal }) => accounts.setPerson(params.id, body.person, principal)),
    route('POST /api/v1/accounts/:id/unlink-factors', one, ({ params, principal }) => accounts.unlinkFactors(params.id, principal)),
  ];
}

/** The table of docs/permissions.md. */
export function permissionRoutes(): readonly Route[] {
  const matrix = z.strictObject({
    roles: z.array(z.strictObject({ role: binding.shape.role, permissions: z.array(permission) })),
    permissions: z.array(z.strictObject({ name: permission, about: z.string(), reach: z.enum(['device', 'server']) })),
  });
  return [
    route('GET /api/v1/permissions', { response: matrix }, async () => ok({
      roles: ROLES.map((role) => ({ role, permissions: ROLE_PERMISSIONS[role] })), permissions: Object.entries(PERMISSIONS).map(([name, { about, reach }]) => ({ name, about, reach })),
    })),
  ];
}
