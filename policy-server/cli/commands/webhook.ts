import { type Command, InvalidArgumentError, Option } from 'commander';
import { createApi } from '../api.ts';
import { define, group, note, type OutputOptions, print, running } from '../command.ts';
import { Ended, type ExitName } from '../exit-codes.ts';
import { inert, parseDuration, table, timeText } from '../text.ts';
import { collect } from './token.ts';

type Webhook = {
  readonly id: string; readonly name: string; readonly url: string; readonly events: readonly string[]; readonly disabled: boolean; readonly createdAt: number; readonly createdBy: string;
  readonly oldSecretUntil: number | null; readonly lastSuccessAt: number | null; readonly lastFailureAt: number | null; readonly lastFailure: string | null; readonly waiting: number;
};
type WithSecret = { readonly webhook: Webhook; readonly secret: string };

export function addWebhooks(program: Command): void {
  const webhook = group(program, 'webhook', 'Addresses of other programs that are called when something happens.');
  const named = ['<webhook>', 'its name or id'] as const;
  define(webhook, 'list', 'List webhooks, and how each went last.', []).action(running(list));
  define(webhook, 'create', 'Make a webhook. Its secret is shown once.', [
    'belayctl webhook create chat https://hooks.example.org/belay --event request-filed --event emergency-opened',
    'belayctl webhook create siem https://siem.example.org/in            every kind of notice',
  ])
    .argument('<name>', 'what it is for').argument('<url>', 'https:// address that is called')
    .option('--event <kind>', 'only this kind of notice (docs/notices.md lists them); repeatable', collect)
    .action(running(create));
  define(webhook, 'test', 'Call it now, with a notice of kind test.', ['belayctl webhook test chat']).argument(...named).action(running(tryOut));
  define(webhook, 'rotate', 'Give it a new secret, shown once. The old one signs too for a while.', ['belayctl webhook rotate chat', 'belayctl webhook rotate chat --overlap 0s      the old one has been stolen'])
    .argument(...named)
    .addOption(new Option('--overlap <duration>', 'for how long the old secret signs too, at most 30d').default('1d').argParser(overlapText))
    .action(running(rotate));
  define(webhook, 'delete', 'Delete it; calls that still wait are not made.', ['belayctl webhook delete chat']).argument(...named).action(running(remove));
}

function overlapText(text: string): string {
  if (text !== '0s' && !/^[1-9][0-9]{0,6}[smhdw]$/.test(text)) throw new InvalidArgumentError('expected a duration such as 0s, 1h or 7d');
  return text;
}

async function list(options: OutputOptions): Promise<void> {
  const { webhooks } = await createApi().get<{ webhooks: readonly Webhook[] }>('/webhooks');
  print(options, webhooks, () => table(webhooks, [
    { title: 'ID', of: ({ id }) => id }, { title: 'NAME', of: ({ name }) => name }, { title: 'EVENTS', of: ({ events }) => (events.length === 0 ? 'all' : events.join(',')) },
    { title: 'LAST', of: lastOf }, { title: 'WAITING', of: ({ waiting }) => String(waiting) }, { title: 'URL', of: ({ url }) => url },
  ]));
}

function lastOf({ disabled, lastSuccessAt, lastFailureAt, lastFailure }: Webhook): string {
  if (disabled) return 'switched off';
  if ((lastFailureAt ?? 0) > (lastSuccessAt ?? 0)) return `failed ${timeText(lastFailureAt)}: ${lastFailure ?? ''}`;
  return lastSuccessAt === null ? 'never called' : `good ${timeText(lastSuccessAt)}`;
}

async function create(name: string, url: string, { event = [], ...options }: OutputOptions & { event?: readonly string[] }): Promise<void> {
  show(options, await createApi().post<WithSecret>('/webhooks', { name, url, events: event }), 'is made');
}

async function rotate(name: string, { overlap, ...options }: OutputOptions & { overlap: string }): Promise<void> {
  const { id } = await find(name);
  show(options, await createApi().post<WithSecret>(`/webhooks/${encodeURIComponent(id)}/rotate`, { overlapMs: overlap === '0s' ? 0 : parseDuration(overlap) }), 'has a new secret');
}

/** The secret alone is on stdout. */
function show(options: OutputOptions, made: WithSecret, what: string): void {
  print(options, made, () => {
    const { webhook: { name, id, oldSecretUntil } } = made;
    const until = oldSecretUntil === null ? '' : ` The old one signs too until ${timeText(oldSecretUntil)}.`;
    note(`Webhook "${inert(name)}" (${inert(id)}) ${what}. The secret that its calls are signed with is not shown again.${until}`);
    return `${made.secret}\n`;
  });
}

async function tryOut(name: string, options: OutputOptions): Promise<ExitName | void> {
  const { id } = await find(name);
  const answer = await createApi().post<{ webhook: Webhook; delivered: boolean; why: string | null }>(`/webhooks/${encodeURIComponent(id)}/test`);
  print(options, answer, () => (answer.delivered ? `${inert(answer.webhook.name)} took it.\n` : `${inert(answer.webhook.name)} did not take it: ${inert(answer.why ?? '')}.\n`));
  return answer.delivered ? undefined : 'failed';
}

async function remove(name: string, options: OutputOptions): Promise<void> {
  const { id } = await find(name);
  const gone = await createApi().post<Webhook>(`/webhooks/${encodeURIComponent(id)}/delete`);
  print(options, gone, () => `Deleted ${inert(gone.name)} (${inert(gone.id)}).\n`);
}

async function find(nameOrId: string): Promise<Webhook> {
  const { webhooks } = await createApi().get<{ webhooks: readonly Webhook[] }>('/webhooks');
  const found = webhooks.find(({ id }) => id === nameOrId) ?? webhooks.find(({ name }) => name === nameOrId);
  if (found === undefined) throw new Ended('notPermitted', 'There is no such webhook; "belayctl webhook list" names them.');
  return found;
}
