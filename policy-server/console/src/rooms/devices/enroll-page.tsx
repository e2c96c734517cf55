import { Ban, KeyRound } from 'lucide-react';
import { useState } from 'react';
import type { EnrollToken } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { BackLink } from '../../ui/back-link.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Copyable } from '../../ui/copyable.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Empty } from '../../ui/empty.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { At, TimeLeft, useNow } from '../../ui/time.tsx';
import { Groups } from './devices-page.tsx';
import { useEnrollTokens, useMakeToken, useRevokeToken } from './queries.ts';

const HOUR = 3_600_000;
const SPANS = [{ value: String(HOUR), label: 'One hour' }, { value: String(24 * HOUR), label: 'One day' }, { value: String(7 * 24 * HOUR), label: 'One week' }, { value: String(30 * 24 * HOUR), label: '30 days' }];

export function EnrollPage() {
  const { may } = useSession();
  const tokens = useEnrollTokens(may('devices.enroll'));
  return (
    <Page title="Enrol a device" lead="Make a token, then run one command as root on the machine." back={<BackLink href="/devices">Devices</BackLink>}>
      <NewToken />
      <Section title="Tokens">
        {tokens.error !== null && <Problem error={tokens.error} again={() => void tokens.refetch()} />}
        <DataTable name="enroll-tokens" caption="Enrolment tokens" columns={COLUMNS} rows={tokens.data?.tokens} rowKey={({ id }) => id} empty={<Empty title="No token yet" icon={<KeyRound />}>A token lets a number of machines in for a while. It is shown once, and only a hash of it is kept.</Empty>} />
      </Section>
    </Page>
  );
}

function NewToken() {
  const make = useMakeToken();
  const [uses, setUses] = useState('1');
  const [validForMs, setValid] = useState(String(HOUR));
  const [groups, setGroups] = useState('');
  const body = { uses: Number(uses), validForMs: Number(validForMs), groups: groups.split(',').map((each) => each.trim()).filter((each) => each !== '') };
  if (make.data !== undefined) {
    return (
      <Section title="Run this as root on the machine">
        <Copyable text={`belay enroll ${make.data.token}`} label="the command" isBlock />
        <Notice tone="warn" title="It is shown only now">Whoever has the token can enrol {make.data.info.usesTotal === 1 ? 'one machine' : `${make.data.info.usesTotal} machines`} until <At at={make.data.info.expiresAt} />. It holds the server’s address and the fingerprint of its root key, so the machine trusts no other server.</Notice>
        <div className="actions"><Button onPress={() => make.reset()}>Make another</Button></div>
      </Section>
    );
  }
  return (
    <Section title="New token">
      <form className="stack" onSubmit={(event) => {
        event.preventDefault();
        make.mutate(body);
      }}>
        <div className="columns">
          <Field label="For how many machines" type="number" min={1} max={1_000_000} value={uses} required onChange={(event) => setUses(event.target.value)} />
          <Select label="Valid for" value={validForMs} options={SPANS} onChange={(event) => setValid(event.target.value)} />
          <Field label="Into these groups" value={groups} placeholder="engineering, laptops" onChange={(event) => setGroups(event.target.value)} />
        </div>
        {make.error !== null && <Problem error={make.error} />}
        <div className="actions"><Button type="submit" tone="primary" icon={<KeyRound />} isPending={make.isPending}>Make the token</Button></div>
      </form>
    </Section>
  );
}

const COLUMNS: readonly Column<EnrollToken>[] = [
  { id: 'id', header: 'Id', isMain: true, cell: ({ id }) => <code>{id}</code>, sort: ({ id }) => id },
  { id: 'state', header: 'State', cell: (token) => <TokenState token={token} /> },
  { id: 'uses', header: 'Uses left', className: 'tight', cell: ({ usesLeft, usesTotal }) => `${usesLeft} of ${usesTotal}`, sort: ({ usesLeft }) => usesLeft },
  { id: 'groups', header: 'Groups', cell: ({ groups }) => <Groups groups={groups} /> },
  { id: 'by', header: 'Made by', cell: ({ createdBy }) => <Inert text={createdBy} />, sort: ({ createdBy }) => createdBy },
  { id: 'made', header: 'Made', cell: ({ createdAt }) => <At at={createdAt} />, sort: ({ createdAt }) => createdAt },
  { id: 'until', header: 'Until', cell: ({ expiresAt, usesLeft, revokedAt }) => (usesLeft > 0 && revokedAt === null ? <TimeLeft until={expiresAt} /> : <At at={expiresAt} />), sort: ({ expiresAt }) => expiresAt },
  { id: 'act', header: 'Act', cell: (token) => <Revoke token={token} /> },
];

function stateOf({ revokedAt, usesLeft, expiresAt }: EnrollToken, now: number): 'revoked' | 'spent' | 'over' | 'good' {
  return revokedAt !== null ? 'revoked' : usesLeft === 0 ? 'spent' : expiresAt <= now ? 'over' : 'good';
}

function TokenState({ token }: { readonly token: EnrollToken }) {
  const state = stateOf(token, useNow());
  return <Badge tone={state === 'good' ? 'good' : state === 'revoked' ? 'warn' : 'neutral'}>{state}</Badge>;
}

function Revoke({ token }: { readonly token: EnrollToken }) {
  const revoke = useRevokeToken();
  const [isAsked, setAsked] = useState(false);
  if (stateOf(token, useNow()) !== 'good') return null;
  return (
    <>
      <Button isSmall tone="danger" icon={<Ban />} onPress={() => setAsked(true)}>Revoke…</Button>
      <Confirm title="Revoke this token?" verb="Revoke" isOpen={isAsked} close={() => setAsked(false)} act={() => revoke.mutateAsync(token.id)}>
        <p>No more machines can enrol with <code>{token.id}</code>. Those that have done so stay.</p>
      </Confirm>
    </>
  );
}
