import { may, type Permission, type RoleBinding } from '../features/accounts/permissions.ts';

/** `anyone`: without a token. `anybody`: any living token. A permission: whoever has it somewhere; the handler keeps to where. */
export type Access = 'anyone' | 'anybody' | Permission;

export type Method = 'GET' | 'POST' | 'DELETE';

/** Who may call what: the whole API, in one table. A route that is not here does not exist. */
export const ACCESS = {
  'POST /api/v1/login': 'anyone',
  'POST /api/v1/logout': 'anybody',
  'GET /api/v1/whoami': 'anybody',

  'GET /api/v1/tokens': 'tokens.write',
  'POST /api/v1/tokens': 'tokens.write',
  'POST /api/v1/tokens/:id/revoke': 'tokens.write',

  'GET /api/v1/enroll-tokens': 'devices.enroll',
  'POST /api/v1/enroll-tokens': 'devices.enroll',
  'POST /api/v1/enroll-tokens/:id/revoke': 'devices.enroll',

  'GET /api/v1/devices': 'devices.read',
  'GET /api/v1/devices/:device': 'devices.read',
  'POST /api/v1/devices/:device/rename': 'devices.write',
  'POST /api/v1/devices/:device/label': 'devices.write',
  'POST /api/v1/devices/:device/group': 'devices.write',
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
  'GET /api/v1/events/tail': 'events.read',
  'GET /api/v1/events/export': 'events.read',
  'GET /api/v1/events/csv': 'events.read',

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
