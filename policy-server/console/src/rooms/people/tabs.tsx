import { Link, useLocation } from 'wouter';

const TABS = [['/people', 'Persons'], ['/people/accounts', 'Accounts'], ['/people/roles', 'Roles']] as const;

export function PeopleTabs() {
  const [location] = useLocation();
  return <nav className="tabs" aria-label="People">{TABS.map(([path, title]) => <Link key={path} href={path} aria-current={location === path ? 'page' : undefined}>{title}</Link>)}</nav>;
}
