import { BellRing, Inbox, KeySquare } from 'lucide-react';
import { useMemo, useRef, useState } from 'react';
import type { RequestSummary } from '../../api/types.ts';
import { useShortcuts } from '../../shell/shortcuts.tsx';
import { NOTIFY } from '../../shell/waiting.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button, LinkButton } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { FilterBar, type FilterSpec, useFilters } from '../../ui/filters.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { useRemembered } from '../../ui/remembered.ts';
import { focusedRow } from '../../ui/row-keys.ts';
import { Ago, TimeLeft } from '../../ui/time.tsx';
import { type Act, ActDialog } from './act-dialog.tsx';
import { useHand } from './hand.ts';
import { useRequests } from './queries.ts';
import { StateBadge } from './state-badge.tsx';
import { useSteady } from './steady.ts';

const STATES = ['pending', 'approved', 'denied', 'cancelled', 'expired', 'used', 'revoked'] as const;
const FILTERS: readonly FilterSpec[] = [
  { name: 'state', label: 'State', options: [{ value: '', label: 'Waiting' }, ...STATES.slice(1).map((value) => ({ value, label: value[0]?.toUpperCase() + value.slice(1) })), { value: 'any', label: 'Any state' }] },
  { name: 'user', label: 'User on the device', placeholder: 'alice' },
  { name: 'device', label: 'Device', placeholder: 'Name or id' },
  { name: 'mine', label: 'Whose', options: [{ value: '', label: 'Everybody’s' }, { value: 'true', label: 'My own' }] },
  { name: 'review', label: 'Emergencies', options: [{ value: '', label: 'All requests' }, { value: 'true', label: 'Waiting for a review' }] },
];

export function QueuePage() {
  const [filters, setFilter] = useFilters(FILTERS);
  const { state = '', ...rest } = filters;
  // What waits for a review is over in any case.
  const isAny = state === 'any' || (state === '' && rest['review'] === 'true');
  const asked = { ...rest, ...(isAny ? {} : { state: state === '' ? 'pending' : state }) };
  const list = useRequests(asked);
  const fresh = useMemo(() => list.data?.pages.flatMap(({ requests }) => requests), [list.data]);
  const place = useRef<HTMLDivElement>(null);
  const { rows, held, release } = useSteady(fresh, useHand(place, fresh), JSON.stringify(asked));
  const [act, setAct] = useState<Act>();
  useActKeys(rows, setAct);
  return (
    <Page title="Requests" lead="Somebody waits for a yes or a no." actions={<><NotifyButton /><LinkButton href="/requests/grants" icon={<KeySquare />}>Grants</LinkButton></>}>
      <FilterBar filters={FILTERS} values={filters} change={setFilter} />
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <div ref={place}>
        <DataTable<RequestSummary> name="requests" caption="Requests" columns={COLUMNS} hidden={['rules']} rows={list.isPending ? undefined : rows} rowKey={({ id }) => id} href={({ id }) => `/requests/${id}`}
          aside={held > 0 ? <Button isSmall tone="primary" onPress={release}>{held === 1 ? 'One new request' : `${held} new requests`}: show</Button> : undefined}
          rowClass={({ emergency, state: now }) => [emergency ? 'emergency' : '', (state === '' || state === 'pending') && now !== 'pending' ? 'gone' : ''].join(' ').trim()}
          more={list.hasNextPage ? { isLoading: list.isFetchingNextPage, load: () => void list.fetchNextPage() } : undefined} empty={<QueueEmpty isFiltered={Object.values(filters).some((value) => value !== '')} />} />
      </div>
      {act !== undefined && <ActDialog act={act} close={() => setAct(undefined)} />}
    </Page>
  );
}

const COLUMNS: readonly Column<RequestSummary>[] = [
  { id: 'command', header: 'Command', isMain: true, cell: ({ command, emergency, needsReview }) => <>{emergency && <Badge tone="bad">{needsReview ? 'Emergency: review' : 'Emergency'}</Badge>}<code className="clip"><Inert text={command} strict /></code></>, sort: ({ command }) => command },
  { id: 'who', header: 'Who', cell: ({ person, user }) => <><Inert text={person?.name ?? user} />{person !== null && <span className="faint"> <Inert text={user} /></span>}</>, sort: ({ person, user }) => person?.name ?? user },
  { id: 'device', header: 'Device', cell: ({ device, alsoOn }) => <><Inert text={device.name} />{alsoOn.length > 0 && <span className="faint" title={`also on ${alsoOn.join(', ')}`}> and {alsoOn.length} more</span>}</>, sort: ({ device }) => device.name },
  { id: 'as', header: 'As', cell: ({ runAs }) => <Inert text={runAs} />, sort: ({ runAs }) => runAs },
  { id: 'reason', header: 'Reason', className: 'wide', cell: ({ reason }) => (reason === null ? <span className="faint">none given</span> : <span className="clip"><Inert text={reason} /></span>) },
  { id: 'approvals', header: 'Approvals', cell: ({ approvals }) => <Approvals approvals={approvals} /> },
  { id: 'rules', header: 'Rule', cell: ({ rules }) => <Inert text={rules.join(', ')} /> },
  { id: 'filed', header: 'Asked', className: 'tight', cell: ({ filedAt }) => <Ago at={filedAt} />, sort: ({ filedAt }) => filedAt },
  { id: 'left', header: 'State', className: 'tight', cell: ({ state, expiresAt }) => (state === 'pending' ? <TimeLeft until={expiresAt} /> : <StateBadge state={state} />), sort: ({ expiresAt }) => expiresAt },
];

function Approvals({ approvals }: Pick<RequestSummary, 'approvals'>) {
  const open = approvals.find((each) => each.open) ?? approvals.at(-1);
  if (open === undefined) return <span className="faint">–</span>;
  return <span title={`from ${open.from.join(', ')}`}>{open.have} of {open.count}{approvals.length > 1 && <span className="faint"> · stage {open.stage}</span>}</span>;
}

/** a and d act on the row in focus: the dialog names it again, and answers nothing else. */
function useActKeys(rows: readonly RequestSummary[] | undefined, begin: (act: Act) => void): void {
  useShortcuts('In the queue', useMemo(() => {
    const on = (kind: Act['kind']) => (): void => {
      const request = rows?.find(({ id }) => id === focusedRow());
      if (request?.state === 'pending') begin({ kind, request });
    };
    return [{ keys: 'a', label: 'Approve the row in focus', run: on('approve') }, { keys: 'd', label: 'Deny the row in focus', run: on('deny') }];
  }, [rows, begin]));
}

function QueueEmpty({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No request is like that" icon={<Inbox />}>Take a filter away to see more.</Empty>;
  return (
    <Empty title="Nobody is waiting" icon={<Inbox />}>
      <p>A request appears here the moment somebody runs a command for which a policy says <code>then: ask</code> with <code>approval</code>. The page is live: leave it open.</p>
      <p>To try it: <code>belay request -- systemctl restart cups --reason "printer hangs"</code> on an enrolled device.</p>
    </Empty>
  );
}

function NotifyButton() {
  const [isOn, turn] = useRemembered(NOTIFY, false);
  if (!('Notification' in window)) return null;
  const isActive = isOn && Notification.permission === 'granted';
  const toggle = async (): Promise<void> => turn(isActive ? false : (await Notification.requestPermission()) === 'granted');
  return <Button icon={<BellRing />} onPress={() => void toggle()}>{isActive ? 'Notifications are on' : 'Notify me'}</Button>;
}
