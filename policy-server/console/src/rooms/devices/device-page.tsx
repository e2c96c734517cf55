import { Link } from 'wouter';
import type { Device } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { BackLink } from '../../ui/back-link.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Facts, Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { Ago, At } from '../../ui/time.tsx';
import { RecentEvents } from '../events/recent.tsx';
import { RecentRequests } from '../requests/recent.tsx';
import { DeviceEdits, Retire } from './device-edits.tsx';
import { Groups } from './devices-page.tsx';
import { Health, PolicyInForce } from './health.tsx';
import { useDevice } from './queries.ts';

export function DevicePage({ id }: { readonly id: string }) {
  const { may } = useSession();
  const device = useDevice(id);
  const back = <BackLink href="/devices">Devices</BackLink>;
  if (device.data === undefined) return <Page title="Device" back={back}>{device.error === null ? <Lines count={8} /> : <Problem error={device.error} again={() => void device.refetch()} />}</Page>;
  const { data } = device;
  return (
    <Page title={data.name} back={back} heading={<><Inert text={data.name} /> <Health device={data} /></>} actions={may('devices.write') && data.state === 'active' && <Retire device={data} />}>
      <Attention device={data} />
      <div className="two">
        <Section title="State"><State device={data} /></Section>
        <Section title="Machine"><Machine device={data} /></Section>
      </div>
      <Section title="Groups and labels" aside={may('devices.write') && data.state === 'active' && <DeviceEdits device={data} />}>
        <Facts facts={[['Groups', <Groups groups={data.groups} />], ['Labels', Object.keys(data.labels).length === 0 ? <span className="faint">none</span> : <span className="chips">{Object.entries(data.labels).map(([key, value]) => <Badge key={key}><Inert text={`${key} = ${value}`} /></Badge>)}</span>]]} />
      </Section>
      {may('requests.read') && <Section title="Requests" aside={<Link href={`/requests?state=any&device=${encodeURIComponent(data.id)}`}>All of them</Link>}><RecentRequests device={data.id} /></Section>}
      {may('events.read') && <Section title="Events" aside={<Link href={`/events?device=${encodeURIComponent(data.id)}`}>All of them</Link>}><RecentEvents device={data.id} /></Section>}
    </Page>
  );
}

function Attention({ device: { problems, evidence, silentSince } }: { readonly device: Device }) {
  return (
    <>
      {evidence.state === 'gap' && <Notice tone="bad" title="Events are missing">The device no longer has events that the server never got. Look at its events of type evidence.</Notice>}
      {evidence.state === 'refused' && <Notice tone="bad" title="Events were refused">Something that this device sent does not follow from what it sent before. Treat it as tampered with until you know why.</Notice>}
      {silentSince !== null && <Notice tone="warn" title="Nothing is heard from it">Silent since <At at={silentSince} />. Its policy goes on without the server.</Notice>}
      {problems.length > 0 && <Notice tone="warn" title="The agent reports"><ul>{problems.map((problem, index) => <li key={index}><Inert text={problem} /></li>)}</ul></Notice>}
    </>
  );
}

function State({ device }: { readonly device: Device }) {
  const { lastSeenAt, enrolledAt, certificateExpiresAt, evidence, agentVersion } = device;
  return (
    <Facts facts={[
      ['Last seen', lastSeenAt === null ? 'never' : <Ago at={lastSeenAt} />],
      ['Policy in force', <PolicyInForce device={device} />],
      ['Evidence', evidence.state === 'none' ? 'nothing yet' : <>{evidence.seq} events, {evidence.state === 'good' ? <Badge tone="good">unbroken</Badge> : <Badge tone="bad">{evidence.state}</Badge>}</>],
      ['Agent', <Inert text={agentVersion} />],
      ['Enrolled', <At at={enrolledAt} />],
      ['Certificate until', <At at={certificateExpiresAt} />],
    ]} />
  );
}

const NAMES: Readonly<Record<string, string>> = { osName: 'System', osVersion: 'Version', kernel: 'Kernel', architecture: 'Architecture', vendor: 'Vendor', model: 'Model', serial: 'Serial number', cpuCores: 'Processor cores' };

function Machine({ device: { inventory, hostname, id } }: { readonly device: Device }) {
  const known = Object.entries(NAMES).flatMap(([key, name]) => (inventory[key] === undefined || inventory[key] === '' ? [] : [[name, <Inert text={String(inventory[key])} />] as const]));
  const memory = Number(inventory['memoryBytes'] ?? 0);
  return <Facts facts={[['Host name', <Inert text={hostname} />], ...known, ...(memory > 0 ? [['Memory', `${Math.round(memory / 2 ** 30)} GiB`] as const] : []), ['Id', <code className="hash">{id}</code>]]} />;
}
