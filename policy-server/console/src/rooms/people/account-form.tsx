import { useState } from 'react';
import type { Binding } from '../../api/types.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { Problem } from '../../ui/problem.tsx';
import { BindingsField, tidy } from './bindings.tsx';
import { usePeopleActs, usePersons } from './queries.ts';

export function AccountForm({ close }: { close(): void }) {
  const { makeAccount } = usePeopleActs();
  const persons = usePersons().data?.pages.flatMap((page) => page.persons) ?? [];
  const [name, setName] = useState('');
  const [password, setPassword] = useState('');
  const [personId, setPerson] = useState('');
  const [bindings, setBindings] = useState<readonly Binding[]>([{ role: 'viewer', groups: 'all' }]);
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      makeAccount.mutate({ name: name.trim(), password, ...(personId === '' ? {} : { personId }), bindings: tidy(bindings) }, { onSuccess: close });
    }}>
      <Field label="Account name" value={name} required maxLength={128} autoComplete="off" autoCapitalize="none" spellCheck={false} onChange={(event) => setName(event.target.value)} />
      <Field label="First password" type="password" value={password} required minLength={12} autoComplete="new-password" onChange={(event) => setPassword(event.target.value)} hint="At least 12 characters. Its owner changes it under “Your account”." />
      <Select label="Person" value={personId} onChange={(event) => setPerson(event.target.value)} options={[{ value: '', label: 'nobody yet' }, ...persons.map(({ id, name: text }) => ({ value: id, label: text }))]} />
      <BindingsField value={bindings} change={setBindings} />
      {makeAccount.error !== null && <Problem error={makeAccount.error} />}
      <div className="actions end"><Button onPress={close}>Cancel</Button><Button type="submit" tone="primary" isPending={makeAccount.isPending}>Make the account</Button></div>
    </form>
  );
}
