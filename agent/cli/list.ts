import type { ListAnswer, ListEntry } from '@belay/proto/local';
import { askOnce } from './client.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { inert, versionJson, versionText } from './text.ts';

const timeoutMs = 10_000;

export type ListOptions = { readonly socket: string; readonly json: boolean; readonly verbose: boolean; readonly user?: string };

export async function list(options: ListOptions): Promise<ExitCode> {
  const answer = await askOnce(options.socket, { case: 'list', value: { user: options.user ?? '' } }, timeoutMs);
  if (answer.case !== 'list') {
    process.stderr.write(`belay: ${inert(answer.case === 'refusal' ? answer.value.message : 'belayd gave no list')}\n`);
    return exitCodes.failed;
  }
  process.stdout.write(options.json ? `${JSON.stringify(listJson(answer.value), null, 2)}\n` : listText(answer.value, Date.now(), options.verbose));
  return exitCodes.done;
}

export function listJson(answer: ListAnswer): object {
  return {
    uid: answer.uid,
    user: answer.user || null,
    device: answer.device || null,
    outsideRules: answer.outsideRules,
    policy: versionJson(answer.policy),
    rules: answer.entries.map(({ rule, then, priority, command, except, runAsUsers, runAsGroups, when, demands, message }) => ({
      rule, then, priority, command, except, runAsUsers, runAsGroups, when: when || null, demands, message: message || null,
    })),
    omitted: answer.omitted,
  };
}

/** How each part of the list begins, by the answer that its rules give. */
const headings = { allow: 'At once:', ask: 'After what is asked for:', deny: 'Never:' } as const;

export function listText(answer: ListAnswer, nowMs: number, isVerbose: boolean): string {
  const who = inert(answer.user === '' ? `uid ${answer.uid}` : answer.user);
  const where = inert(answer.device === '' ? 'this device' : answer.device);
  if (answer.outsideRules) return `${who} may run anything: root is outside the rules, and recorded.\n`;
  if (answer.policy === undefined) return `${who} may run nothing here: no policy is in force on this device. \`belay status\` says why.\n`;
  const policy = `\nPolicy ${versionText(answer.policy, nowMs)}.\n`;
  if (!answer.entries.some(({ then }) => then !== 'deny')) return `${who} may run nothing with sudo on ${where}.\n${policy}`;
  const groups = (['allow', 'ask', 'deny'] as const).map((then) => groupText(then, answer.entries.filter((entry) => entry.then === then), isVerbose)).join('');
  const more = answer.omitted === 0 ? '' : `\n${answer.omitted} more are not listed.\n`;
  return `${who} may run with sudo on ${where}:\n${groups}${more}${policy}`;
}

function groupText(then: keyof typeof headings, entries: readonly ListEntry[], isVerbose: boolean): string {
  if (entries.length === 0) return '';
  return `\n${headings[then]}\n${entries.map((entry) => (isVerbose ? longText(entry) : shortText(entry))).join('')}`;
}

function shortText(entry: ListEntry): string {
  const notes = [
    ...(isAsRoot(entry) || isAsAnybody(entry) ? [] : [`as ${asText(entry)}`]),
    ...(entry.demands.length === 0 ? [] : [`asks for ${entry.demands.join(' and ')}`]),
    ...(entry.when === '' ? [] : [`if ${entry.when}`]),
    ...(entry.except.length === 0 ? [] : [`not ${entry.except.join(', ')}`]),
    ...(entry.message === '' || entry.then !== 'deny' ? [] : [entry.message]),
  ];
  return `  ${inert(entry.command)}\n${notes.map((note) => `      ${inert(note)}\n`).join('')}`;
}

function longText(entry: ListEntry): string {
  const lines: readonly (readonly [string, string])[] = [
    ['Rule', entry.rule],
    ['As', asText(entry)],
    ...entry.except.map((text) => ['Except', text] as const),
    ...(entry.when === '' ? [] : [['If', entry.when] as const]),
    ...entry.demands.map((text) => ['Asks for', text] as const),
    ...(entry.priority === 0 ? [] : [['Priority', `${entry.priority}`] as const]),
    ...(entry.message === '' ? [] : [['Message', entry.message] as const]),
  ];
  return `  ${inert(entry.command)}\n${lines.map(([name, text]) => `      ${name.padEnd(9)} ${inert(text)}\n`).join('')}`;
}

function isAsRoot({ runAsUsers, runAsGroups }: ListEntry): boolean {
  return runAsUsers.length === 1 && runAsUsers[0] === 'root' && runAsGroups.length === 1 && ['root', 'own'].includes(runAsGroups[0] ?? '');
}

/** What is never allowed is mostly never allowed as anybody. */
function isAsAnybody({ then, runAsUsers, runAsGroups }: ListEntry): boolean {
  return then === 'deny' && runAsUsers[0] === 'any' && runAsGroups[0] === 'any';
}

function asText({ runAsUsers, runAsGroups }: ListEntry): string {
  return `${runAsUsers.join(' or ')}, group ${runAsGroups.map((group) => (group === 'own' ? "the user's own" : group)).join(' or ')}`;
}
