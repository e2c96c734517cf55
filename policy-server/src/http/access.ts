import type { Role } from '../features/admins/service.ts';

/** `anyone`: without a token. `anybody`: any living token. A role: that role or a higher one. */
export type Access = 'anyone' | 'anybody' | Role;

/** Who may call what: the whole API, in one table. A route that is not here does not exist. */
export const ACCESS = {
  'POST /api/v1/login': 'anyone',
  'POST /api/v1/logout': 'anybody',
  'GET /api/v1/whoami': 'anybody',

  'GET /api/v1/tokens': 'administrator',
  'POST /api/v1/tokens': 'administrator',
  'POST /api/v1/tokens/:id/revoke': 'administrator',

  'GET /api/v1/enroll-tokens': 'operator',
  'POST /api/v1/enroll-tokens': 'operator',
  'POST /api/v1/enroll-tokens/:id/revoke': 'operator',

  'GET /api/v1/devices': 'viewer',
  'GET /api/v1/devices/:device': 'viewer',
  'POST /api/v1/devices/:device/rename': 'operator',
  'POST /api/v1/devices/:device/label': 'operator',
  'POST /api/v1/devices/:device/group': 'operator',
  'POST /api/v1/devices/:device/revoke': 'operator',
  'POST /api/v1/devices/:device/decommission': 'operator',

  // A policy can make anybody root on every device.
  'POST /api/v1/policies/apply': 'administrator',
  'POST /api/v1/policy-versions/:version/rollback': 'administrator',
  'POST /api/v1/policies/explain': 'viewer',
  'POST /api/v1/policies/who-can': 'viewer',
  'POST /api/v1/policies/test': 'viewer',
  'GET /api/v1/policies': 'viewer',
  'GET /api/v1/policies/:name': 'viewer',
  'GET /api/v1/policy-versions': 'viewer',
  'GET /api/v1/policy-versions/:from/diff/:to': 'viewer',

  'GET /api/v1/events': 'viewer',
  'GET /api/v1/events/tail': 'viewer',
  'GET /api/v1/events/export': 'viewer',
  'GET /api/v1/events/csv': 'viewer',

  'GET /healthz': 'anyone',
  'GET /readyz': 'anyone',
  'GET /metrics': 'viewer',
} as const satisfies Readonly<Record<`${'GET' | 'POST'} /${string}`, Access>>;

export type RouteName = keyof typeof ACCESS;

const RANK: Readonly<Record<Role, number>> = { viewer: 1, operator: 2, administrator: 3 };

export function mayCall(access: Access, role: Role): boolean {
  return access === 'anyone' || access === 'anybody' || RANK[role] >= RANK[access];
}
