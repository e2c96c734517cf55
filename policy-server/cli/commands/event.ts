import type { IncomingMessage } from 'node:http';
import { createWriteStream } from 'node:fs';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setTimeout as delay } from 'node:timers/promises';
import { type Command, Option } from 'commander';
import { createApi } from '../api.ts';
import { createProgress, define, group, jsonText, note, type OutputOptions, print, running, wantsJson } from '../command.ts';
import { Ended } from '../exit-codes.ts';
import { inert, parseWhen, table, timeText } from '../text.ts';
import { asVerifyCommand } from '../verify.ts';
import { collect, wholeNumber } from './token.ts';

export type EventView = {
  readonly id: number; readonly device: string; readonly seq: number; readonly type: string; readonly deviceTime: number; readonly serverTime: number;
  readonly user: string | null; readonly uid: number | null; readonly request: number | null; readonly rule: string | null; readonly summary: string; readonly fields: Readonly<Record<string, unknown>>;
};
type FilterOptions = { readonly type?: readonly string[]; readonly device?: string; readonly user?: string; readonly text?: string; readonly request?: number; readonly since?: string; readonly until?: string };

const PAGE = 500;

function filters(command: Command): Command {
  return command
    .option('--type <type>', 'an event type (elevation.denied), or a group of them (elevation, policy, admin); repeatable', collect)
    .option('--device <device>', 'id or name; "server" for the servers themselves')
    .option('--user <name>', 'the user on the device, or the administrator')
    .option('--text <words>', 'words of what is shown under WHAT: all of them, of the last one at least the beginning')
    .option('--request <number>', 'the number that the user was shown', wholeNumber)
    .option('--since <when>', 'how long ago (15m, 12h, 30d), or a date (2026-11-23, 2026-11-23T14:30)')
    .option('--until <when>', 'up to then, likewise');
}

function queryOf({ type = [], device, user, text, request, since, until }: FilterOptions) {
  const now = Date.now();
  return {
    type: type.length === 0 ? undefined : type.join(','), device, user, text, request,
    since: since === undefined ? undefined : parseWhen(since, now), until: until === undefined ? undefined : parseWhen(until, now),
  };
}

export function addEvents(program: Command): void {
  const event = group(program, 'event', 'What happened: every elevation, every refusal, every act of an administrator.');
  filters(define(event, 'list', 'List events, newest first.', [
    'belayctl event list --type elevation --user alice --since 24h',
    'belayctl event list --type elevation.denied --device laptop-17 --limit 500 --json',
    'belayctl event list --type admin --type policy        who changed what on the server',
  ])).option('--limit <number>', 'how many', wholeNumber, 100).action(running(list));
  filters(define(event, 'tail', 'Print events as they arrive, until Ctrl-C. --json prints one object a line.', ['belayctl event tail --type elevation.denied', 'belayctl event tail --json | jq .summary']))
    .option('--after <id>', 'begin after this event instead of now', wholeNumber).action(running(tail));
  filters(define(event, 'export', 'Write every event: as evidence that can be verified, or as CSV.', [
    'belayctl event export > evidence.ndjson && belayctl event verify evidence.ndjson',
    'belayctl event export --device laptop-17 --to laptop-17.ndjson',
    'belayctl event export --format csv --since 30d --to november.csv',
  ]))
    .addOption(new Option('--format <format>', 'ndjson: whole chains with receipts, for the verifier, only --device filters it; csv: for spreadsheets, all filters').choices(['ndjson', 'csv']).default('ndjson'))
    .option('--to <file>', 'write here instead of stdout')
    .action(running(exportAll));
  asVerifyCommand(define(event, 'verify', 'Verify an export here, without a server: every signature, every link, every receipt.', [
    'belayctl event verify evidence.ndjson --server 6c1f…   that it is whole, and of this server',
    'belayctl event verify today.ndjson --receipts yesterday.ndjson   that nothing of yesterday is gone',
  ]));
}

async function list({ limit, json, output, ...filter }: OutputOptions & FilterOptions & { limit: number }): Promise<void> {
  const api = createApi();
  const query = queryOf(filter);
  const events: EventView[] = [];
  let before: number | undefined;
  do {
    const page = await api.get<{ events: readonly EventView[]; next: number | null }>('/events', { ...query, limit: Math.min(PAGE, limit - events.length), before });
    events.push(...page.events);
    before = page.next ?? undefined;
  } while (before !== undefined && events.length < limit);
  print({ json, output }, events, () => {
    if (before !== undefined) note(`The newest ${limit} are shown; there are more (--limit, --until).`);
    return table(events, [
      { title: 'TIME', of: ({ serverTime }) => timeText(serverTime) }, { title: 'DEVICE', of: ({ device }) => shortDevice(device) }, { title: 'USER', of: ({ user }) => user ?? '' },
      { title: 'TYPE', of: ({ type }) => type }, { title: 'REQUEST', of: ({ request }) => (request === null ? '' : String(request)) }, { title: 'WHAT', of: ({ summary }) => summary },
    ]);
  });
}

function shortDevice(device: string): string {
  return device.length > 12 ? `${device.slice(0, 11)}…` : device;
}

const RECONNECT_MS = 1000;

async function tail({ after, json, output, ...filter }: OutputOptions & FilterOptions & { after?: number }): Promise<void> {
  const api = createApi();
  const query = queryOf(filter);
  const render = wantsJson({ json, output }) ? (event: EventView): string => `${jsonText(event).replace(/\n\s*/g, '')}\n` : tailLine;
  let last = after;
  let isFirst = true;
  for (;;) {
    try {
      const answer = await api.stream('/events/tail', { ...query, after: last });
      isFirst = false;
      for await (const { id, event, data } of serverSentEvents(answer)) {
        last = id ?? last;
        if (event === 'message') process.stdout.write(render(JSON.parse(data) as EventView));
      }
    } catch (error) {
      // A server that restarts is waited for; one that refuses, or was never there, is not.
      if (isFirst || (error instanceof Ended && error.exit !== 'unreachable')) throw error;
    }
    note('belayctl: the connection ended; trying again');
    await delay(RECONNECT_MS);
  }
}

function tailLine({ serverTime, device, user, type, summary }: EventView): string {
  return `${timeText(serverTime)}  ${inert(shortDevice(device).padEnd(12))}  ${inert((user ?? '').padEnd(10))}  ${inert(type.padEnd(20))}  ${inert(summary)}\n`;
}

type Message = { readonly event: string; readonly id: number | undefined; readonly data: string };

/** WHATWG HTML, 9.2.6, as far as our server writes it. */
async function* serverSentEvents(answer: IncomingMessage): AsyncGenerator<Message> {
  answer.setEncoding('utf8');
  let held = '';
  for await (const chunk of answer) {
    held += chunk as string;
    const blocks = held.split('\n\n');
    held = blocks.pop() ?? '';
    for (const block of blocks) {
      const fields = new Map(block.split('\n').filter((line) => !line.startsWith(':') && line !== '').map((line): [string, string] => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
      const id = fields.get('id');
      if (fields.size > 0) yield { event: fields.get('event') ?? 'message', id: id === undefined ? undefined : Number(id), data: fields.get('data') ?? '{}' };
    }
  }
}

type ExportOptions = OutputOptions & FilterOptions & { readonly format: 'ndjson' | 'csv'; readonly to?: string };

async function exportAll({ format, to, ...filter }: ExportOptions): Promise<void> {
  const query = queryOf(filter);
  const { device, ...others } = query;
  if (format === 'ndjson' && Object.values(others).some((value) => value !== undefined)) {
    throw new Ended('usage', 'Evidence is exported in whole chains, else nobody could verify it: only --device narrows it. For a selection use --format csv, or event list --json.');
  }
  const answer = await createApi().stream(format === 'csv' ? '/events/csv' : '/events/export', format === 'csv' ? query : { device });
  const progress = createProgress('lines');
  const counting = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      let lines = 0;
      for (const byte of chunk) if (byte === 10) lines++;
      progress.add(lines);
      done(null, chunk);
    },
  });
  try {
    if (to === undefined) await pipeline(answer, counting, process.stdout, { end: false });
    else await pipeline(answer, counting, createWriteStream(to, { mode: 0o600 }));
  } catch (error) {
    throw new Ended('failed', `The export broke off and is not complete: ${(error as Error).message}`);
  } finally {
    progress.end();
  }
}
