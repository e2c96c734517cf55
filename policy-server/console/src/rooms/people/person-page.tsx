import { Pencil, Trash2, UserPlus } from 'lucide-react';
import { useState } from 'react';
import { Link } from 'wouter';
import type { Person, PersonUser } from '../../api/types.ts';
import { useSession } from '../../session/session.tsx';
import { BackLink } from '../../ui/back-link.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Field } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Facts, Page, Section } from '../../ui/page.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { PersonForm } from './person-form.tsx';
import { usePeopleActs, usePerson } from './queries.ts';

export function PersonPage({ id }: { readonly id: string }) {
  const { may } = useSession();
  const person = usePerson(id);
  const [isEdited, setEdited] = useState(false);
  const back = <BackLink href="/people">People</BackLink>;
  if (person.data === undefined) return <Page title="Person" back={back}>{person.error === null ? <Lines count={6} /> : <Problem error={person.error} again={() => void person.refetch()} />}</Page>;
  const { data } = person;
  return (
    <Page title={data.name} back={back} heading={<Inert text={data.name} />} actions={may('people.write') && <Button icon={<Pencil />} onPress={() => setEdited(true)}>Edit…</Button>}>
      <Section title="Person">
        <Facts facts={[
          ['E-mail', data.email === null ? <span className="faint">none</span> : <Inert text={data.email} />],
          ['Manager', data.manager === null ? <span className="faint">nobody</span> : <Link href={`/people/${data.manager.id}`}><Inert text={data.manager.name} /></Link>],
          ['Accounts', data.accounts.length === 0 ? <span className="faint">none</span> : <Inert text={data.accounts.map(({ name }) => name).join(', ')} />],
        ]} />
      </Section>
      <Section title="Users on devices"><Users person={data} /></Section>
      <Dialog title={`Edit ${data.name}`} isOpen={isEdited} close={() => setEdited(false)}><PersonForm person={data} close={() => setEdited(false)} /></Dialog>
    </Page>
  );
}

function Users({ person }: { readonly person: Person }) {
  const { may } = useSession();
  const { users } = person;
  return (
    <>
      {users.length === 0 && <p className="faint">None is linked: requests of this person’s users look like those of a stranger, and the owner of the device may not answer them.</p>}
      <ul className="links">{users.map((user) => <OneUser key={`${user.user} ${user.device?.id ?? ''}`} person={person} user={user} />)}</ul>
      {may('people.write') && <LinkUser person={person} />}
    </>
  );
}

function OneUser({ person, user }: { readonly person: Person; readonly user: PersonUser }) {
  const { may } = useSession();
  const { linkUsers } = usePeopleActs();
  const [isAsked, setAsked] = useState(false);
  return (
    <li>
      <span><code><Inert text={user.user} /></code> {user.device === null ? <span className="faint">on every device</span> : <>on <Link href={`/devices/${user.device.id}`}><Inert text={user.device.name} /></Link></>}</span>
      {may('people.write') && <Button isSmall tone="danger" icon={<Trash2 />} onPress={() => setAsked(true)}>Unlink…</Button>}
      <Confirm title="Unlink this user?" verb="Unlink" isOpen={isAsked} close={() => setAsked(false)} act={() => linkUsers.mutateAsync({ id: person.id, add: [], remove: [{ user: user.user, device: user.device?.id ?? null }] })}><p>Requests of <code><Inert text={user.user} /></code> are then nobody’s that is known.</p></Confirm>
    </li>
  );
}

function LinkUser({ person }: { readonly person: Person }) {
  const { linkUsers } = usePeopleActs();
  const [user, setUser] = useState('');
  const [device, setDevice] = useState('');
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      linkUsers.mutate({ id: person.id, add: [{ user: user.trim(), device: device.trim() === '' ? null : device.trim() }], remove: [] }, { onSuccess: () => {
        setUser('');
        setDevice('');
      } });
    }}>
      <div className="columns">
        <Field label="User name on the device" value={user} required maxLength={256} autoCapitalize="none" spellCheck={false} onChange={(event) => setUser(event.target.value)} />
        <Field label="Only on this device" value={device} maxLength={256} placeholder="Every device" spellCheck={false} onChange={(event) => setDevice(event.target.value)} />
      </div>
      {linkUsers.error !== null && <Problem error={linkUsers.error} />}
      <div className="actions"><Button type="submit" icon={<UserPlus />} isPending={linkUsers.isPending}>Link</Button></div>
    </form>
  );
}
