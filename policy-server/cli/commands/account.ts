import { type Command, InvalidArgumentError } from 'commander';
import { createApi } from '../api.ts';
import { define, group, note, type OutputOptions, print, running } from '../command.ts';
import { Ended } from '../exit-codes.ts';
import { askSecret, secretFrom } from '../prompt.ts';
import { type Binding, bindingsText, ROLES } from '../roles.ts';
import { details, inert, table, timeText } from '../text.ts';
import { collect } from './token.ts';

type Sourced = Binding & { readonly source: string };
type Account = {
  readonly id: string; readonly name: string; readonly email: string | null; readonly person: { readonly id: string; readonly name: string } | null; readonly disabled: boolean; readonly createdAt: number;
  readonly lastLoginAt: number | null; readonly lockedUntil: number | null; readonly bindings: readonly Sourced[]; readonly groups: readonly string[];
  readonly factors: { readonly password: boolean; readonly totp: boolean; readonly passkeys: number }; readonly issuers: readonly string[];
};
type WithPassword = { readonly account: Account; readonly password: string | null };

const named = ['<account>', 'its name or id'] as const;
const roleHelp = 'ROLE for every device, or ROLE:GROUP[,GROUP…]; repeatable';

export function addAccounts(program: Command): void {
  const account = group(program, 'account', 'Who may sign in here, and what they may do.');
  define(account, 'list', 'List accounts with their roles.', ['belayctl account list', 'belayctl account list --search ada --json']).option('--search <text>', 'only those with this in their name or address').action(running(list));
  define(account, 'show', 'Everything about one account.', ['belayctl account show ada']).argument(...named).action(running(show));
  define(account, 'create', 'Make an account. Its password is shown once, unless you give one.', [
    'belayctl account create ada --role approver:laptops,servers --role viewer', 'belayctl account create ada --person p-4fx6rivlc4qdu4gc --email ada@example.org', 'belayctl account create ada --password-file - < password.txt',
  ]).argument('<name>', 'what they sign in with; policies name it as user:NAME').option('--role <role>', roleHelp, collectRole).option('--email <address>', 'where notices go').option('--person <id>', 'whose it is')
    .option('--password-file <file>', 'the password is the first line of this file, "-" is stdin').action(running(create));
  define(account, 'role', 'Set the roles that an account has been given here. Those of the directory stay.', [
    'belayctl account role ada --add operator:laptops', 'belayctl account role ada --remove viewer', 'belayctl account role ada --set approver:laptops --set viewer',
  ]).argument(...named).option('--add <role>', `give this one: ${roleHelp}`, collectRole).option('--remove <role>', 'take this one: ROLE, for whatever devices; repeatable', collect)
    .option('--set <role>', 'exactly these, in place of all others; repeatable', collectRole).action(running(role));
  define(account, 'disable', 'Shut an account out at once; its sessions are over.', ['belayctl account disable ada']).argument(...named).action(running(act('disable')));
  define(account, 'enable', 'Let an account in again.', ['belayctl account enable ada']).argument(...named).action(running(act('enable')));
  define(account, 'unlink-factors', 'Remove codes and passkeys of somebody who lost them; the password stays. Their sessions are over.', ['belayctl account unlink-factors ada']).argument(...named).action(running(act('unlink-factors')));
  define(account, 'password', 'Set a password. Without an option one is made up and shown once. The account\'s sessions are over.', ['belayctl account password ada', 'belayctl account password ada --ask'])
    .argument(...named).option('--ask', 'ask for it, unseen').option('--password-file <file>', 'the first line of this file, "-" is stdin').action(running(password));
}

function collectRole(text: string, before: readonly Binding[] = []): readonly Binding[] {
  const [name = '', groups] = text.split(':');
  if (!ROLES.some((each) => each === name)) throw new InvalidArgumentError(`The roles are ${ROLES.join(', ')}.`);
  return [...before, { role: name, groups: groups === undefined ? 'all' : groups.split(',').filter((each) => each !== '') }];
}

async function list({ search, ...options }: OutputOptions & { search?: string }): Promise<void> {
  const accounts = await createApi().all<Account>('/accounts', 'accounts', { search });
  print(options, accounts, () => table(accounts, [
    { title: 'NAME', of: ({ name }) => name }, { title: 'STATE', of: stateOf }, { title: 'PERSON', of: ({ person }) => person?.name ?? '' }, { title: 'FACTORS', of: factorsOf },
    { title: 'LAST SIGN-IN', of: ({ lastLoginAt }) => timeText(lastLoginAt) }, { title: 'ROLES', of: ({ bindings }) => bindingsText(bindings) },
  ]));
}

function stateOf({ disabled, lockedUntil }: Account): string {
  if (disabled) return 'disabled';
  return lockedUntil !== null && lockedUntil > Date.now() ? 'locked' : 'active';
}

function factorsOf({ factors: { password: has, totp, passkeys }, issuers }: Account): string {
  return [...(has ? ['password'] : []), ...(totp ? ['codes'] : []), ...(passkeys > 0 ? [passkeys === 1 ? 'a passkey' : `${passkeys} passkeys`] : []), ...(issuers.length > 0 ? ['single sign-on'] : [])].join(', ');
}

function describe(account: Account): string {
  return details([
    ['Name', account.name], ['Id', account.id], ['State', stateOf(account)], ['Person', account.person === null ? 'nobody\'s yet' : `${account.person.name} (${account.person.id})`], ['E-mail', account.email ?? ''],
    ...account.bindings.map((binding) => ['Role', `${bindingsText([binding])}${binding.source === 'local' ? '' : `, by ${binding.source}`}`] as const),
    ['Factors', factorsOf(account)], ['Directory groups', account.groups.join(', ')], ['Last sign-in', timeText(account.lastLoginAt)], ['Since', timeText(account.createdAt)],
  ]);
}

const at = (name: string, what = ''): string => `/accounts/${encodeURIComponent(name)}${what === '' ? '' : `/${what}`}`;

async function show(name: string, options: OutputOptions): Promise<void> {
  const account = await createApi().get<Account>(at(name));
  print(options, account, () => describe(account));
}

type NewAccount = OutputOptions & { readonly role?: readonly Binding[]; readonly email?: string; readonly person?: string; readonly passwordFile?: string };

async function create(name: string, { role: bindings = [], email, person, passwordFile, ...options }: NewAccount): Promise<void> {
  const given = passwordFile === undefined ? undefined : await secretFrom(passwordFile);
  const made = await createApi().post<WithPassword>('/accounts', { name, bindings, email, person, password: given });
  tell(options, made);
}

/** The password alone is on stdout, for whoever pipes it on. */
function tell(options: OutputOptions, { account, password: told }: WithPassword): void {
  print(options, { account, password: told }, () => {
    if (told === null) return describe(account);
    note(`The password of ${inert(account.name)}. It is not shown again.`);
    return `${told}\n`;
  });
}

type RoleOptions = OutputOptions & { readonly add?: readonly Binding[]; readonly remove?: readonly string[]; readonly set?: readonly Binding[] };

async function role(name: string, { add = [], remove = [], set, ...options }: RoleOptions): Promise<void> {
  if (set === undefined && add.length + remove.length === 0) throw new Ended('usage', 'Say which: --add ROLE, --remove ROLE or --set ROLE.');
  if (set !== undefined && add.length + remove.length > 0) throw new Ended('usage', '--set says all of them: it goes without --add and --remove.');
  const wrong = remove.find((each) => !ROLES.some((known) => known === each));
  if (wrong !== undefined) throw new Ended('usage', `"${inert(wrong)}" is no role; they are ${ROLES.join(', ')}.`);
  const api = createApi();
  const known = (await api.get<Account>(at(name))).bindings.filter(({ source }) => source === 'local').map(({ role: held, groups }) => ({ role: held, groups }));
  const bindings = set ?? [...known.filter(({ role: held }) => !remove.includes(held)), ...add];
  const changed = await api.post<Account>(at(name, 'roles'), { bindings });
  print(options, changed, () => describe(changed));
}

function act(what: 'disable' | 'enable' | 'unlink-factors') {
  return async (name: string, options: OutputOptions): Promise<void> => {
    const changed = await createApi().post<Account>(at(name, what));
    print(options, changed, () => describe(changed));
  };
}

async function password(name: string, { ask, passwordFile, ...options }: OutputOptions & { ask?: true; passwordFile?: string }): Promise<void> {
  const asked = ask === true ? await askSecret(`New password of ${inert(name)}: `) : undefined;
  const given = passwordFile === undefined ? asked : await secretFrom(passwordFile);
  tell(options, await createApi().post<WithPassword>(at(name, 'password'), { password: given }));
}
