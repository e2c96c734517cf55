import { Laptop, Plus } from 'lucide-react';
import { useMemo } from 'react';
import type { Device } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { Badge } from '../../ui/badge.tsx';
import { LinkButton } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { FilterBar, type FilterSpec, useFilters } from '../../ui/filters.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Ago } from '../../ui/time.tsx';
import { Health, healthOf, PolicyInForce } from './health.tsx';
import { useDevices } from './queries.ts';

const FILTERS: readonly FilterSpec[] = [
  { name: 'search', label: 'Search', placeholder: 'Name, host name or id' },
  { name: 'group', label: 'Group', placeholder: 'engineering' },
  { name: 'state', label: 'State', options: [{ value: '', label: 'In the fleet' }, { value: 'revoked', label: 'Revoked' }, { value: 'decommissioned', label: 'Left the fleet' }, { value: 'any', label: 'Any state' }] },
  { name: 'health', label: 'Health', options: [{ value: '', label: 'Any' }, { value: 'good', label: 'Good' }, { value: 'attention', label: 'Needs a look' }] },
];

export function DevicesPage() {
  const { may } = useSession();
  const [filters, setFilter] = useFilters(FILTERS);
  const { state = '', health = '', ...rest } = filters;
  const list = useDevices({ ...rest, ...(state === 'any' ? {} : { state: state === '' ? 'active' : state }) });
  const rows = useMemo(() => list.data?.pages.flatMap(({ devices }) => devices).filter((device) => health === '' || (healthOf(device) === 'good') === (health === 'good')), [list.data, health]);
  const isFiltered = Object.values(filters).some((value) => value !== '');
  return (
    <Page title="Devices" lead="Every machine that policy reaches." actions={may('devices.enroll') && <LinkButton tone="primary" href="/devices/enroll" icon={<Plus />}>Enrol a device</LinkButton>}>
      <FilterBar filters={FILTERS} values={filters} change={setFilter} />
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <DataTable name="devices" caption="Devices" columns={COLUMNS} hidden={['labels', 'agent']} rows={rows} rowKey={({ id }) => id} href={({ id }) => `/devices/${id}`}
        more={list.hasNextPage ? { isLoading: list.isFetchingNextPage, load: () => void list.fetchNextPage() } : undefined}
        empty={isFiltered
          ? <Empty title="No device is like that" icon={<Laptop />}>Search looks at names, host names and ids; a group must be written in full.</Empty>
          : <Empty title="No device yet" icon={<Laptop />} action={may('devices.enroll') && <LinkButton tone="primary" href="/devices/enroll" icon={<Plus />}>Enrol the first one</LinkButton>}>Make a token here, then run one command as root on the machine. It then gets its policy, and what happens on it appears under Events.</Empty>} />
    </Page>
  );
}

const COLUMNS: readonly Column<Device>[] = [
  { id: 'name', header: 'Name', isMain: true, cell: ({ name, hostname }) => <><Inert text={name} />{hostname !== name && <span className="faint"> <Inert text={hostname} /></span>}</>, sort: ({ name }) => name },
  { id: 'health', header: 'Health', cell: (device) => <Health device={device} />, sort: healthOf },
  { id: 'groups', header: 'Groups', cell: ({ groups }) => <Groups groups={groups} />, sort: ({ groups }) => groups.join(' ') },
  { id: 'labels', header: 'Labels', cell: ({ labels }) => <Inert text={Object.entries(labels).map(([key, value]) => `${key}=${value}`).join(', ')} /> },
  { id: 'system', header: 'System', cell: ({ inventory }) => <Inert text={[inventory['osName'], inventory['osVersion']].filter(Boolean).join(' ')} />, sort: ({ inventory }) => String(inventory['osName'] ?? '') },
  { id: 'policy', header: 'Policy in force', className: 'tight', cell: (device) => <PolicyInForce device={device} />, sort: ({ manifest }) => manifest.number },
  { id: 'agent', header: 'Agent', cell: ({ agentVersion }) => <Inert text={agentVersion} />, sort: ({ agentVersion }) => agentVersion },
  { id: 'seen', header: 'Last seen', className: 'tight', cell: ({ lastSeenAt }) => (lastSeenAt === null ? <span className="faint">never</span> : <Ago at={lastSeenAt} />), sort: ({ lastSeenAt }) => lastSeenAt },
];

export function Groups({ groups }: { readonly groups: readonly string[] }) {
  if (groups.length === 0) return <span className="faint">none</span>;
  return <span className="chips">{groups.map((group) => <Badge key={group}><Inert text={group} /></Badge>)}</span>;
}
