import { Plus, Settings2, UserRoundKey } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Account } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Empty } from '../../ui/empty.tsx';
import { FilterBar, type FilterSpec, useFilters } from '../../ui/filters.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Ago } from '../../ui/time.tsx';
import { AccountEdits } from './account-edits.tsx';
import { AccountForm } from './account-form.tsx';
import { Bindings } from './bindings.tsx';
import { useAccounts } from './queries.ts';
import { PeopleTabs } from './tabs.tsx';

const FILTERS: readonly FilterSpec[] = [{ name: 'search', label: 'Search', placeholder: 'Name or e-mail' }];

export function AccountsPage() {
  const { may } = useSession();
  const [isNew, setNew] = useState(false);
  const [editedId, setEdited] = useState<string>();
  const [filters, setFilter] = useFilters(FILTERS);
  const search = filters['search'] ?? '';
  const list = useAccounts(search);
  const rows = list.data?.pages.flatMap(({ accounts }) => accounts);
  const edited = rows?.find(({ id }) => id === editedId);
  const columns: readonly Column<Account>[] = may('people.write')
    ? [...COLUMNS, { id: 'act', header: 'Act', cell: ({ id, name }) => <Button isSmall icon={<Settings2 />} aria-label={`Manage ${name}`} onPress={() => setEdited(id)}>Manage…</Button> }]
    : COLUMNS;
  return (
    <Page title="Accounts" lead="Who may sign in here, and what their roles let them do." actions={may('people.write') && <Button tone="primary" icon={<Plus />} onPress={() => setNew(true)}>New account</Button>}>
      <PeopleTabs />
      <FilterBar filters={FILTERS} values={filters} change={setFilter} />
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <DataTable name="accounts" caption="Accounts" columns={columns} rows={rows} rowKey={({ id }) => id} more={list.hasNextPage ? { isLoading: list.isFetchingNextPage, load: () => void list.fetchNextPage() } : undefined}
        empty={search === '' ? <Empty title="No account" icon={<UserRoundKey />}>Accounts come from your organisation’s single sign-on, or are made here.</Empty> : <Empty title="No account is called that" icon={<UserRoundKey />}>Search looks at names and e-mail addresses.</Empty>} />
      <Dialog title="New account" isOpen={isNew} close={() => setNew(false)}><AccountForm close={() => setNew(false)} /></Dialog>
      <Dialog title={`Account ${edited?.name ?? ''}`} isOpen={edited !== undefined} close={() => setEdited(undefined)}>{edited !== undefined && <AccountEdits account={edited} close={() => setEdited(undefined)} />}</Dialog>
    </Page>
  );
}

const COLUMNS: readonly Column<Account>[] = [
  { id: 'name', header: 'Account', isMain: true, cell: ({ name }) => <Inert text={name} />, sort: ({ name }) => name },
  { id: 'state', header: 'State', cell: ({ disabled, lockedUntil }) => (disabled ? <Badge tone="bad">disabled</Badge> : lockedUntil !== null && lockedUntil > Date.now() ? <Badge tone="warn">locked</Badge> : <Badge tone="good">good</Badge>), sort: ({ disabled }) => String(disabled) },
  { id: 'person', header: 'Person', cell: ({ person }) => (person === null ? <span className="warn-text">nobody</span> : <Link href={`/people/${person.id}`}><Inert text={person.name} /></Link>), sort: ({ person }) => person?.name ?? null },
  { id: 'roles', header: 'Roles', cell: ({ bindings }) => <Bindings bindings={bindings} />, sort: ({ bindings }) => bindings.map(({ role }) => role).join(' ') },
  { id: 'factors', header: 'Second factor', cell: ({ factors: { totp, passkeys } }) => [...(totp ? ['app'] : []), ...(passkeys > 0 ? [passkeys === 1 ? '1 passkey' : `${passkeys} passkeys`] : [])].join(', ') || <span className="faint">none</span> },
  { id: 'login', header: 'Last signed in', className: 'tight', cell: ({ lastLoginAt }) => (lastLoginAt === null ? <span className="faint">never</span> : <Ago at={lastLoginAt} />), sort: ({ lastLoginAt }) => lastLoginAt },
];
