import { useState } from 'react';
import { useLocation } from 'wouter';
import type { Person } from '../../api/types.ts';
import { Button } from '../../ui/button.tsx';
import { Field, type Option, Select } from '../../ui/field.tsx';
import { Problem } from '../../ui/problem.tsx';
import { usePeopleActs, usePersons } from './queries.ts';

export function PersonForm({ person, close }: { readonly person?: Person; close(): void }) {
  const { savePerson } = usePeopleActs();
  const persons = usePersons().data?.pages.flatMap((page) => page.persons) ?? [];
  const [, go] = useLocation();
  const [name, setName] = useState(person?.name ?? '');
  const [email, setEmail] = useState(person?.email ?? '');
  const [manager, setManager] = useState(person?.manager?.id ?? '');
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      savePerson.mutate({ ...(person === undefined ? {} : { id: person.id }), name: name.trim(), email: email.trim() === '' ? null : email.trim(), manager: manager === '' ? null : manager }, { onSuccess: ({ id }) => {
        close();
        if (person === undefined) go(`/people/${id}`);
      } });
    }}>
      <Field label="Name" value={name} required maxLength={128} autoComplete="off" onChange={(event) => setName(event.target.value)} />
      <Field label="E-mail" type="email" value={email} maxLength={256} autoComplete="off" onChange={(event) => setEmail(event.target.value)} hint="Where notices about requests go." />
      <Select label="Manager" value={manager} onChange={(event) => setManager(event.target.value)} options={choices(persons, person)} hint="Rules can ask for the manager’s yes." />
      {savePerson.error !== null && <Problem error={savePerson.error} />}
      <div className="actions end"><Button onPress={close}>Cancel</Button><Button type="submit" tone="primary" isPending={savePerson.isPending}>Save</Button></div>
    </form>
  );
}

/** Whoever is the manager now is among them, however many persons there are. */
function choices(persons: readonly Person[], person: Person | undefined): readonly Option[] {
  const known = [...persons, ...(person?.manager == null || persons.some(({ id }) => id === person.manager?.id) ? [] : [person.manager])];
  return [{ value: '', label: 'nobody' }, ...known.filter(({ id }) => id !== person?.id).map(({ id, name }) => ({ value: id, label: name }))];
}
