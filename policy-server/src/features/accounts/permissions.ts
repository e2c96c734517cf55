/**
 * Who may do what on the server: roles, the permissions each has, and how far they reach. docs/permissions.md is generated from these
 * tables, and a test tries every cell over HTTP.
 */
export const ROLES = ['viewer', 'approver', 'operator', 'policy-author', 'administrator'] as const;
export type Role = (typeof ROLES)[number];

export const PERMISSIONS = {
  'devices.read': { about: 'See devices, their labels, groups and posture', reach: 'device' },
  'devices.write': { about: 'Rename, label, group, revoke and decommission devices', reach: 'device' },
  'devices.enroll': { about: 'Make and revoke enrolment tokens', reach: 'server' },
  'events.read': { about: 'Search, tail and export events', reach: 'device' },
  'policies.read': { about: 'See policies, versions and differences; ask why and who can', reach: 'server' },
  'policies.write': { about: 'Publish and roll back policies; settle proposed rules', reach: 'server' },
  'requests.read': { about: 'See requests for approval, and grants', reach: 'device' },
  'requests.answer': { about: 'Approve and deny requests, as far as the rule names one', reach: 'device' },
  'grants.revoke': { about: 'Take grants back', reach: 'device' },
  'people.read': { about: 'See people and their accounts', reach: 'server' },
  'people.write': { about: 'Make people and accounts, link users of devices to them, give roles', reach: 'server' },
  'tokens.write': { about: 'Make and revoke service tokens', reach: 'server' },
  'notices.write': { about: 'Set up e-mail and webhooks', reach: 'server' },
  'server.read': { about: 'Read metrics', reach: 'server' },
} as const satisfies Readonly<Record<string, { readonly about: string; readonly reach: 'device' | 'server' }>>;
export type Permission = keyof typeof PERMISSIONS;

const READ = ['devices.read', 'events.read', 'policies.read', 'requests.read', 'people.read', 'server.read'] as const satisfies readonly Permission[];

export const ROLE_PERMISSIONS: Readonly<Record<Role, readonly Permission[]>> = {
  viewer: READ,
  approver: [...READ, 'requests.answer', 'grants.revoke'],
  operator: [...READ, 'devices.write', 'devices.enroll', 'grants.revoke'],
  // A policy can make anybody root on every device: not a lesser role than administrator, but one that cannot make people.
  'policy-author': [...READ, 'policies.write'],
  administrator: Object.keys(PERMISSIONS) as Permission[],
};

/** Every device, or the devices of these groups; an empty list: none. */
export type Scope = 'all' | readonly string[];

/** A role and how far it reaches. `only`: of what the role gives no more than this (service tokens). */
export type RoleBinding = { readonly role: Role; readonly groups: Scope; readonly only?: readonly Permission[] };

/** Who acts, and how far: services record the name and keep to the scope. */
export type Actor = { readonly name: string; readonly scope: Scope };

/** The device groups in which these bindings give a permission; an empty list: nowhere. */
export function scopeOf(bindings: readonly RoleBinding[], permission: Permission): Scope {
  const giving = bindings.filter(({ role, only }) => ROLE_PERMISSIONS[role].includes(permission) && (only === undefined || only.includes(permission)));
  if (giving.some(({ groups }) => groups === 'all')) return 'all';
  // What belongs to no device is not given by halves.
  if (!isDivisible(permission)) return [];
  return [...new Set(giving.flatMap(({ groups }) => groups))].sort();
}

/** Policies are one text for the whole fleet: whoever may read them for some devices reads them all. */
function isDivisible(permission: Permission): boolean {
  return PERMISSIONS[permission].reach === 'device' || permission === 'policies.read';
}

/** Whether the permission holds for a device of these groups; without a device, whether it holds anywhere. */
export function may(bindings: readonly RoleBinding[], permission: Permission, deviceGroups?: readonly string[]): boolean {
  const scope = scopeOf(bindings, permission);
  return deviceGroups === undefined ? scope === 'all' || scope.length > 0 : reaches(scope, deviceGroups);
}

export function reaches(scope: Scope, deviceGroups: readonly string[]): boolean {
  return scope === 'all' || scope.some((group) => deviceGroups.includes(group));
}

/** Everything that these bindings give somewhere. */
export function permissionsOf(bindings: readonly RoleBinding[]): readonly Permission[] {
  return (Object.keys(PERMISSIONS) as Permission[]).filter((permission) => may(bindings, permission));
}

/** Whether whoever has `held` has all that `wanted` gives: nobody hands out more than that. */
export function covers(held: readonly RoleBinding[], wanted: RoleBinding): boolean {
  return ROLE_PERMISSIONS[wanted.role].every((permission) => {
    const asked = scopeOf([wanted], permission);
    const has = scopeOf(held, permission);
    return has === 'all' || (asked !== 'all' && asked.every((group) => has.includes(group)));
  });
}
