import { History, Undo2 } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import type { PolicyVersion } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { useTell } from '../../shell/toasts.tsx';
import { BackLink } from '../../ui/back-link.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Field } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Page } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Ago } from '../../ui/time.tsx';
import { Changes } from './diff-view.tsx';
import { useDiff, useRollback, useVersions } from './queries.ts';

export function VersionsPage() {
  const { may } = useSession();
  const list = useVersions();
  const newest = list.data?.[0]?.version ?? 0;
  return (
    <Page title="Versions" lead="Everything that was ever in force, and who published it." back={<BackLink href="/policies">Policies</BackLink>}>
      {list.error !== null && <Problem error={list.error} again={() => void list.refetch()} />}
      <DataTable name="policy-versions" caption="Policy versions" columns={columns(newest, may('policies.write'))} rows={list.data} rowKey={({ version }) => String(version)} href={({ version }) => `/policies/versions/${version - 1}/${version}`}
        empty={<Empty title="Nothing was published yet" icon={<History />}>Each <code>belayctl policy apply</code> that changes something makes a version. Rolling back publishes old content under a new number.</Empty>} />
    </Page>
  );
}

function columns(newest: number, mayWrite: boolean): readonly Column<PolicyVersion>[] {
  return [
    { id: 'version', header: 'Version', isMain: true, cell: ({ version }) => <>Version {version} {version === newest && <Badge tone="good">in force</Badge>}</>, sort: ({ version }) => version },
    { id: 'comment', header: 'Comment', className: 'wide', cell: ({ comment, rollbackOf }) => <>{rollbackOf !== null && <Badge tone="warn">as version {rollbackOf}</Badge>} <Inert text={comment} /></>, sort: ({ comment }) => comment },
    { id: 'by', header: 'By', cell: ({ createdBy }) => <Inert text={createdBy} />, sort: ({ createdBy }) => createdBy },
    { id: 'at', header: 'When', className: 'tight', cell: ({ createdAt }) => <Ago at={createdAt} />, sort: ({ createdAt }) => createdAt },
    { id: 'act', header: 'Compare', cell: ({ version }) => <div className="actions">{version !== newest && <Link href={`/policies/versions/${version}/${newest}`}>with now</Link>}{mayWrite && version !== newest && <Rollback version={version} newest={newest} />}</div> },
  ];
}

function Rollback({ version, newest }: { readonly version: number; readonly newest: number }) {
  const [isAsked, setAsked] = useState(false);
  return (
    <>
      <Button isSmall icon={<Undo2 />} onPress={() => setAsked(true)}>Roll back…</Button>
      {isAsked && <RollbackDialog version={version} newest={newest} close={() => setAsked(false)} />}
    </>
  );
}

function RollbackDialog({ version, newest, close }: { readonly version: number; readonly newest: number; close(): void }) {
  const [comment, setComment] = useState('');
  const rollback = useRollback();
  const diff = useDiff(newest, version);
  const tell = useTell();
  return (
    <Confirm title={`Roll back to version ${version}?`} verb="Roll back" isOpen close={close} act={() => rollback.mutateAsync({ version, comment }).then(() => tell('good', `What version ${version} said is in force again.`))}>
      <p>Its content is published under a new number, and devices get it at once. This is what changes:</p>
      {diff.error !== null ? <Problem error={diff.error} /> : diff.data !== undefined && <div className="scroll"><Changes changes={diff.data} /></div>}
      <Field label="Why" value={comment} required maxLength={1000} onChange={(event) => setComment(event.target.value)} />
    </Confirm>
  );
}
