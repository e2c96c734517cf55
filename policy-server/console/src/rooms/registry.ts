import { Activity, FileCheck2, Inbox, Laptop, type LucideIcon, Users } from 'lucide-react';
import { type ComponentType, lazy, type LazyExoticComponent } from 'react';

/** A part of the console that one goes to: what is in here is in the navigation, loaded only when somebody opens it. */
export type Room = {
  /** Where it begins; its pages are below. */
  readonly path: `/${string}`;
  readonly title: string;
  readonly icon: LucideIcon;
  /** Who lacks it does not see the room; the server refuses on its own account. */
  readonly permission: string;
  /** After "g". */
  readonly key: string;
  readonly Pages: LazyExoticComponent<ComponentType>;
};

export const ROOMS: readonly Room[] = [
  { path: '/requests', title: 'Requests', icon: Inbox, permission: 'requests.read', key: 'r', Pages: lazy(() => import('./requests/pages.tsx')) },
  { path: '/devices', title: 'Devices', icon: Laptop, permission: 'devices.read', key: 'd', Pages: lazy(() => import('./devices/pages.tsx')) },
  { path: '/events', title: 'Events', icon: Activity, permission: 'events.read', key: 'e', Pages: lazy(() => import('./events/pages.tsx')) },
  { path: '/policies', title: 'Policies', icon: FileCheck2, permission: 'policies.read', key: 'p', Pages: lazy(() => import('./policies/pages.tsx')) },
  { path: '/people', title: 'People', icon: Users, permission: 'people.read', key: 'u', Pages: lazy(() => import('./people/pages.tsx')) },
];
