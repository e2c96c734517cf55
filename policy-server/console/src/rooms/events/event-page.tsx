import { useQuery } from '@tanstack/react-query';
import { BadgeCheck, Link2, Link2Off } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import { get } from '../../api/client.ts';
import type { EventProof, FieldView } from '../../api/types.ts';
import { BackLink } from '../../ui/back-link.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Facts, Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { At } from '../../ui/time.tsx';
import { DeviceName } from '../devices/device-name.tsx';
import { EventWords } from './event-words.tsx';
import { useEventProof } from './queries.ts';
import { TypeBadge } from './type-badge.tsx';
import type { Verified } from './verify.ts';

export function EventPage({ id }: { readonly id: string }) {
  const proof = useEventProof(id);
  const back = <BackLink href="/events">Events</BackLink>;
  if (proof.data === undefined) return <Page title="Event" back={back}>{proof.error === null ? <Lines count={8} /> : <Problem error={proof.error} again={() => void proof.refetch()} />}</Page>;
  const { event } = proof.data;
  const fields = Object.entries(event.fields);
  return (
    <Page title={`Event ${event.id}`} back={back} heading={<EventWords event={event} />} lead={<><TypeBadge type={event.type} /> received <At at={event.serverTime} /></>}>
      <div className="two">
        <Section title="What happened">
          <Facts facts={[
            ['On', <DeviceName id={event.device} />],
            ['By', event.user === null && event.uid === null ? <span className="faint">nobody</span> : <><Inert text={event.user ?? ''} /> {event.uid !== null && <span className="faint">uid {event.uid}</span>}</>],
            ['By its own clock', <At at={event.deviceTime} />],
            ...(event.request === null ? [] : [['Request', <Link href={`/events?device=${encodeURIComponent(event.device)}&request=${event.request}`}>{event.request}: all its events</Link>] as const]),
            ...(event.rule === null ? [] : [['Rule', <Inert text={event.rule} />] as const]),
          ]} />
        </Section>
        <Section title="Place in the chain"><Place proof={proof.data} /></Section>
      </div>
      <Verification proof={proof.data} />
      {fields.length > 0 && <Section title="All that was signed"><Facts facts={fields.map(([name, value]) => [name, <Value name={name} value={value} />])} /></Section>}
    </Page>
  );
}

function Value({ name, value }: { readonly name: string; readonly value: FieldView }) {
  if (typeof value !== 'object' || value === null) return <code><Inert text={String(value)} strict /></code>;
  if (value.length === 0) return <span className="faint">none</span>;
  if (name === 'rules') return <Inert text={value.join(', ')} />;
  return <ol className="argv">{value.map((each, index) => <li key={index}><code>{each === '' ? 'empty' : <Inert text={String(each)} strict />}</code></li>)}</ol>;
}

function Place({ proof: { event, newest, writer } }: { readonly proof: EventProof }) {
  return (
    <Facts facts={[
      ['Place', <>{event.seq} of {newest}</>],
      ['Chain', <code className="hash">{event.chain}</code>],
      ['Written by', writer === 'server' ? 'a server process' : 'the device'],
    ]} />
  );
}

/** Done here, by the same code as belay-verify: what the server says of its own events is not asked. */
function Verification({ proof }: { readonly proof: EventProof }) {
  const [progress, setProgress] = useState('');
  const { id } = proof.event;
  const check = useQuery({
    queryKey: ['event-verified', id, proof.newest], staleTime: Infinity,
    queryFn: async ({ signal }) => (await import('./verify.ts')).verifyProof(
      proof, async (after) => (await get<EventProof>(`/events/${id}/proof`, { after }, signal)).records, (done, all) => setProgress(`${done} of ${Math.max(done, all)} events`),
    ),
  });
  if (check.error !== null) return <Section title="Verification"><Problem error={check.error} /></Section>;
  if (check.data === undefined) return <Section title="Verification" aside={<span className="faint">{progress}</span>}><Lines count={4} /></Section>;
  return <Verdict {...check.data} isHidden={proof.start === null} />;
}

function Verdict({ steps, isGood, server, isHidden }: Verified & { readonly isHidden: boolean }) {
  const badge = isHidden ? <Badge tone="warn">not all of it</Badge> : isGood ? <Badge tone="good" icon={<BadgeCheck />}>verified in this browser</Badge> : <Badge tone="bad">does not hold</Badge>;
  return (
    <Section title="Verification" aside={badge}>
      <ol className="steps">
        {steps.map(({ what, holds, detail }) => (
          <li key={what} className={holds === true ? 'good' : holds === false ? 'bad' : 'open'}>
            <span className="icon" aria-hidden="true">{holds === false ? <Link2Off /> : <Link2 />}</span>
            <div><strong>{what}</strong> <span className="visually-hidden">{holds === true ? 'holds' : holds === false ? 'does not hold' : 'open'}</span><div className="faint">{detail}</div></div>
          </li>
        ))}
      </ol>
      {isHidden && <Notice tone="info" title="This event is in a server’s own chain">It holds events about every device. Whoever may see all of them can verify it.</Notice>}
      {!isGood && <Notice tone="bad" title="This event cannot be trusted">Export the evidence of its device and run <code>belay-verify</code>: it names the exact place.</Notice>}
      <p className="faint">Signed under the root key <code className="hash">{server}</code>. Compare it once with what <code>belay-server init</code> printed.</p>
    </Section>
  );
}
