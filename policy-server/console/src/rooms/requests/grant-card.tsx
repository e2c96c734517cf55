import { Undo2 } from 'lucide-react';
import { useState } from 'react';
import type { Grant } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { useTell } from '../../shell/toasts.tsx';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { TextArea } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Facts } from '../../ui/page.tsx';
import { At, TimeLeft } from '../../ui/time.tsx';
import { useRevokeGrant } from './queries.ts';

export function GrantState({ state }: Pick<Grant, 'state'>) {
  return <Badge tone={state === 'live' ? 'good' : state === 'revoked' ? 'warn' : 'neutral'}>{state}</Badge>;
}

export function usesOf({ uses, usesLeft }: Pick<Grant, 'uses' | 'usesLeft'>): string {
  return uses === null || uses === 0 ? 'no limit' : `${usesLeft ?? uses} of ${uses} left`;
}

export function GrantCard({ grant }: { readonly grant: Grant }) {
  return (
    <>
      <Facts facts={[
        ['State', <GrantState state={grant.state} />],
        ['Uses', usesOf(grant)],
        ['Runs now', grant.running === 0 ? 'nothing' : grant.running === 1 ? 'one command' : `${grant.running} commands`],
        ['Until', <><At at={grant.expiresAt} /> {grant.state === 'live' && <TimeLeft until={grant.expiresAt} />}</>],
        ['Approved by', <Inert text={grant.approvedBy.join(', ')} />],
        ['Id', <code>{grant.id}</code>],
      ]} />
      <RevokeGrant grant={grant} />
    </>
  );
}

export function RevokeGrant({ grant }: { readonly grant: Grant }) {
  const { may } = useSession();
  const [isAsked, setAsked] = useState(false);
  const [words, setWords] = useState('');
  const revoke = useRevokeGrant();
  const tell = useTell();
  const isOver = grant.state !== 'live' && (grant.running === 0 || grant.state === 'revoked');
  if (isOver || !may('grants.revoke')) return null;
  return (
    <div className="actions">
      <Button tone="danger" isSmall icon={<Undo2 />} onPress={() => setAsked(true)}>Revoke…</Button>
      <Confirm title="Take this grant back?" verb="Revoke" isOpen={isAsked} close={() => setAsked(false)} act={() => revoke.mutateAsync({ id: grant.id, words: words.trim() }).then(() => tell('good', 'The grant is taken back.'))}>
        <p><strong><Inert text={grant.person?.name ?? grant.user} /></strong> on <strong><Inert text={grant.device.name} /></strong> can no longer run <code><Inert text={grant.command} strict /></code>. What runs under it is ended at once.</p>
        <TextArea label="Why (not needed)" value={words} maxLength={1000} onChange={(event) => setWords(event.target.value)} />
      </Confirm>
    </div>
  );
}
