import { Plus, Users } from 'lucide-react';
import { useState } from 'react';
import type { Person } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { Button } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Empty } from '../../ui/empty.tsx';
import { FilterBar, type FilterSpec, useFilters } from '../../ui/filters.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { PersonForm } from './person-form.tsx';
import { usePersons } from './queries.ts';
import { PeopleTabs } from './tabs.tsx';

const FILTERS: readonly FilterSpec[] = [{ name: 'search', label: 'Search', placeholder: 'Name or e-mail' }];

export function PersonsPage() {
  const { may } = useSession();
  const [filters, setFilter] = useFilters(FILTERS);
  const [isNew, setNew] = useState(false);
  const search = filters['search'] ?? '';
  const list = usePersons(search);
  const rows = list.data?.pages.flatMap(({ persons }) => persons);
  const add = may('people.write') && <Button tone="primary" icon={<Plus />} onPress={() => setNew(true)}>New person</Button>;
  return (
    <Page title="People" lead="Who is who: a person’s accounts here, and their users on devices." actions={add}>
      <PeopleTabs />
      <FilterBar filters={FILTERS} values={filters} change={setFilter} />
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <DataTable name="persons" caption="Persons" columns={COLUMNS} rows={rows} rowKey={({ id }) => id} href={({ id }) => `/people/${id}`} more={list.hasNextPage ? { isLoading: list.isFetchingNextPage, load: () => void list.fetchNextPage() } : undefined}
        empty={search !== ''
          ? <Empty title="Nobody is like that" icon={<Users />}>Search looks at names and e-mail addresses.</Empty>
          : <Empty title="No person yet" icon={<Users />} action={add}>A person links accounts on this server with users on devices. Only so is it known that nobody answers their own request, whoever they sign in as.</Empty>} />
      <Dialog title="New person" isOpen={isNew} close={() => setNew(false)}><PersonForm close={() => setNew(false)} /></Dialog>
    </Page>
  );
}

const COLUMNS: readonly Column<Person>[] = [
  { id: 'name', header: 'Name', isMain: true, cell: ({ name }) => <Inert text={name} />, sort: ({ name }) => name },
  { id: 'email', header: 'E-mail', cell: ({ email }) => (email === null ? <span className="faint">–</span> : <Inert text={email} />), sort: ({ email }) => email },
  { id: 'manager', header: 'Manager', cell: ({ manager }) => (manager === null ? <span className="faint">–</span> : <Inert text={manager.name} />), sort: ({ manager }) => manager?.name ?? null },
  { id: 'users', header: 'Users on devices', cell: ({ users }) => (users.length === 0 ? <span className="warn-text">none linked</span> : <Inert text={[...new Set(users.map(({ user }) => user))].join(', ')} />) },
  { id: 'accounts', header: 'Accounts', cell: ({ accounts }) => (accounts.length === 0 ? <span className="faint">–</span> : <Inert text={accounts.map(({ name }) => name).join(', ')} />) },
];
