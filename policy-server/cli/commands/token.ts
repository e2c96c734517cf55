import { type Command, InvalidArgumentError, Option } from 'commander';
import { createApi } from '../api.ts';
import { define, group, note, type OutputOptions, print, running } from '../command.ts';
import { type Binding, bindingsText, ROLES } from '../roles.ts';
import { inert, parseDuration, table, timeText } from '../text.ts';

type ApiToken = {
  readonly id: string; readonly name: string; readonly bindings: readonly Binding[]; readonly permissions: readonly string[] | null; readonly kind: string; readonly createdBy: string;
  readonly expiresAt: number; readonly lastUsedAt: number | null; readonly revokedAt: number | null;
};
type EnrollToken = { readonly id: string; readonly createdBy: string; readonly expiresAt: number; readonly usesLeft: number; readonly usesTotal: number; readonly groups: readonly string[]; readonly revokedAt: number | null };

export function addTokens(program: Command): void {
  const token = group(program, 'token', 'Service tokens, for programs such as CI; and the sessions of people.');
  define(token, 'create', 'Make a service token. It is shown once.', ['belayctl token create ci --role policy-author --expires 30d', 'belayctl token create siem --role viewer --group engineering --permission events.read', 'export BELAY_TOKEN=$(belayctl token create nightly --role viewer --json | jq -r .token)'])
    .argument('<name>', 'what it is for')
    .addOption(new Option('--role <role>', 'what it may do').choices(ROLES).default('viewer'))
    .option('--group <name>', 'only on devices of this group; repeatable', collect)
    .option('--permission <name>', 'only this of what the role gives, see docs/permissions.md; repeatable', collect)
    .option('--expires <duration>', 'how long it is valid, at most 365d', '90d')
    .action(running(createToken));
  define(token, 'list', 'List service tokens and living sessions.', []).action(running(listTokens));
  define(token, 'revoke', 'End a token or session at once.', ['belayctl token revoke h2Jd0aXw3kQz']).argument('<id>', 'from `token list`').action(running(revokeToken));
}

type NewToken = OutputOptions & { role: string; expires: string; group?: readonly string[]; permission?: readonly string[] };

async function createToken(name: string, { role, expires, group: groups, permission, ...options }: NewToken): Promise<void> {
  const made = await createApi().post<{ token: string; info: ApiToken }>('/tokens', {
    name, bindings: [{ role, groups: groups ?? 'all' }], permissions: permission ?? null, validForMs: parseDuration(expires),
  });
  print(options, made, () => {
    note(`Token "${inert(made.info.name)}" (${bindingsText(made.info.bindings)}) is valid until ${timeText(made.info.expiresAt)}. It is not shown again.`);
    return `${made.token}\n`;
  });
}

async function listTokens(options: OutputOptions): Promise<void> {
  const tokens = await createApi().all<ApiToken>('/tokens', 'tokens');
  print(options, tokens, () => table(tokens, [
    { title: 'ID', of: ({ id }) => id }, { title: 'NAME', of: ({ name }) => name }, { title: 'KIND', of: ({ kind }) => kind }, { title: 'ROLE', of: ({ kind, bindings }) => (kind === 'session' ? 'its account\'s' : bindingsText(bindings)) },
    { title: 'STATE', of: ({ revokedAt, expiresAt }) => stateOf(revokedAt, expiresAt) }, { title: 'LAST USED', of: ({ lastUsedAt }) => timeText(lastUsedAt) }, { title: 'MADE BY', of: ({ createdBy }) => createdBy },
  ]));
}

function stateOf(revokedAt: number | null, expiresAt: number): string {
  if (revokedAt !== null) return 'revoked';
  return expiresAt <= Date.now() ? 'expired' : `until ${timeText(expiresAt)}`;
}

async function revokeToken(id: string, options: OutputOptions): Promise<void> {
  const info = await createApi().post<ApiToken>(`/tokens/${encodeURIComponent(id)}/revoke`);
  print(options, info, () => `Revoked ${info.kind === 'session' ? 'the session of' : 'the token'} ${inert(info.name)}.\n`);
}

export function addEnrollTokens(program: Command): void {
  const token = group(program, 'enroll-token', 'Tokens that devices join the fleet with.');
  define(token, 'create', 'Make an enrolment token. It is shown once.', [
    'belayctl enroll-token create                                 one device, within an hour',
    'belayctl enroll-token create --uses 50 --expires 7d --group engineering',
    'belayctl enroll-token create | ssh laptop-17 sudo belay enroll -',
  ])
    .option('--uses <number>', 'how many devices may join with it', wholeNumber, 1)
    .option('--expires <duration>', 'how long it is valid', '1h')
    .option('--group <name>', 'put the devices into this group; repeatable', collect)
    .action(running(createEnrollToken));
  define(token, 'list', 'List enrolment tokens.', []).action(running(listEnrollTokens));
  define(token, 'revoke', 'Make an enrolment token useless. Devices that joined with it stay.', []).argument('<id>', 'from `enroll-token list`').action(running(revokeEnrollToken));
}

export function wholeNumber(text: string): number {
  if (!/^[1-9][0-9]{0,8}$/.test(text)) throw new InvalidArgumentError('Write a whole number from 1.');
  return Number(text);
}

/** For options that may be repeated. */
export function collect(text: string, before: readonly string[] = []): readonly string[] {
  return [...before, text];
}

async function createEnrollToken({ uses, expires, group: groups = [], ...options }: OutputOptions & { uses: number; expires: string; group?: readonly string[] }): Promise<void> {
  const made = await createApi().post<{ token: string; info: EnrollToken }>('/enroll-tokens', { uses, validForMs: parseDuration(expires), groups });
  print(options, made, () => {
    const { usesTotal, expiresAt } = made.info;
    note(`For ${usesTotal === 1 ? 'one device' : `${usesTotal} devices`}, until ${timeText(expiresAt)}. On the device, as root: belay enroll -   (and paste it)`);
    return `${made.token}\n`;
  });
}

async function listEnrollTokens(options: OutputOptions): Promise<void> {
  const tokens = await createApi().all<EnrollToken>('/enroll-tokens', 'tokens');
  print(options, tokens, () => table(tokens, [
    { title: 'ID', of: ({ id }) => id }, { title: 'LEFT', of: ({ usesLeft, usesTotal }) => `${usesLeft} of ${usesTotal}` },
    { title: 'STATE', of: ({ revokedAt, expiresAt, usesLeft }) => (usesLeft === 0 && revokedAt === null ? 'used up' : stateOf(revokedAt, expiresAt)) },
    { title: 'MADE BY', of: ({ createdBy }) => createdBy }, { title: 'GROUPS', of: ({ groups }) => groups.join(', ') },
  ]));
}

async function revokeEnrollToken(id: string, options: OutputOptions): Promise<void> {
  const info = await createApi().post<EnrollToken>(`/enroll-tokens/${encodeURIComponent(id)}/revoke`);
  print(options, info, () => `Revoked enrolment token ${inert(info.id)}.\n`);
}
