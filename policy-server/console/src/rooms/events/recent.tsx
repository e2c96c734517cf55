import { Link } from 'wouter';
import { Inert } from '../../ui/inert-text.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Ago } from '../../ui/time.tsx';
import { useEvents } from './queries.ts';
import { TypeBadge } from './type-badge.tsx';

export function RecentEvents({ device }: { readonly device: string }) {
  const list = useEvents({ device }, 8);
  if (list.error !== null) return <Problem error={list.error} />;
  const rows = list.data?.pages[0]?.events;
  if (rows === undefined) return <Lines count={3} />;
  if (rows.length === 0) return <p className="faint">Nothing has come from it yet.</p>;
  return <ul className="history">{rows.map(({ id, summary, serverTime, type }) => <li key={id}><Link href={`/events/${id}`} className="clip"><Inert text={summary} /></Link><span className="faint"><Ago at={serverTime} /></span><TypeBadge type={type} /></li>)}</ul>;
}
