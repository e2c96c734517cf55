import { Link } from 'wouter';
import { Badge } from './badge.tsx';
import { wordOf } from './inert.ts';
import { Inert } from './inert-text.tsx';
import { type Fact, Facts } from './page.tsx';

/** What a fact of a device is called, and which value is the good one. Others are shown under their own names. */
const KNOWN: Readonly<Record<string, { readonly name: string; readonly good?: boolean; readonly yes?: string; readonly no?: string }>> = {
  encrypted: { name: 'Disk', good: true, yes: 'encrypted', no: 'not encrypted' }, secureBoot: { name: 'Secure Boot', good: true, yes: 'on', no: 'off' },
  firewall: { name: 'Firewall', good: true, yes: 'on', no: 'off' }, patchAgeDays: { name: 'Last patched' }, agentHealthy: { name: 'Agent', good: true, yes: 'healthy', no: 'not healthy' }, osId: { name: 'System' }, osVersion: { name: 'Version' }, kernel: { name: 'Kernel' }, hostname: { name: 'Host name' },
};

export function Posture({ facts, name, id }: { readonly facts: Readonly<Record<string, unknown>>; readonly name: string; readonly id: string }) {
  const rows = Object.entries(facts).map(([key, value]): Fact => [KNOWN[key]?.name ?? key, <PostureValue name={key} value={value} />]);
  return <Facts facts={[['Name', <Link href={`/devices/${id}`}><Inert text={name} /></Link>], ...rows]} />;
}

function PostureValue({ name, value }: { readonly name: string; readonly value: unknown }) {
  const known = KNOWN[name];
  if (value === null || value === undefined) return <Badge tone="warn">unknown</Badge>;
  if (typeof value === 'boolean') return <Badge tone={known?.good === undefined ? 'neutral' : value === known.good ? 'good' : 'bad'}>{value ? (known?.yes ?? 'yes') : (known?.no ?? 'no')}</Badge>;
  if (name === 'patchAgeDays') return <Badge tone={Number(value) > 30 ? 'warn' : 'good'}>{value === 0 ? 'today' : `${wordOf(value)} days ago`}</Badge>;
  return <Inert text={wordOf(value)} />;
}
