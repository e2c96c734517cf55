import { Link } from 'wouter';
import type { RequestDetail } from '../../api/types.ts';
import { Inert } from '../../ui/inert-text.tsx';
import { Section } from '../../ui/page.tsx';
import { GrantState, RevokeGrant, usesOf } from './grant-card.tsx';

/** The other devices that the request is for, and what came of it there. */
export function AlsoOn({ request: { elsewhere, state } }: { readonly request: RequestDetail }) {
  if (elsewhere.length === 0) return null;
  return (
    <Section title="Also on" aside={<span className="faint">each device has a grant of its own, and decides by its own rules</span>}>
      <ul className="also-on">
        {elsewhere.map(({ id, name, user, whyNot, grant }) => (
          <li key={name}>
            <span>{id === null ? <Inert text={name} /> : <Link href={`/devices/${id}`}><Inert text={name} /></Link>}{user !== null && <span className="faint"> as <Inert text={user} /></span>}</span>
            {grant === null ? <span className="faint">{state === 'pending' ? (whyNot ?? 'waits for the answer') : 'no grant'}</span> : <><span><GrantState state={grant.state} /> {usesOf(grant)}</span><RevokeGrant grant={grant} /></>}
          </li>
        ))}
      </ul>
    </Section>
  );
}
