import { KeySquare } from 'lucide-react';
import { Link } from 'wouter';
import type { Grant } from '../../api/types.ts';
import { Badge } from '../../ui/badge.tsx';
import { BackLink } from '../../ui/back-link.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { FilterBar, type FilterSpec, useFilters } from '../../ui/filters.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { At, TimeLeft } from '../../ui/time.tsx';
import { GrantState, RevokeGrant, usesOf } from './grant-card.tsx';
import { useGrants } from './queries.ts';

const FILTERS: readonly FilterSpec[] = [
  { name: 'live', label: 'State', options: [{ value: '', label: 'In force' }, { value: 'any', label: 'Any state' }] }, { name: 'user', label: 'User on the device' }, { name: 'device', label: 'Device' },
];

export function GrantsPage() {
  const [filters, setFilter] = useFilters(FILTERS);
  const { live = '', ...rest } = filters;
  const list = useGrants({ ...rest, ...(live === '' ? { live: 'true' } : {}) });
  const rows = list.data?.pages.flatMap(({ grants }) => grants);
  return (
    <Page title="Grants" lead="What somebody may run by a person’s yes, until it is spent or over." back={<BackLink href="/requests">Requests</BackLink>}>
      <FilterBar filters={FILTERS} values={filters} change={setFilter} />
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <DataTable name="grants" caption="Grants" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} more={list.hasNextPage ? { isLoading: list.isFetchingNextPage, load: () => void list.fetchNextPage() } : undefined}
        empty={<Empty title="No grant is in force" icon={<KeySquare />}>When a request is approved, what it allows stands here with its uses and its time left, and can be taken back at once.</Empty>} />
    </Page>
  );
}

const COLUMNS: readonly Column<Grant>[] = [
  { id: 'command', header: 'Command', isMain: true, cell: ({ command, request }) => (request === null ? <code className="clip"><Inert text={command} strict /></code> : <Link href={`/requests/${request}`}><code className="clip"><Inert text={command} strict /></code></Link>), sort: ({ command }) => command },
  { id: 'who', header: 'Who', cell: ({ person, user }) => <Inert text={person?.name ?? user} />, sort: ({ person, user }) => person?.name ?? user },
  { id: 'device', header: 'Device', cell: ({ device }) => <Inert text={device.name} />, sort: ({ device }) => device.name },
  { id: 'uses', header: 'Uses', cell: usesOf, sort: ({ usesLeft }) => usesLeft },
  { id: 'by', header: 'Approved by', cell: ({ approvedBy }) => <Inert text={approvedBy.join(', ')} /> },
  { id: 'until', header: 'Until', cell: ({ state, expiresAt }) => (state === 'live' ? <TimeLeft until={expiresAt} /> : <At at={expiresAt} />), sort: ({ expiresAt }) => expiresAt },
  { id: 'state', header: 'State', cell: ({ state, running }) => <><GrantState state={state} />{running > 0 && <Badge tone="info">runs now</Badge>}</>, sort: ({ state }) => state },
  { id: 'act', header: 'Act', cell: (grant) => <RevokeGrant grant={grant} /> },
];
