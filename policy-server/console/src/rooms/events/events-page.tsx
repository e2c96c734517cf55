import { EVENT_TYPES } from '@belay/core/event-types';
import { Activity, Download } from 'lucide-react';
import { useMemo } from 'react';
import { pathWith } from '../../api/client.ts';
import type { EventView } from '../../api/types.ts';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { FilterBar, type FilterSpec, type FilterValues, useFilters } from '../../ui/filters.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Ago, At } from '../../ui/time.tsx';
import { DeviceName } from '../devices/device-name.tsx';
import { EventWords } from './event-words.tsx';
import { type EventFilter, useEvents } from './queries.ts';
import { TypeBadge } from './type-badge.tsx';

const ALL_TYPES = Object.keys(EVENT_TYPES);
const GROUPS = [...new Set(ALL_TYPES.map((type) => type.split('.', 1)[0] ?? type))];
const TYPE_OPTIONS = [{ value: '', label: 'Every type' }, ...GROUPS.flatMap((group) => [{ value: group, label: `${group}: all` }, ...ALL_TYPES.filter((type) => type.startsWith(`${group}.`)).map((type) => ({ value: type, label: `  ${type}` }))])];

const FILTERS: readonly FilterSpec[] = [
  { name: 'text', label: 'Search', placeholder: 'Words, commands, names' },
  { name: 'type', label: 'Type', options: TYPE_OPTIONS },
  { name: 'device', label: 'Device', placeholder: 'Name, id or “server”' },
  { name: 'user', label: 'User', placeholder: 'alice' },
  { name: 'request', label: 'Request number', placeholder: '12' },
  { name: 'since', label: 'From', type: 'datetime-local' },
  { name: 'until', label: 'Until', type: 'datetime-local' },
];

const NUMBER = /^\d{1,15}$/;

function filterOf({ since = '', until = '', request = '', ...rest }: FilterValues): EventFilter {
  const time = (text: string): number | undefined => (Number.isNaN(Date.parse(text)) ? undefined : Date.parse(text));
  const [from, to] = [time(since), time(until)];
  return { ...rest, ...(NUMBER.test(request) ? { request } : {}), ...(from === undefined ? {} : { since: from }), ...(to === undefined ? {} : { until: to }) };
}

export function EventsPage() {
  const [filters, setFilter] = useFilters(FILTERS);
  const filter = filterOf(filters);
  const list = useEvents(filter);
  const rows = useMemo(() => list.data?.pages.flatMap(({ events }) => events), [list.data]);
  return (
    <Page title="Events" lead="What happened on every device and on the servers, signed and chained." actions={<Exports filter={filter} />}>
      <FilterBar filters={FILTERS} values={filters} change={setFilter} />
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <DataTable name="events" caption="Events" columns={COLUMNS} hidden={['deviceTime', 'rule', 'seq']} rows={list.error === null ? rows : []} rowKey={({ id }) => String(id)} href={({ id }) => `/events/${id}`}
        more={list.hasNextPage ? { isLoading: list.isFetchingNextPage, load: () => void list.fetchNextPage() } : undefined} empty={<EventsEmpty isFiltered={Object.keys(filter).length > 0} />} />
    </Page>
  );
}

/** Complete, however many: the server streams them, the browser saves them. */
function Exports({ filter }: { readonly filter: EventFilter }) {
  return (
    <>
      <a className="button" href={pathWith('/api/v1/events/csv', filter)} download="belay-events.csv"><span className="icon" aria-hidden="true"><Download /></span>CSV</a>
      <a className="button" href={pathWith('/api/v1/events/export', filter.device === undefined ? {} : { device: filter.device })} download="belay-evidence.ndjson" title="Whole chains with their signatures, for belay-verify; narrowed by device only"><span className="icon" aria-hidden="true"><Download /></span>Evidence (NDJSON)</a>
    </>
  );
}

const COLUMNS: readonly Column<EventView>[] = [
  { id: 'summary', header: 'What happened', isMain: true, className: 'wide', cell: (event) => <span className="clip"><EventWords event={event} /></span> },
  { id: 'type', header: 'Type', cell: ({ type }) => <TypeBadge type={type} />, sort: ({ type }) => type },
  { id: 'user', header: 'User', cell: ({ user, uid }) => (user === null ? uid ?? <span className="faint">–</span> : <Inert text={user} />), sort: ({ user }) => user },
  { id: 'device', header: 'Device', cell: ({ device }) => <DeviceName id={device} />, sort: ({ device }) => device },
  { id: 'request', header: 'Request', className: 'tight', cell: ({ request }) => request ?? <span className="faint">–</span>, sort: ({ request }) => request },
  { id: 'rule', header: 'Rule', cell: ({ rule }) => (rule === null ? <span className="faint">–</span> : <Inert text={rule} />), sort: ({ rule }) => rule },
  { id: 'seq', header: 'Place', cell: ({ seq }) => seq, sort: ({ seq }) => seq },
  { id: 'deviceTime', header: 'By its own clock', cell: ({ deviceTime }) => <At at={deviceTime} />, sort: ({ deviceTime }) => deviceTime },
  { id: 'time', header: 'Received', className: 'tight', cell: ({ serverTime }) => <Ago at={serverTime} />, sort: ({ serverTime }) => serverTime },
];

function EventsEmpty({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <Empty title="No event is like that" icon={<Activity />}>Words are looked for in what happened, each from its beginning; users, devices and rules are matched in full.</Empty>;
  return <Empty title="Nothing has happened yet" icon={<Activity />}>Enrol a device, and the first <code>sudo</code> on it appears here: the intent before the command runs, the outcome after it.</Empty>;
}
