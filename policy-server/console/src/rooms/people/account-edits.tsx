import { useState } from 'react';
import type { Account } from '../../api/types.ts';
import { useTell } from '../../shell/toasts.tsx';
import { Button } from '../../ui/button.tsx';
import { Field } from '../../ui/field.tsx';
import { Problem } from '../../ui/problem.tsx';
import { BindingsField, tidy } from './bindings.tsx';
import { type AccountAct, usePeopleActs } from './queries.ts';

export function AccountEdits({ account, close }: { readonly account: Account; close(): void }) {
  const { changeAccount } = usePeopleActs();
  const tell = useTell();
  const [bindings, setBindings] = useState(account.bindings);
  const [password, setPassword] = useState('');
  const act = (change: Omit<AccountAct, 'id'>, said: string): void => changeAccount.mutate({ id: account.id, ...change }, { onSuccess: () => {
    tell('good', said);
    close();
  } });
  return (
    <div className="stack">
      <form className="stack" onSubmit={(event) => {
        event.preventDefault();
        act({ verb: 'roles', body: { bindings: tidy(bindings) } }, `${account.name} has these roles now.`);
      }}>
        <BindingsField value={bindings} change={setBindings} />
        <div className="actions end"><Button type="submit" tone="primary">Save the roles</Button></div>
      </form>
      <form className="stack" onSubmit={(event) => {
        event.preventDefault();
        act({ verb: 'password', body: { password } }, `${account.name} has a new password; its sessions have ended.`);
      }}>
        <Field label="New password" type="password" minLength={12} required autoComplete="new-password" value={password} onChange={(event) => setPassword(event.target.value)} />
        <div className="actions end"><Button type="submit">Set the password</Button></div>
      </form>
      {changeAccount.error !== null && <Problem error={changeAccount.error} />}
      <div className="actions">
        {account.disabled
          ? <Button onPress={() => act({ verb: 'enable' }, `${account.name} can sign in again.`)}>Enable</Button>
          : <Button tone="danger" onPress={() => act({ verb: 'disable' }, `${account.name} is disabled; its sessions have ended.`)}>Disable</Button>}
        {(account.secondFactors?.length ?? 0) > 0 && <Button tone="danger" onPress={() => act({ verb: 'unlink-factors' }, `The second factors of ${account.name} are removed.`)}>Remove second factors</Button>}
      </div>
    </div>
  );
}
