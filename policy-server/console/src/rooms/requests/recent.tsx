import { Link } from 'wouter';
import { Inert } from '../../ui/inert-text.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Ago } from '../../ui/time.tsx';
import { useRequests } from './queries.ts';
import { StateBadge } from './state-badge.tsx';

const SHOWN = 5;

export function RecentRequests({ device }: { readonly device: string }) {
  const list = useRequests({ device });
  if (list.error !== null) return <Problem error={list.error} />;
  const rows = list.data?.pages[0]?.requests.slice(0, SHOWN);
  if (rows === undefined) return <Lines count={3} />;
  if (rows.length === 0) return <p className="faint">Nobody has asked for anything here.</p>;
  return <ul className="history">{rows.map(({ id, command, user, filedAt, state }) => <li key={id}><Link href={`/requests/${id}`}><code className="clip"><Inert text={command} strict /></code></Link><span className="faint"><Inert text={user} />, <Ago at={filedAt} /></span><StateBadge state={state} /></li>)}</ul>;
}
