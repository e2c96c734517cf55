import { Lightbulb } from 'lucide-react';
import { Link } from 'wouter';
import type { Proposal } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { BackLink } from '../../ui/back-link.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Ago } from '../../ui/time.tsx';
import { useProposals, useSettle } from './queries.ts';
import { SourceView } from './source-view.tsx';

export function ProposalsPage() {
  const list = useProposals();
  return (
    <Page title="Proposals" lead="Rules that somebody wished for while answering a request. Nothing is in force until a policy author publishes it." back={<BackLink href="/policies">Policies</BackLink>}>
      {list.error !== null ? <Problem error={list.error} again={() => void list.refetch()} />
        : list.data === undefined ? <Lines count={8} />
        : list.data.length === 0 ? <Empty title="No rule is proposed" icon={<Lightbulb />}>Whoever answers a request that comes again and again can turn it into a proposed rule with “Propose a rule”.</Empty>
        : list.data.map((proposal) => <One key={proposal.id} proposal={proposal} />)}
    </Page>
  );
}

function One({ proposal }: { readonly proposal: Proposal }) {
  const { may } = useSession();
  const settle = useSettle();
  const { id, request, yaml, by, createdAt, state, settledBy } = proposal;
  return (
    <Section title={`Proposal ${id}`} aside={<span className="faint">by <Inert text={by} />, <Ago at={createdAt} /> · <Link href={`/requests/${request}`}>the request</Link></span>}>
      <SourceView text={yaml} />
      {settle.error !== null && <Problem error={settle.error} />}
      {state !== 'open' ? <p><Badge tone={state === 'taken' ? 'good' : 'neutral'}>{state}</Badge>{settledBy !== null && <> by <Inert text={settledBy} /></>}</p> : may('policies.write') && (
        <div className="actions end"><Button onPress={() => settle.mutate({ id, outcome: 'declined' })} isPending={settle.isPending}>Decline</Button><Button tone="primary" onPress={() => settle.mutate({ id, outcome: 'taken' })} isPending={settle.isPending}>I have taken it up</Button></div>
      )}
    </Section>
  );
}
