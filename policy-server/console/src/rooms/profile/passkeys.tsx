import { browserSupportsWebAuthn } from '@simplewebauthn/browser';
import { Fingerprint, Trash2 } from 'lucide-react';
import { useState } from 'react';
import type { Factors, Passkey } from '../../api/types.ts';
import { useTell } from '../../shell/toasts.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Field } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Ago } from '../../ui/time.tsx';
import { FactorProblem } from './factor-problem.tsx';
import { useFactorActs } from './queries.ts';

export function Passkeys({ factors }: { readonly factors: Factors }) {
  const { addPasskey } = useFactorActs();
  const tell = useTell();
  const [name, setName] = useState('');
  return (
    <div className="stack">
      {factors.passkeys.length === 0 ? <p>A passkey signs you in with your fingerprint, face or security key. It works on this server only, so nobody can phish it.</p> : <ul className="links">{factors.passkeys.map((passkey) => <One key={passkey.id} passkey={passkey} />)}</ul>}
      {browserSupportsWebAuthn() ? (
        <form className="stack" onSubmit={(event) => {
          event.preventDefault();
          addPasskey.mutate(name.trim(), { onSuccess: () => {
            setName('');
            tell('good', 'The passkey is ready.');
          } });
        }}>
          <Field label="Name of a new passkey" value={name} required maxLength={64} placeholder="This laptop" onChange={(event) => setName(event.target.value)} />
          <FactorProblem error={addPasskey.error} />
          <div className="actions"><Button type="submit" icon={<Fingerprint />} isPending={addPasskey.isPending}>Add a passkey</Button></div>
        </form>
      ) : <Notice tone="info">This browser knows no passkeys.</Notice>}
    </div>
  );
}

function One({ passkey: { id, name, createdAt, lastUsedAt } }: { readonly passkey: Passkey }) {
  const { removePasskey } = useFactorActs();
  const [isAsked, setAsked] = useState(false);
  return (
    <li>
      <span><Inert text={name} /> <span className="faint">made <Ago at={createdAt} />{lastUsedAt !== null && <>, used <Ago at={lastUsedAt} /></>}</span></span>
      <Button isSmall tone="danger" icon={<Trash2 />} onPress={() => setAsked(true)}>Remove…</Button>
      <Confirm title="Remove this passkey?" verb="Remove" isOpen={isAsked} close={() => setAsked(false)} act={() => removePasskey.mutateAsync(id)}><p><Inert text={name} /> no longer signs you in.</p></Confirm>
    </li>
  );
}
