import { FileCheck2, History, Lightbulb } from 'lucide-react';
import type { PolicySummary } from '../../api/types.ts';
import { Badge } from '../../ui/badge.tsx';
import { LinkButton } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { FilterBar, type FilterSpec, useFilters } from '../../ui/filters.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { usePolicies } from './queries.ts';

const FILTERS: readonly FilterSpec[] = [{ name: 'search', label: 'Search', placeholder: 'Name, description or file' }];

export function PoliciesPage() {
  const [filters, setFilter] = useFilters(FILTERS);
  const list = usePolicies();
  const search = (filters['search'] ?? '').toLowerCase();
  const rows = list.data?.policies.filter(({ name, description, fileName }) => `${name}\n${description}\n${fileName}`.toLowerCase().includes(search));
  const version = list.data?.version ?? 0;
  return (
    <Page title="Policies" lead={version > 0 ? <>Version {version} is in force.</> : 'What is allowed, asked about and denied, as code.'}
      actions={<><LinkButton href="/policies/proposals" icon={<Lightbulb />}>Proposals</LinkButton><LinkButton href="/policies/versions" icon={<History />}>Versions</LinkButton></>}>
      <FilterBar filters={FILTERS} values={filters} change={setFilter} />
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <DataTable name="policies" caption="Policies" columns={COLUMNS} rows={rows} rowKey={({ name }) => name} href={({ name }) => `/policies/${encodeURI(name)}`}
        empty={search !== ''
          ? <Empty title="No policy is called that" icon={<FileCheck2 />}>Search looks at names, descriptions and file names.</Empty>
          : <Empty title="No policy yet" icon={<FileCheck2 />}><p>Without one every request is denied. Policies are files in your repository; publish them with</p><p><code>belayctl policy apply -f policies/</code></p></Empty>} />
    </Page>
  );
}

const COLUMNS: readonly Column<PolicySummary>[] = [
  { id: 'name', header: 'Name', isMain: true, cell: ({ name }) => <Inert text={name} />, sort: ({ name }) => name },
  { id: 'kind', header: 'Kind', cell: ({ kind }) => <Badge tone={kind === 'Policy' ? 'info' : 'neutral'}>{kind}</Badge>, sort: ({ kind }) => kind },
  { id: 'description', header: 'Description', className: 'wide', cell: ({ description }) => <Inert text={description} />, sort: ({ description }) => description },
  // What is no policy is for whatever policy uses it.
  { id: 'targets', header: 'Devices', className: 'tight', cell: ({ kind, targets }) => (kind === 'Policy' ? <Inert text={targetsOf(targets)} /> : <span className="faint">–</span>) },
  { id: 'file', header: 'File', cell: ({ fileName }) => <Inert text={fileName} />, sort: ({ fileName }) => fileName },
];

function targetsOf(targets: unknown): string {
  const devices = (targets as { readonly devices?: unknown } | null)?.devices;
  return Array.isArray(devices) ? devices.join(', ') : 'every device';
}
