import type { Channel } from '../../store/notify.ts';
import { type Permission, type RoleBinding, type Scope, scopeOf } from '../accounts/permissions.ts';

/** What a console may want to look at again. `from`: the channel that says so. */
export const HINTS = {
  requests: { from: 'requests', permission: 'requests.read' },
  devices: { from: 'device', permission: 'devices.read' },
  events: { from: 'events', permission: 'events.read' },
  policies: { from: 'policy', permission: 'policies.read' },
  people: { from: 'people', permission: 'people.read' },
} as const satisfies Readonly<Record<string, { readonly from: Channel; readonly permission: Permission }>>;
export type HintName = keyof typeof HINTS;
export const HINT_NAMES = Object.keys(HINTS) as readonly HintName[];

/** Without an id: look at all of them. */
export type Hint = { readonly name: HintName; readonly id?: string };

/** How far somebody is told of each. */
export type Reach = Readonly<Record<HintName, Scope>>;

export function reachOf(bindings: readonly RoleBinding[]): Reach {
  return Object.fromEntries(HINT_NAMES.map((name) => [name, scopeOf(bindings, HINTS[name].permission)])) as Reach;
}

export function isTold(reach: Reach, name: HintName): boolean {
  return reach[name] === 'all' || reach[name].length > 0;
}

const MANY = 20;

export interface Pending {
  /** `id` empty: look at all of them. */
  add(name: HintName, id: string): void;
  take(): readonly Hint[];
  isEmpty(): boolean;
}

/** What one stream has still to say: the same thing once, and in a flood only that there is something. Never grows. */
export function createPending(): Pending {
  const waiting = new Map<HintName, Set<string> | 'all'>();
  return {
    add(name, id) {
      const known = waiting.get(name);
      if (known === 'all') return;
      if (id === '' || (known !== undefined && known.size >= MANY && !known.has(id))) waiting.set(name, 'all');
      else if (known === undefined) waiting.set(name, new Set([id]));
      else known.add(id);
    },
    take() {
      const hints = [...waiting].flatMap(([name, ids]): Hint[] => (ids === 'all' ? [{ name }] : [...ids].map((id) => ({ name, id }))));
      waiting.clear();
      return hints;
    },
    isEmpty: () => waiting.size === 0,
  };
}
