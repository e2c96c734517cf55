import type { OwnSession } from '../../api/types.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Ago, At } from '../../ui/time.tsx';
import { useFactorActs, useOwnSessions } from './queries.ts';

export function Sessions() {
  const list = useOwnSessions();
  const { endSession } = useFactorActs();
  const columns: readonly Column<OwnSession>[] = [...COLUMNS, { id: 'act', header: 'Act', cell: ({ id, current }) => !current && <Button isSmall onPress={() => endSession.mutate(id)}>End</Button> }];
  return (
    <>
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      {endSession.error !== null && <Problem error={endSession.error} />}
      <DataTable name="sessions" caption="Your sessions" columns={columns} rows={list.data} rowKey={({ id }) => id} empty={<Empty title="No session" />} />
    </>
  );
}

const COLUMNS: readonly Column<OwnSession>[] = [
  { id: 'what', header: 'What', isMain: true, cell: ({ transport, agent, current }) => <>{transport === 'cookie' ? <Inert text={browserOf(agent)} /> : 'belayctl'} {current && <Badge tone="good">this one</Badge>}</> },
  { id: 'from', header: 'From', cell: ({ peer }) => (peer === null ? <span className="faint">unknown</span> : <code>{peer}</code>), sort: ({ peer }) => peer },
  { id: 'since', header: 'Signed in', cell: ({ createdAt }) => <At at={createdAt} />, sort: ({ createdAt }) => createdAt },
  { id: 'used', header: 'Last used', cell: ({ lastUsedAt }) => (lastUsedAt === null ? 'never' : <Ago at={lastUsedAt} />), sort: ({ lastUsedAt }) => lastUsedAt },
  { id: 'until', header: 'Ends', cell: ({ expiresAt }) => <At at={expiresAt} />, sort: ({ expiresAt }) => expiresAt },
];

/** What a browser says of itself, shortened to what one recognises it by. */
function browserOf(agent: string | null): string {
  if (agent === null) return 'A browser';
  const browser = /(Firefox|Edg|OPR|Chrome|Safari)\/(\d+)/.exec(agent);
  const system = /\(([^;)]+)/.exec(agent)?.[1] ?? '';
  return browser === null ? agent : `${browser[1] === 'Edg' ? 'Edge' : browser[1]} ${browser[2]}, ${system}`;
}
