import { useState } from 'react';
import type { Binding, WithPassword } from '../../api/types.ts';
import { Button } from '../../ui/button.tsx';
import { Copyable } from '../../ui/copyable.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Problem } from '../../ui/problem.tsx';
import { BindingsField, tidy } from './bindings.tsx';
import { usePeopleActs, usePersons } from './queries.ts';

export function AccountForm({ close }: { close(): void }) {
  const { makeAccount } = usePeopleActs();
  const persons = usePersons().data?.pages.flatMap((page) => page.persons) ?? [];
  const [name, setName] = useState('');
  const [email, setEmail] = useState('');
  const [person, setPerson] = useState('');
  const [bindings, setBindings] = useState<readonly Binding[]>([{ role: 'viewer', groups: 'all' }]);
  if (makeAccount.data !== undefined) return <NewPassword made={makeAccount.data} close={close} />;
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      makeAccount.mutate({ name: name.trim(), email: email.trim() === '' ? null : email.trim(), person: person === '' ? null : person, bindings: tidy(bindings) });
    }}>
      <Field label="Account name" value={name} required maxLength={64} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setName(event.target.value)} />
      <Field label="E-mail" type="email" value={email} autoComplete="off" onChange={(event) => setEmail(event.target.value)} />
      <Select label="Person" value={person} onChange={(event) => setPerson(event.target.value)} options={[{ value: '', label: 'nobody yet' }, ...persons.map(({ id, name: text }) => ({ value: id, label: text }))]} hint="Without one it may not answer requests of a user who is nobody’s." />
      <BindingsField value={bindings} change={setBindings} />
      {makeAccount.error !== null && <Problem error={makeAccount.error} />}
      <div className="actions end"><Button onPress={close}>Cancel</Button><Button type="submit" tone="primary" isPending={makeAccount.isPending}>Make the account</Button></div>
    </form>
  );
}

export function NewPassword({ made: { account, password }, close }: { readonly made: WithPassword; close(): void }) {
  return (
    <div className="stack">
      <p>The password of <strong><Inert text={account.name} /></strong>:</p>
      {password !== null && <Copyable text={password} label="the password" isBlock />}
      <Notice tone="warn" title="It is shown only now">Give it to its owner on another way than the account’s name; they change it under “Your account”.</Notice>
      <div className="actions end"><Button tone="primary" onPress={close}>Done</Button></div>
    </div>
  );
}
