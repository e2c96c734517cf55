/** As the server has them (features/accounts/permissions.ts). */
export const ROLES = ['viewer', 'approver', 'operator', 'policy-author', 'administrator'] as const;

export type Binding = { readonly role: string; readonly groups: 'all' | readonly string[] };

/** "operator (engineering), viewer". */
export function bindingsText(bindings: readonly Binding[]): string {
  return bindings.map(({ role, groups }) => (groups === 'all' ? role : `${role} (${groups.join(', ')})`)).join(', ');
}
