import { Link } from 'wouter';
import type { HistoryPart } from '../../api/types.ts';
import { Inert } from '../../ui/inert-text.tsx';
import { Section } from '../../ui/page.tsx';
import { Ago } from '../../ui/time.tsx';
import { StateBadge } from './state-badge.tsx';

export function History({ title, part, current }: { readonly title: string; readonly part: HistoryPart; readonly current: string }) {
  const last = part.last.filter(({ id }) => id !== current);
  return (
    <Section title={title} aside={<span className="faint">{part.total} in all · {part.approved} approved · {part.denied} denied</span>}>
      {last.length === 0
        ? <p className="faint">Nothing before this.</p>
        : <ul className="history">{last.map(({ id, command, user, state, filedAt }) => (
            <li key={id}><Link href={`/requests/${id}`}><code className="clip"><Inert text={command} strict /></code></Link><span className="faint"><Inert text={user} />, <Ago at={filedAt} /></span><StateBadge state={state} /></li>
          ))}</ul>}
    </Section>
  );
}
