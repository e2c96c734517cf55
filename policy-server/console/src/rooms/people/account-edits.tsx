import { useState } from 'react';
import type { Account } from '../../api/types.ts';
import { useTell } from '../../shell/toasts.tsx';
import { Button } from '../../ui/button.tsx';
import { Select } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Problem } from '../../ui/problem.tsx';
import { NewPassword } from './account-form.tsx';
import { BindingsField, tidy } from './bindings.tsx';
import { type AccountAct, usePeopleActs, usePersons } from './queries.ts';

export function AccountEdits({ account, close }: { readonly account: Account; close(): void }) {
  const { changeAccount, setPassword } = usePeopleActs();
  const tell = useTell();
  const act = (change: Omit<AccountAct, 'id'>, said: string): void => changeAccount.mutate({ id: account.id, ...change }, { onSuccess: () => tell('good', said) });
  if (setPassword.data !== undefined) return <NewPassword made={setPassword.data} close={close} />;
  const { factors } = account;
  return (
    <div className="stack">
      <Roles account={account} save={(bindings) => act({ verb: 'roles', body: { bindings } }, `${account.name} has these roles now.`)} />
      <PersonOf account={account} save={(person) => act({ verb: 'person', body: { person } }, person === null ? `${account.name} is nobody’s now.` : `${account.name} is linked.`)} />
      {(changeAccount.error ?? setPassword.error) !== null && <Problem error={changeAccount.error ?? setPassword.error} />}
      <div className="actions">
        {account.disabled
          ? <Button onPress={() => act({ verb: 'enable' }, `${account.name} can sign in again.`)}>Enable</Button>
          : <Button tone="danger" onPress={() => act({ verb: 'disable' }, `${account.name} is disabled; its sessions have ended.`)}>Disable</Button>}
        <Button onPress={() => setPassword.mutate(account.id)} isPending={setPassword.isPending}>New password</Button>
        {(factors.totp || factors.passkeys > 0) && <Button tone="danger" onPress={() => act({ verb: 'unlink-factors' }, `The second factors of ${account.name} are removed.`)}>Remove second factors</Button>}
      </div>
    </div>
  );
}

function Roles({ account, save }: { readonly account: Account; save(bindings: ReturnType<typeof tidy>): void }) {
  const [bindings, setBindings] = useState(() => account.bindings.filter(({ source }) => source === 'local').map(({ role, groups }) => ({ role, groups })));
  const others = account.bindings.filter(({ source }) => source !== 'local');
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      save(tidy(bindings));
    }}>
      <BindingsField value={bindings} change={(next) => setBindings([...next])} />
      {others.length > 0 && <Notice tone="info">By single sign-on it also has: {others.map(({ role }) => role).join(', ')}. Those are changed in the directory.</Notice>}
      <div className="actions end"><Button type="submit" tone="primary">Save the roles</Button></div>
    </form>
  );
}

function PersonOf({ account, save }: { readonly account: Account; save(person: string | null): void }) {
  const persons = usePersons().data?.pages.flatMap((page) => page.persons) ?? [];
  const known = account.person === null || persons.some(({ id }) => id === account.person?.id) ? persons : [...persons, account.person];
  return <Select label="Person" value={account.person?.id ?? ''} onChange={(event) => save(event.target.value === '' ? null : event.target.value)} options={[{ value: '', label: 'nobody' }, ...known.map(({ id, name }) => ({ value: id, label: name }))]} />;
}
