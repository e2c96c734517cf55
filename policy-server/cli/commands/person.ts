import type { Command } from 'commander';
import { createApi } from '../api.ts';
import { define, group, type OutputOptions, print, running } from '../command.ts';
import { Ended } from '../exit-codes.ts';
import { details, inert, table, timeText } from '../text.ts';
import { collect } from './token.ts';

type Named = { readonly id: string; readonly name: string };
type Person = Named & {
  readonly email: string | null; readonly manager: Named | null; readonly users: readonly { readonly user: string; readonly device: Named | null }[]; readonly accounts: readonly Named[]; readonly createdAt: number;
};
type LinkOptions = OutputOptions & { readonly user?: readonly string[]; readonly device?: string; readonly account?: string };

const named = ['<person>', 'id from `person list`, or the name where only one has it'] as const;

export function addPersons(program: Command): void {
  const person = group(program, 'person', 'Human beings: what accounts here and users on devices have in common.');
  define(person, 'list', 'List people, with their accounts and their users on devices.', ['belayctl person list', 'belayctl person list --search ada'])
    .option('--search <text>', 'only those with this in their name, address or a user\'s name').action(running(list));
  define(person, 'show', 'Everything about one person.', ['belayctl person show "Ada Adams"']).argument(...named).action(running(show));
  define(person, 'create', 'Make a person.', ['belayctl person create "Ada Adams" --email ada@example.org --user ada', 'belayctl person create "Eve Evans" --manager "Ada Adams"'])
    .argument('<name>', 'what people call them').option('--email <address>', 'where notices go').option('--manager <person>', 'whose yes `manager` means in a rule')
    .option('--user <name>', 'their user on every device; repeatable', collect).action(running(create));
  define(person, 'link', 'Say that a user on devices, or an account, is this person. Nobody approves their own requests, by whichever of them.', [
    'belayctl person link "Ada Adams" --user ada                      on every device',
    'belayctl person link "Ada Adams" --user root --device laptop-17  on this one',
    'belayctl person link "Ada Adams" --account ada',
  ]).argument(...named).option('--user <name>', 'the user\'s name; repeatable', collect).option('--device <device>', 'on this device only').option('--account <name>', 'this account').action(running(link));
  define(person, 'unlink', 'Take such a link back.', ['belayctl person unlink "Ada Adams" --user ada']).argument(...named)
    .option('--user <name>', 'the user\'s name; repeatable', collect).option('--device <device>', 'on this device only').option('--account <name>', 'this account').action(running(unlink));
  define(person, 'manager', 'Set who is a person\'s manager, or that nobody is.', ['belayctl person manager "Eve Evans" "Ada Adams"', 'belayctl person manager "Eve Evans"']).argument(...named)
    .argument('[manager]', 'left out: nobody').action(running(manager));
}

async function list({ search, ...options }: OutputOptions & { search?: string }): Promise<void> {
  const persons = await createApi().all<Person>('/persons', 'persons', { search });
  print(options, persons, () => table(persons, [
    { title: 'NAME', of: ({ name }) => name }, { title: 'ID', of: ({ id }) => id }, { title: 'ACCOUNTS', of: ({ accounts }) => accounts.map(({ name }) => name).join(', ') },
    { title: 'MANAGER', of: (each) => each.manager?.name ?? '' }, { title: 'USERS', of: usersText },
  ]));
}

function usersText({ users }: Person): string {
  return users.map(({ user, device }) => (device === null ? user : `${user}@${device.name}`)).join(', ');
}

function describe(person: Person): string {
  return details([
    ['Name', person.name], ['Id', person.id], ['E-mail', person.email ?? ''], ['Manager', person.manager === null ? 'nobody' : `${person.manager.name} (${person.manager.id})`],
    ['Accounts', person.accounts.map(({ name }) => name).join(', ')], ['Users', usersText(person)], ['Since', timeText(person.createdAt)],
  ]);
}

/** By id, or by a name that only one person has. */
async function find(text: string): Promise<Person> {
  const api = createApi();
  if (/^p-[a-z2-7]{16}$/.test(text)) return api.get<Person>(`/persons/${text}`);
  const found = (await api.all<Person>('/persons', 'persons', { search: text })).filter(({ name }) => name === text);
  if (found.length > 1) throw new Ended('usage', `Several people are called ${inert(text)}: ${found.map(({ id }) => id).join(', ')}. Name one by its id.`);
  const [one] = found;
  if (one === undefined) throw new Ended('notPermitted', `There is nobody called ${inert(text)}.`);
  return one;
}

async function show(name: string, options: OutputOptions): Promise<void> {
  const person = await find(name);
  print(options, person, () => describe(person));
}

type NewPerson = OutputOptions & { readonly email?: string; readonly manager?: string; readonly user?: readonly string[] };

async function create(name: string, { email, manager: above, user = [], ...options }: NewPerson): Promise<void> {
  const chief = above === undefined ? undefined : (await find(above)).id;
  const person = await createApi().post<Person>('/persons', { name, email, manager: chief, users: user.map((each) => ({ user: each, device: null })) });
  print(options, person, () => describe(person));
}

async function link(name: string, options: LinkOptions): Promise<void> {
  return relink(name, options, (links) => ({ add: links }), ({ id }) => id);
}

async function unlink(name: string, options: LinkOptions): Promise<void> {
  return relink(name, options, (links) => ({ remove: links }), () => null);
}

type Links = readonly { readonly user: string; readonly device: string | null }[];

async function relink(name: string, { user = [], device, account, ...options }: LinkOptions, changes: (links: Links) => object, owner: (person: Person) => string | null): Promise<void> {
  if (user.length === 0 && account === undefined) throw new Ended('usage', 'Say which: --user NAME or --account NAME.');
  const api = createApi();
  const person = await find(name);
  if (user.length > 0) await api.post(`/persons/${person.id}/users`, changes(user.map((each) => ({ user: each, device: device ?? null }))));
  if (account !== undefined) await setAccount(person, account, owner(person));
  const changed = await api.get<Person>(`/persons/${person.id}`);
  print(options, changed, () => describe(changed));
}

async function setAccount(person: Person, account: string, owner: string | null): Promise<void> {
  const api = createApi();
  const at = `/accounts/${encodeURIComponent(account)}`;
  const known = await api.get<{ person: Named | null }>(at);
  if (owner === null && known.person?.id !== person.id) throw new Ended('notPermitted', `The account ${inert(account)} is not ${inert(person.name)}'s.`);
  if (owner !== null && known.person !== null && known.person.id !== owner) throw new Ended('conflict', `The account ${inert(account)} is ${inert(known.person.name)}'s; unlink it there first.`);
  await api.post(`${at}/person`, { person: owner });
}

async function manager(name: string, above: string | undefined, options: OutputOptions): Promise<void> {
  const person = await find(name);
  const chief = above === undefined ? null : (await find(above)).id;
  const changed = await createApi().post<Person>(`/persons/${person.id}`, { manager: chief });
  print(options, changed, () => describe(changed));
}
