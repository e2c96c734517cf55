import { Check, FilePlus2, X } from 'lucide-react';
import { type ReactNode, useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { RequestDetail } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { useShortcuts } from '../../shell/shortcuts.tsx';
import { useTell } from '../../shell/toasts.tsx';
import { Badge } from '../../ui/badge.tsx';
import { BackLink } from '../../ui/back-link.tsx';
import { Button } from '../../ui/button.tsx';
import { wordOf } from '../../ui/inert.ts';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Facts, Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Ago, At, duration, TimeLeft } from '../../ui/time.tsx';
import { type Act, ActDialog } from './act-dialog.tsx';
import { AlsoOn } from './also-on.tsx';
import { ArgumentList } from './arguments.tsx';
import { GrantCard } from './grant-card.tsx';
import { History } from './history.tsx';
import { useRequest, useRequestActs } from './queries.ts';
import { Review } from './review.tsx';
import { StateBadge } from './state-badge.tsx';
import { Posture } from '../../ui/posture.tsx';

export function RequestPage({ id }: { readonly id: string }) {
  const request = useRequest(id);
  const back = <BackLink href="/requests">Requests</BackLink>;
  if (request.data === undefined) {
    return <Page title="Request" back={back}>{request.error === null ? <Lines count={8} /> : <Problem error={request.error} again={() => void request.refetch()} />}</Page>;
  }
  const { data } = request;
  return (
    <Page title={`Request ${data.number}`} back={back} heading={<>Request {data.number} <StateBadge state={data.state} />{data.emergency && <Badge tone="bad">Emergency</Badge>}</>}
      lead={<><Inert text={data.person?.name ?? data.user} /> on <Inert text={[data.device.name, ...data.alsoOn].join(', ')} />, asked <Ago at={data.filedAt} /></>}>
      <Answering request={data} />
      {data.emergency && <Review request={data} />}
      <Command request={data} />
      <div className="two">
        <Section title="Who asks"><Requester request={data} /></Section>
        <Section title="Device" aside={<Link href={`/devices/${data.device.id}`}>Open</Link>}><Posture facts={data.posture} name={data.device.name} id={data.device.id} /></Section>
      </div>
      <AlsoOn request={data} />
      <Section title="What policy said"><PolicyWords request={data} /></Section>
      {data.grant !== null && <Section title="Grant"><GrantCard grant={data.grant} /></Section>}
      <Decisions request={data} />
      <div className="two"><History title={`Earlier by ${data.user}`} part={data.history.byUser} current={id} /><History title="Earlier: this command" part={data.history.byCommand} current={id} /></div>
    </Page>
  );
}

/** The bar with the answer: it stays in view while one reads down the page. */
function Answering({ request }: { readonly request: RequestDetail }) {
  const [act, setAct] = useState<Act>();
  const { may } = useSession();
  const isOpen = request.state === 'pending';
  const isMine = isOpen && request.mayAnswer;
  useShortcuts('On this request', useMemo(() => (isMine ? [
    { keys: 'a', label: 'Approve', run: () => setAct({ kind: 'approve', request }) }, { keys: 'd', label: 'Deny', run: () => setAct({ kind: 'deny', request }) },
  ] : []), [isMine, request]));
  return (
    <div className="answer-bar">
      <div className="answer-state">
        {isOpen ? <><strong>{request.stance === 'waiting' ? 'The command waits in place' : 'Asked ahead'}</strong><TimeLeft until={request.expiresAt} /></> : <strong>No answer is needed any more</strong>}
        {isOpen && !request.mayAnswer && <span className="faint">{request.whyNot ?? 'The rule names other people to answer this.'}</span>}
      </div>
      <div className="actions">
        {may('requests.answer') && <Propose request={request} />}
        {isMine && <><Button tone="danger" icon={<X />} onPress={() => setAct({ kind: 'deny', request })}>Deny…</Button><Button tone="good" icon={<Check />} onPress={() => setAct({ kind: 'approve', request })}>Approve…</Button></>}
      </div>
      {act !== undefined && <ActDialog act={act} close={() => setAct(undefined)} />}
    </div>
  );
}

function Propose({ request }: { readonly request: RequestDetail }) {
  const { propose } = useRequestActs(request.id);
  const tell = useTell();
  return (
    <>
      <Button icon={<FilePlus2 />} isPending={propose.isPending} onPress={() => propose.mutate(undefined, { onSuccess: () => tell('good', <>A rule is proposed. Policy authors find it under <Link href="/policies/proposals">Proposals</Link>.</>) })}>Propose a rule</Button>
      {propose.error !== null && <Problem error={propose.error} />}
    </>
  );
}

function Command({ request }: { readonly request: RequestDetail }) {
  const { scope } = request;
  return (
    <Section title="Exact command" aside={<span className="faint">{request.argv.length + 1} parts</span>}>
      <ArgumentList executable={request.executable} argv={request.argv} />
      {scope?.isExact === false && (
        <Notice tone="warn" title="More than this command is asked for">
          <ul>{scope.commands.map(({ command, args }, index) => <li key={index}><code><Inert text={[command, ...(args ?? ['**'])].join(' ')} strict /></code></li>)}</ul>
        </Notice>
      )}
      <Facts facts={[
        ['Runs as', <Inert text={request.runAs} />],
        ['In folder', <code><Inert text={request.cwd} strict /></code>],
        ['Environment kept', request.environment.length === 0 ? 'none' : <Inert text={request.environment.join(', ')} />],
        ['Package', <PackageWords request={request} />],
        ['SHA-256', request.sha256 === null ? <span className="faint">not pinned by the rule</span> : <code className="hash">{request.sha256}</code>],
        ['Digest of the request', <code className="hash">{request.digest}</code>],
        ...(request.stance === 'ahead' ? [['Wanted for', `${request.forMs === 0 ? 'no stated time' : duration(request.forMs)}, ${request.uses === 1 ? 'once' : `${request.uses} times`}`] as const] : []),
      ]} />
    </Section>
  );
}

function PackageWords({ request: { package: owner } }: { readonly request: RequestDetail }) {
  if (owner === null) return <span className="warn-text">the device does not know</span>;
  if (owner === 'none') return <span className="warn-text">belongs to no package</span>;
  const { name, version, repository, key, unmodified } = owner;
  return (
    <>
      <Inert text={`${name} ${version}`} /> {unmodified === true ? <Badge tone="good">unmodified</Badge> : <Badge tone={unmodified === false ? 'bad' : 'warn'}>{unmodified === false ? 'modified on disk' : 'not checked'}</Badge>}
      <span className="faint block">{repository === null ? 'from no known repository' : <>from <Inert text={repository} /></>}{key === null ? ', unsigned' : <>, signed by <code><Inert text={key} /></code></>}</span>
    </>
  );
}

const LOGIN: Readonly<Record<string, string>> = { kind: 'Logged in by', sourceAddress: 'Logged in from' };

function Requester({ request }: { readonly request: RequestDetail }) {
  const origin = Object.entries(request.origin ?? {}).filter(([, value]) => value !== null && value !== '');
  return (
    <Facts facts={[
      ['Person', request.person === null ? <span className="warn-text">linked to nobody</span> : <Inert text={request.person.name} />],
      ['User', <><Inert text={request.user} /> <span className="faint">uid {request.uid}</span></>],
      ['Reason', request.reason === null ? <span className="faint">none given</span> : <Inert text={request.reason} />],
      ...origin.map(([name, value]) => [LOGIN[name] ?? name, <Inert text={wordOf(value)} />] as const),
    ]} />
  );
}

function PolicyWords({ request: { policy, rules, approvals } }: { readonly request: RequestDetail }) {
  return (
    <div className="stack">
      {policy.message !== null && <blockquote><Inert text={policy.message} /></blockquote>}
      <Facts facts={[
        ['Rules', <>{rules.map((rule, index) => <RuleLink key={rule} rule={rule} isFirst={index === 0} />)} <span className="faint">version {policy.version}</span></>],
        ...approvals.map(({ stage, from, count, have, open }): readonly [string, ReactNode] => [
          approvals.length > 1 ? `Stage ${stage}` : 'Needs', <>{have} of {count} from <Inert text={from.join(', ')} /> {have >= count ? <Badge tone="good">met</Badge> : open ? <Badge tone="info">open</Badge> : <Badge>later</Badge>}</>,
        ]),
      ]} />
      {policy.explanation.length > 0 && <details><summary>Why, line by line</summary><ul className="explanation">{policy.explanation.map((line, index) => <li key={index}><Inert text={line} /></li>)}</ul></details>}
    </div>
  );
}

function RuleLink({ rule, isFirst }: { readonly rule: string; readonly isFirst: boolean }) {
  const policy = rule.split('/', 1)[0] ?? '';
  return <>{!isFirst && ', '}<Link href={`/policies/${encodeURIComponent(policy)}`}><Inert text={rule} /></Link></>;
}

function Decisions({ request: { decisions } }: { readonly request: RequestDetail }) {
  if (decisions.length === 0) return null;
  return (
    <Section title="Answers">
      <ul className="answers">
        {decisions.map(({ by, decision, words, at, alsoOn }, index) => (
          <li key={index}><Badge tone={decision === 'approved' ? 'good' : 'bad'}>{decision}</Badge><span>by <Inert text={by} />, <At at={at} />{alsoOn.length > 0 && <>, also for <Inert text={alsoOn.join(', ')} /></>}</span>{words !== null && <blockquote><Inert text={words} /></blockquote>}</li>
        ))}
      </ul>
    </Section>
  );
}
