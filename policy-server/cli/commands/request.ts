import { setTimeout as delay } from 'node:timers/promises';
import { Argument, type Command, Option } from 'commander';
import { createApi } from '../api.ts';
import { define, group, jsonText, note, type OutputOptions, print, running, wantsJson } from '../command.ts';
import { Ended } from '../exit-codes.ts';
import { inert, inertLines, parseDuration, table, timeText } from '../text.ts';
import { describeRequest, type Grant, leftText, type RequestDetail, type RequestSummary } from './request-text.ts';
import { wholeNumber } from './token.ts';

type Proposal = { readonly id: string; readonly request: string; readonly yaml: string; readonly by: string; readonly createdAt: number; readonly state: string; readonly settledBy: string | null };
type ListOptions = OutputOptions & { readonly state?: string; readonly device?: string; readonly user?: string; readonly mine?: boolean; readonly review?: boolean; readonly limit: number; readonly watch?: boolean };

const STATES = ['pending', 'approved', 'denied', 'cancelled', 'expired', 'used', 'revoked'] as const;
const id = ['<id>', 'its id, from `request list`'] as const;

export function addRequests(program: Command): void {
  const request = group(program, 'request', 'Requests for approval: who asks for what, and your answer.');
  define(request, 'list', 'List requests, newest first.', ['belayctl request list --state pending', 'belayctl request list --state pending --watch      until Ctrl-C', 'belayctl request list --user alice --json', 'belayctl request list --review      emergencies that nobody has looked at since'])
    .addOption(new Option('--state <state>', 'only those in this state').choices(STATES)).option('--device <device>', 'id or name').option('--user <name>', 'the user on the device')
    .option('--mine', 'only what you have asked for yourself').option('--review', 'only emergencies that wait for a review').option('--limit <number>', 'how many', wholeNumber, 100)
    .option('--watch', 'go on, and print the list again when it changes').action(running(list));
  define(request, 'show', 'Everything needed to judge a request.', ['belayctl request show r-k7m2qx4p3d']).argument(...id).action(running(show));
  define(request, 'approve', 'Say yes. You can give less than was asked for, never more.', [
    'belayctl request approve r-k7m2qx4p3d --words "until the release is out"', 'belayctl request approve r-k7m2qx4p3d --for 10m --uses 1', 'belayctl request approve r-k7m2qx4p3d --exact      this very command, not all that it asks for',
    'belayctl request approve r-k7m2qx4p3d --also-on web-2      of the other devices that it asks for, only that',
  ])
    .argument(...id).option('--words <text>', 'what the requester reads').option('--for <duration>', 'how long it holds, at most as asked').option('--uses <number>', 'how often, at most as asked', wholeNumber)
    .option('--exact', 'only the exact request, where more was asked for')
    .addOption(new Option('--also-on <devices>', 'of other devices asked for, only these: names or ids, separated by commas; left out: all that you may answer for').argParser(listOf))
    .addOption(new Option('--only-here', 'on no other device').conflicts('alsoOn')).action(running(approve));
  define(request, 'deny', 'Say no, and why.', ['belayctl request deny r-k7m2qx4p3d --words "use the staging machine"']).argument(...id).requiredOption('--words <text>', 'why; the requester reads it').action(running(deny));
  define(request, 'review', 'Close an emergency: say what you found when you looked at it.', ['belayctl request review r-k7m2qx4p3d --words "the disk was full; all as it should be"'])
    .argument(...id).requiredOption('--words <text>', 'what you found').action(running(review));
  define(request, 'propose', 'Turn a request into a rule that an author of policies may take up. Prints the rule; nothing changes.', ['belayctl request propose r-k7m2qx4p3d > proposed.yaml']).argument(...id).action(running(propose));
  define(request, 'proposals', 'List proposed rules, newest first.', []).option('--limit <number>', 'how many', wholeNumber, 100).action(running(proposals));
  define(request, 'settle', 'Say what became of a proposed rule: taken up (with policy apply) or declined.', ['belayctl request settle p-x3k9w2m7qa taken']).argument('<proposal>', 'its id, from `request proposals`')
    .addArgument(new Argument('<outcome>').choices(['taken', 'declined'])).action(running(settle));
}

const at = (of: string, act = ''): string => `/requests/${encodeURIComponent(of)}${act === '' ? '' : `/${act}`}`;

async function list({ watch, limit, json, output, ...filter }: ListOptions): Promise<void> {
  const api = createApi();
  const read = (): Promise<readonly RequestSummary[]> => api.all<RequestSummary>('/requests', 'requests', filter, limit);
  if (watch === true) return follow(read, { json, output });
  const requests = await read();
  print({ json, output }, requests, () => listText(requests));
}

function listText(requests: readonly RequestSummary[]): string {
  return table(requests, [
    { title: 'ID', of: (each) => each.id }, { title: 'FILED', of: ({ filedAt }) => timeText(filedAt) }, { title: 'STATE', of: stateText }, { title: 'WHO', of: ({ user, person }) => (person === null ? user : `${user} (${person.name})`) },
    { title: 'DEVICE', of: ({ device, alsoOn }) => [device.name, ...alsoOn].join(', ') }, { title: 'AS', of: ({ runAs }) => runAs }, { title: 'YOU', of: ({ state, mayAnswer }) => (state !== 'pending' ? '' : mayAnswer ? 'may answer' : 'may not') },
    { title: 'COMMAND', of: ({ command, reason }) => (reason === null ? command : `${command} · ${reason}`) },
  ]);
}

function stateText({ state, emergency, needsReview, approvals, expiresAt }: RequestSummary): string {
  const [have, need] = [approvals.reduce((sum, each) => sum + each.have, 0), approvals.reduce((sum, each) => sum + each.count, 0)];
  const waiting = `pending ${need > 1 ? `${have}/${need}, ` : ''}${leftText(expiresAt)} left`;
  return `${emergency ? 'EMERGENCY ' : ''}${state === 'pending' ? waiting : state}${needsReview ? ', to review' : ''}`;
}

const WATCH_MS = 2000;

/** On a terminal in place; else each list that differs, one after the other. A server that restarts is waited for. */
async function follow(read: () => Promise<readonly RequestSummary[]>, options: OutputOptions): Promise<void> {
  let before = '';
  for (let isFirst = true; ; isFirst = false) {
    try {
      const requests = await read();
      const text = wantsJson(options) ? `${jsonText(requests).replace(/\n\s*/g, '')}\n` : listText(requests);
      // Times that run down are no change of the list.
      const now = JSON.stringify(requests);
      if (process.stdout.isTTY && !wantsJson(options)) process.stdout.write(`\u001b[H\u001b[2J${text}`);
      else if (now !== before) process.stdout.write(text);
      before = now;
    } catch (error) {
      if (isFirst || (error instanceof Ended && error.exit !== 'unreachable')) throw error;
      note('belayctl: the server cannot be reached; trying again');
    }
    await delay(WATCH_MS);
  }
}

async function show(of: string, options: OutputOptions): Promise<void> {
  const request = await createApi().get<RequestDetail>(at(of));
  print(options, request, () => describeRequest(request));
}

type ApproveOptions = OutputOptions & { readonly words?: string; readonly for?: string; readonly uses?: number; readonly exact?: boolean; readonly alsoOn?: readonly string[]; readonly onlyHere?: boolean };

function listOf(text: string): readonly string[] {
  return text.split(',').map((each) => each.trim()).filter((each) => each !== '');
}

async function approve(of: string, { words, for: duration, uses, exact, alsoOn, onlyHere, ...options }: ApproveOptions): Promise<void> {
  const body = { words, uses, ...(duration === undefined ? {} : { forMs: parseDuration(duration) }), ...(exact === true ? { exact } : {}), devices: onlyHere === true ? [] : alsoOn };
  const request = await createApi().post<RequestDetail>(at(of, 'approve'), body);
  print(options, request, () => {
    if (request.grant !== null) return approvedText(request, request.grant);
    const missing = request.approvals.filter(({ open }) => open).map(({ from, count, have }) => `${count - have} of ${from.map(inert).join(' or ')}`);
    return `Your yes counts. Still needed: ${missing.join('; ')}.\n`;
  });
}

function approvedText({ user, elsewhere }: RequestDetail, own: Grant): string {
  const there = elsewhere.flatMap(({ grant }) => (grant === null ? [] : [grant]));
  return [own, ...there].map((grant) => `Approved: grant ${grant.id} for ${inert(grant === own ? user : grant.user)} on ${inert(grant.device.name)}, until ${timeText(grant.expiresAt)}.\n`).join('');
}

async function deny(of: string, { words, ...options }: OutputOptions & { readonly words: string }): Promise<void> {
  const request = await createApi().post<RequestDetail>(at(of, 'deny'), { words });
  print(options, request, () => `Denied: request ${request.number} of ${inert(request.user)} on ${inert(request.device.name)}.\n`);
}

async function review(of: string, { words, ...options }: OutputOptions & { readonly words: string }): Promise<void> {
  const request = await createApi().post<RequestDetail>(at(of, 'review'), { words });
  print(options, request, () => `Reviewed: the emergency of ${inert(request.user)} on ${inert(request.device.name)}.\n`);
}

async function propose(of: string, options: OutputOptions): Promise<void> {
  const { proposal } = await createApi().post<{ proposal: Proposal }>(at(of, 'propose'));
  print(options, proposal, () => {
    note(`Proposal ${inert(proposal.id)}. An author of policies edits it, applies it, and says: belayctl request settle ${inert(proposal.id)} taken`);
    return inertLines(proposal.yaml);
  });
}

async function proposals({ limit, ...options }: OutputOptions & { readonly limit: number }): Promise<void> {
  const found = await createApi().all<Proposal>('/proposals', 'proposals', {}, limit);
  print(options, found, () => table(found, [
    { title: 'ID', of: (each) => each.id }, { title: 'REQUEST', of: ({ request }) => request }, { title: 'MADE', of: ({ createdAt }) => timeText(createdAt) }, { title: 'BY', of: ({ by }) => by },
    { title: 'STATE', of: ({ state, settledBy }) => (settledBy === null ? state : `${state} by ${settledBy}`) },
  ]));
}

async function settle(proposal: string, outcome: string, options: OutputOptions): Promise<void> {
  const settled = await createApi().post<Proposal>(`/proposals/${encodeURIComponent(proposal)}/settle`, { outcome });
  print(options, settled, () => `Proposal ${inert(settled.id)} is ${settled.state}.\n`);
}
