import { may, type Permission, type RoleBinding } from '../features/accounts/permissions.ts';

/** `anyone`: without a token. `anybody`: any living token. A permission: whoever has it somewhere; the handler keeps to where. */
export type Access = 'anyone' | 'anybody' | Permission;

export type Method = 'GET' | 'POST' | 'DELETE';

/** Who may call what: the whole API, in one table. A route that is not here does not exist. */
export const ACCESS = {
  'POST /api/v1/login': 'anyone',
  'POST /api/v1/logout': 'anybody',
  'GET /api/v1/whoami': 'anybody',

  'GET /api/v1/sign-in': 'anyone',
  'GET /api/v1/session/oidc/start': 'anyone',
  'GET /api/v1/session/oidc/callback/:id': 'anyone',
  'GET /api/v1/session': 'anybody',
  'POST /api/v1/session': 'anyone',
  'POST /api/v1/session/totp': 'anyone',
  'POST /api/v1/session/passkey/options': 'anyone',
  'POST /api/v1/session/passkey/finish': 'anyone',
  'DELETE /api/v1/session': 'anybody',
  'GET /api/v1/me/factors': 'anybody',
  'POST /api/v1/me/password': 'anybody',
  'POST /api/v1/me/totp/start': 'anybody',
  'POST /api/v1/me/totp/confirm': 'anybody',
  'POST /api/v1/me/totp/remove': 'anybody',
  'POST /api/v1/me/passkeys/options': 'anybody',
  'POST /api/v1/me/passkeys/add': 'anybody',
  'DELETE /api/v1/me/passkeys/:id': 'anybody',
  'GET /api/v1/me/sessions': 'anybody',
  'DELETE /api/v1/me/sessions/:id': 'anybody',

  'GET /api/v1/tokens': 'tokens.write',
  'POST /api/v1/tokens': 'tokens.write',
  'POST /api/v1/tokens/:id/revoke': 'tokens.write',

  'GET /api/v1/openapi.json': 'anybody',
  'GET /api/v1/permissions': 'anybody',
  'GET /api/v1/persons': 'people.read',
  'POST /api/v1/persons': 'people.write',
  'GET /api/v1/persons/:id': 'people.read',
  'POST /api/v1/persons/:id': 'people.write',
  'POST /api/v1/persons/:id/users': 'people.write',
  'GET /api/v1/accounts': 'people.read',
  'POST /api/v1/accounts': 'people.write',
  'GET /api/v1/accounts/:id': 'people.read',
  'POST /api/v1/accounts/:id/roles': 'people.write',
  'POST /api/v1/accounts/:id/disable': 'people.write',
  'POST /api/v1/accounts/:id/enable': 'people.write',
  'POST /api/v1/accounts/:id/password': 'people.write',
  'POST /api/v1/accounts/:id/person': 'people.write',
  'POST /api/v1/accounts/:id/unlink-factors': 'people.write',

  'GET /api/v1/enroll-tokens': 'devices.enroll',
  'POST /api/v1/enroll-tokens': 'devices.enroll',
  'POST /api/v1/enroll-tokens/:id/revoke': 'devices.enroll',

  'GET /api/v1/devices': 'devices.read',
  'GET /api/v1/devices/:device': 'devices.read',
  'POST /api/v1/devices/:device/rename': 'devices.write',
  'POST /api/v1/devices/:device/label': 'devices.write',
  'POST /api/v1/devices/:device/group': 'devices.write',
  'POST /api/v1/devices/:device/owner': 'people.write',
  'POST /api/v1/devices/:device/revoke': 'devices.write',
  'POST /api/v1/devices/:device/decommission': 'devices.write',

  'POST /api/v1/policies/apply': 'policies.write',
  'POST /api/v1/policy-versions/:version/rollback': 'policies.write',
  'POST /api/v1/policies/explain': 'policies.read',
  'POST /api/v1/policies/who-can': 'policies.read',
  'POST /api/v1/policies/test': 'policies.read',
  'GET /api/v1/policies': 'policies.read',
  'GET /api/v1/policies/:name': 'policies.read',
  'GET /api/v1/policy-versions': 'policies.read',
  'GET /api/v1/policy-versions/:from/diff/:to': 'policies.read',

  'GET /api/v1/events': 'events.read',
  'GET /api/v1/events/:id/proof': 'events.read',
  'GET /api/v1/events/tail': 'events.read',
  'GET /api/v1/events/export': 'events.read',
  'GET /api/v1/events/csv': 'events.read',

  'GET /api/v1/requests': 'requests.read',
  'GET /api/v1/requests/:id': 'requests.read',
  'POST /api/v1/requests/:id/approve': 'requests.answer',
  'POST /api/v1/requests/:id/deny': 'requests.answer',
  'POST /api/v1/requests/:id/propose': 'requests.answer',
  'POST /api/v1/requests/:id/review': 'requests.answer',
  'GET /api/v1/grants': 'requests.read',
  'POST /api/v1/grants/:id/revoke': 'grants.revoke',
  'GET /api/v1/proposals': 'policies.read',
  'POST /api/v1/proposals/:id/settle': 'policies.write',

  // Of each kind of hint only what the caller may see.
  'GET /api/v1/live': 'anybody',

  'GET /api/v1/webhooks': 'notices.write',
  'POST /api/v1/webhooks': 'notices.write',
  'POST /api/v1/webhooks/:id/delete': 'notices.write',
  'POST /api/v1/webhooks/:id/rotate': 'notices.write',
  'POST /api/v1/webhooks/:id/test': 'notices.write',

  'GET /healthz': 'anyone',
  'GET /readyz': 'anyone',
  'GET /metrics': 'server.read',
} as const satisfies Readonly<Record<`${Method} /${string}`, Access>>;

export type RouteName = keyof typeof ACCESS;

export function mayCall(access: Access, bindings: readonly RoleBinding[]): boolean {
  return access === 'anyone' || access === 'anybody' || may(bindings, access);
}
