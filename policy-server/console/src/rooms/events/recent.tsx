import { Link } from 'wouter';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Ago } from '../../ui/time.tsx';
import { EventWords } from './event-words.tsx';
import { useEvents } from './queries.ts';
import { TypeBadge } from './type-badge.tsx';

export function RecentEvents({ device }: { readonly device: string }) {
  const list = useEvents({ device }, 8);
  if (list.error !== null) return <Problem error={list.error} />;
  const rows = list.data?.pages[0]?.events;
  if (rows === undefined) return <Lines count={3} />;
  if (rows.length === 0) return <p className="faint">Nothing has come from it yet.</p>;
  return <ul className="history">{rows.map((event) => <li key={event.id}><Link href={`/events/${event.id}`} className="clip"><EventWords event={event} /></Link><span className="faint"><Ago at={event.serverTime} /></span><TypeBadge type={event.type} /></li>)}</ul>;
}
