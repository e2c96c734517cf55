import { useState } from 'react';
import { useLocation } from 'wouter';
import type { Person } from '../../api/types.ts';
import { Button } from '../../ui/button.tsx';
import { Field, Select } from '../../ui/field.tsx';
import { Problem } from '../../ui/problem.tsx';
import { usePeopleActs } from './queries.ts';

export function PersonForm({ person, persons, close }: { readonly person?: Person; readonly persons: readonly Person[]; close(): void }) {
  const { savePerson } = usePeopleActs();
  const [, go] = useLocation();
  const [name, setName] = useState(person?.name ?? '');
  const [email, setEmail] = useState(person?.email ?? '');
  const [managerId, setManager] = useState(person?.managerId ?? '');
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      savePerson.mutate({ ...(person === undefined ? {} : { id: person.id }), name: name.trim(), email: email.trim() === '' ? null : email.trim(), managerId: managerId === '' ? null : managerId }, { onSuccess: ({ id }) => {
        close();
        if (person === undefined) go(`/people/${id}`);
      } });
    }}>
      <Field label="Name" value={name} required maxLength={128} autoComplete="off" onChange={(event) => setName(event.target.value)} />
      <Field label="E-mail" type="email" value={email} maxLength={256} autoComplete="off" onChange={(event) => setEmail(event.target.value)} hint="Where notices about requests go." />
      <Select label="Manager" value={managerId} onChange={(event) => setManager(event.target.value)} options={[{ value: '', label: 'nobody' }, ...persons.filter(({ id }) => id !== person?.id).map(({ id, name: text }) => ({ value: id, label: text }))]} hint="Rules can ask for the manager’s yes." />
      {savePerson.error !== null && <Problem error={savePerson.error} />}
      <div className="actions end"><Button onPress={close}>Cancel</Button><Button type="submit" tone="primary" isPending={savePerson.isPending}>Save</Button></div>
    </form>
  );
}
