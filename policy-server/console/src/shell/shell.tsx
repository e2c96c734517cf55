import { useQueryClient } from '@tanstack/react-query';
import { Keyboard } from 'lucide-react';
import { Component, lazy, type ReactNode, Suspense, useEffect, useMemo, useState } from 'react';
import { Link, Redirect, Route, Switch, useLocation } from 'wouter';
import { listenLive, type LiveState } from '../api/live.ts';
import { ROOMS } from '../rooms/registry.ts';
import { useSession } from '../session/session.tsx';
import { IconButton } from '../ui/button.tsx';
import { Empty } from '../ui/empty.tsx';
import { Mark } from '../ui/mark.tsx';
import { Page } from '../ui/page.tsx';
import { Problem } from '../ui/problem.tsx';
import { Lines } from '../ui/skeleton.tsx';
import { AccountMenu } from './account-menu.tsx';
import { useShortcutHelp, useShortcuts } from './shortcuts.tsx';
import { useWaiting } from './waiting.ts';

const Profile = lazy(() => import('../rooms/profile/pages.tsx'));

/** The frame of every page: rooms, who is signed in, whether the page is live. */
export function Shell() {
  const { may } = useSession();
  const rooms = useMemo(() => ROOMS.filter(({ permission }) => may(permission)), [may]);
  const [location, go] = useLocation();
  const live = useLive();
  const waiting = useWaiting(may('requests.read'));
  useShortcuts('Everywhere', useMemo(() => [
    ...rooms.map(({ key, title, path }) => ({ keys: `g ${key}`, label: `Go to ${title}`, run: () => go(path) })),
    { keys: '/', label: 'Search', run: () => document.querySelector<HTMLInputElement>('input[type=search]')?.focus() },
  ], [rooms, go]));
  const first = rooms[0]?.path;
  return (
    <div className="shell">
      <a className="skip" href="#content">To the content</a>
      <header className="side">
        <Link href="/" className="brand"><Mark /><span>Belay</span></Link>
        <nav aria-label="Rooms">
          <ul>
            {rooms.map(({ path, title, icon: Icon }) => (
              <li key={path}>
                <Link href={path} aria-current={location === path || location.startsWith(`${path}/`) ? 'page' : undefined}>
                  <Icon aria-hidden="true" /><span>{title}</span>
                  {path === '/requests' && waiting > 0 && <span className="count" aria-label={`${waiting} waiting`}>{waiting > 99 ? '99+' : waiting}</span>}
                </Link>
              </li>
            ))}
          </ul>
        </nav>
        <div className="side-foot">
          <LiveMark state={live} />
          <HelpButton />
          <AccountMenu />
        </div>
      </header>
      <main id="content" tabIndex={-1}>
        <Guard key={location.split('/')[1]}>
          <Suspense fallback={<div className="page"><Lines count={6} /></div>}>
            <Switch>
              <Route path="/">{first === undefined ? <Nowhere /> : <Redirect to={first} replace />}</Route>
              {rooms.map(({ path, Pages }) => <Route key={path} path={`${path}/*?`}><Pages /></Route>)}
              <Route path="/me"><Profile /></Route>
              <Route><Nowhere /></Route>
            </Switch>
          </Suspense>
        </Guard>
      </main>
    </div>
  );
}

function Nowhere() {
  return <Page title="Not found"><Empty title="There is no such page">It may have moved, or it is in a room that your roles do not open.</Empty></Page>;
}

function HelpButton() {
  return <IconButton label="Keyboard shortcuts" icon={<Keyboard />} onPress={useShortcutHelp()} />;
}

function useLive(): LiveState {
  const client = useQueryClient();
  const [state, setState] = useState<LiveState>('connecting');
  useEffect(() => listenLive(client, setState), [client]);
  return state;
}

function LiveMark({ state }: { readonly state: LiveState }) {
  const words = { connecting: 'Connecting', live: 'Live', broken: 'Reconnecting' }[state];
  const about = state === 'live' ? 'What you see changes as it happens' : 'What you see may be old';
  return <span className={`live ${state}`} role="status" title={about}><span className="live-dot" aria-hidden="true" />{words}</span>;
}

type GuardState = { readonly error: unknown };

/** A page that fails says so and leaves the rest usable. */
class Guard extends Component<{ readonly children: ReactNode }, GuardState> {
  override state: GuardState = { error: undefined };
  static getDerivedStateFromError(error: unknown): GuardState {
    return { error };
  }
  override render(): ReactNode {
    if (this.state.error === undefined) return this.props.children;
    return <div className="page"><Problem error={this.state.error} again={() => location.reload()} /></div>;
  }
}
