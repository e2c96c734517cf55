import { useEffect, useRef } from 'react';
import { useLocation } from 'wouter';
import type { RequestSummary } from '../api/types.ts';
import { useWaitingRequests } from '../rooms/requests/queries.ts';
import { inertText } from '../ui/inert.ts';
import { read } from '../ui/remembered.ts';
import { setWaiting } from './title.ts';

export const NOTIFY = 'notify';

/** How many requests wait for this person: in the tab's title, and as notifications where they were asked for. */
export function useWaiting(isReader: boolean): number {
  const { data } = useWaitingRequests(isReader);
  const [, go] = useLocation();
  const seen = useRef<ReadonlySet<string> | undefined>(undefined);
  const mine = data?.filter(({ mayAnswer, approvals }) => mayAnswer && approvals.some(({ open }) => open));
  useEffect(() => {
    if (mine === undefined) return;
    setWaiting(mine.length);
    const known = seen.current;
    seen.current = new Set(mine.map(({ id }) => id));
    if (known === undefined) return;
    for (const request of mine) if (!known.has(request.id)) notify(request, () => go(`/requests/${request.id}`));
  }, [mine, go]);
  useEffect(() => () => setWaiting(0), []);
  return mine?.length ?? 0;
}

function notify(request: RequestSummary, open: () => void): void {
  if (!read(`belay:${NOTIFY}`, false) || !('Notification' in window) || Notification.permission !== 'granted') return;
  const title = `${request.emergency ? 'Emergency: ' : ''}${inertText(request.person?.name ?? request.user)} asks on ${inertText(request.device.name)}`;
  const shown = new Notification(title, { body: inertText(request.command), tag: request.id, icon: '/belay.svg', requireInteraction: request.stance === 'waiting' });
  shown.addEventListener('click', () => {
    window.focus();
    open();
    shown.close();
  });
}
