import type { Entitlement, OtherRule, VerdictRule, WhoCan, WhoCanQuestion } from '@belay/core/policy-tools';
import { type Command, Option } from 'commander';
import { createApi } from '../api.ts';
import { define, type OutputOptions, print, running } from '../command.ts';
import { Ended, type ExitName } from '../exit-codes.ts';
import { collectLabel, collectNames, compiledFiles, criterionLines, listText, parseRunAs, quoted, type Script, scriptOf, valid } from './policy-questions.ts';
import { wholeNumber } from './token.ts';

type WhoCanOptions = OutputOptions & {
  readonly bare?: true; readonly device?: string; readonly deviceGroups?: readonly string[]; readonly label?: Readonly<Record<string, string>>;
  readonly user?: string; readonly groups?: readonly string[]; readonly as?: { readonly user?: string; readonly group?: string };
  readonly version?: number; readonly files?: readonly string[];
};
type Question = Omit<WhoCanQuestion, 'device'>;
/** `version` null: of files. */
type Answer = WhoCan & { readonly version: number | null; readonly device: { readonly name: string } | null };
type Words = { readonly demandTexts: (demands: Entitlement['demands']) => readonly string[]; readonly limitTexts: (limits: Entitlement['limits']) => readonly string[] };

export function addPolicyWhoCan(policy: Command): void {
  define(policy, 'who-can', 'Who may run a command: as whom, where, under which conditions, and what denies take away.', [
    'belayctl policy who-can /usr/bin/apt-get',
    'belayctl policy who-can --device laptop-7 -- /usr/bin/apt-get install vim',
    'belayctl policy who-can --user ada --groups developers,sudo -- /usr/bin/apt-get install vim',
    'belayctl policy who-can /usr/bin/systemctl --files policies/',
  ])
    .argument('<command>', 'the command, in full').argument('[args...]', 'exactly these arguments; any when left out')
    .option('--bare', 'without arguments')
    .option('--device <name>', 'on this device, by id or name; on any when left out')
    .option('--device-groups <names>', 'with --files: groups of that device, separated by commas', collectNames).option('--label <key=value>', 'with --files: a label of it; repeatable', collectLabel)
    .option('--user <name>', 'also whether this user may: allow, ask, deny, or what it depends on; NAME or NAME=UID')
    .option('--groups <names>', "all groups of that user's, separated by commas; not known when left out", collectNames)
    .option('--as <user:group>', 'whom it shall run as for that user: USER, USER:GROUP or :GROUP; root when left out', parseRunAs)
    .option('--version <number>', 'by this version, not the one in force', wholeNumber).addOption(new Option('--files <paths...>', 'by these policy files and folders, without a server').conflicts(['version']))
    .addHelpText('after', '\nWorked out by the functions that decide on devices, with everything that is not said left open. The file is taken to be as\nit should be, with /bin leading into /usr/bin: whether others than root can change it, and which other links lead to it, is only\nknown on the device.')
    .action(running(answerWhoCan));
}

async function answerWhoCan(command: string, args: readonly string[], options: WhoCanOptions): Promise<ExitName> {
  const tools = await import('@belay/core/policy-tools');
  const question: Question = valid(tools.whoCanSchema.safeParse(questionOf(command, args, options)));
  const answer = options.files === undefined ? await askServer(question, options) : await answerFiles(question, options.files, options);
  if (answer === undefined) return 'policyInvalid';
  print(options, answer, () => answerText(answer, question, { script: scriptOf(), words: tools }));
  return 'done';
}

function questionOf(command: string, args: readonly string[], { bare, user, groups, as }: WhoCanOptions): unknown {
  if (bare === true && args.length > 0) throw new Ended('usage', 'Give arguments or --bare, not both.');
  if (user === undefined && (groups !== undefined || as !== undefined)) throw new Ended('usage', 'Say whose with --user NAME.');
  const [, name, uid] = /^(.*?)(?:=([0-9]{1,10}))?$/s.exec(user ?? '') ?? [];
  return {
    command,
    ...(args.length > 0 || bare === true ? { args } : {}),
    ...(user === undefined ? {} : { user: { name, ...(uid === undefined ? {} : { uid: Number(uid) }), ...(groups === undefined ? {} : { groups }) } }),
    ...(as === undefined ? {} : { as }),
  };
}

function askServer(question: Question, { device, deviceGroups, label, version }: WhoCanOptions): Promise<Answer> {
  if (deviceGroups !== undefined || label !== undefined) throw new Ended('usage', '--device-groups and --label are for --files: the server knows the groups and labels of its devices.');
  return createApi().post<Answer>('/policies/who-can', { ...question, ...(device === undefined ? {} : { device }), ...(version === undefined ? {} : { version }) });
}

async function answerFiles(question: Question, paths: readonly string[], { device: name, deviceGroups, label, ...options }: WhoCanOptions): Promise<Answer | undefined> {
  const policies = await compiledFiles(paths, options);
  if (policies === undefined) return undefined;
  const { whoCan } = await import('@belay/core/policy-tools');
  const isSaid = name !== undefined || deviceGroups !== undefined || label !== undefined;
  const device = isSaid ? { id: name ?? 'unnamed', name: name ?? 'a device of these groups and labels', groups: deviceGroups ?? [], labels: label ?? {} } : undefined;
  return { version: null, device: device ?? null, ...whoCan(policies, { ...question, device }) };
}

type Writing = { readonly script: Script; readonly words: Words };

function answerText(answer: Answer, question: Question, writing: Writing): string {
  const { text } = writing.script;
  const { entitlements, takenAway, verdict, monitored, isCut, version, device } = answer;
  const what = text(`${question.command}${question.args === undefined ? ' (any arguments)' : question.args.length === 0 ? ' (no arguments)' : ` ${quoted(question.args)}`}`);
  const where = device === null ? 'on any device' : text(`on ${device.name}`);
  const by = version === null ? 'by the files given' : version === 0 ? 'no policy was ever published' : `by policy version ${version}`;
  const title = question.user === undefined ? `${what} ${where}, ${by}\n` : '';
  const sections = [
    ...(verdict === undefined ? [] : [`${verdictText(verdict)}\n  ${text(userText(question))}: ${what} ${text(asText(question))}, ${where}, ${by}\n`, ...verdict.rules.map((rule) => verdictRuleText(rule, writing.script))]),
    `${title}${entitlements.length === 0 ? `${title === '' ? '' : '\n'}Nobody is entitled to it.\n` : `${title === '' ? 'What the rules give:\n\n' : '\n'}${entitlements.map((row) => entitlementText(row, writing)).join('\n')}`}`,
    ...(takenAway.length === 0 ? [] : [`Given, and taken away whole by a deny:\n\n${takenAway.map((row) => entitlementText(row, writing)).join('\n')}`]),
    ...(monitored.length === 0 ? [] : [`Not counted (mode: monitor): ${text(listText(monitored))}\n`]),
    ...(isCut ? ['This is not all: there are too many rules. Ask for a user, a device, or with arguments.\n'] : []),
  ];
  return sections.join('\n');
}

function verdictText({ answer, outcomes }: NonNullable<WhoCan['verdict']>): string {
  return answer === 'depends' ? `depends: ${outcomes.slice(0, -1).join(', ')} or ${outcomes.at(-1)}` : answer;
}

function userText({ user }: Question): string {
  return user === undefined ? '' : `${user.name}${user.groups === undefined ? ' (groups not known)' : ` (${listText(user.groups) || 'no groups'})`}`;
}

function asText({ as }: Question): string {
  return `as ${as === undefined ? 'root' : `${as.user ?? 'themselves'}${as.group === undefined ? '' : `:${as.group}`}`}`;
}

const HOLDS: Readonly<Record<VerdictRule['holds'], string>> = { yes: 'holds', no: 'does not hold', perhaps: 'may hold' };

function verdictRuleText({ rule, then, priority, holds, criteria }: VerdictRule, script: Script): string {
  return `${script.text(`${rule.policy}/${rule.rule}`)} (${then}${priority === 0 ? '' : `, priority ${priority}`}) ${HOLDS[holds]}\n${criterionLines(criteria, script, '  ')}`;
}

function entitlementText({ rule, then, priority, who, except, as, devices, command, conditions, demands, limits, others }: Entitlement, { script: { text }, words }: Writing): string {
  const lines: readonly (readonly [string, string])[] = [
    ['command', command], ['run as', as], ['devices', devices],
    ...(except.length === 0 ? [] : [['except', listText(except)] as const]),
    ...conditions.map((condition) => ['if', condition] as const),
    ...words.demandTexts(demands).map((demand) => ['first', demand] as const),
    ...words.limitTexts(limits).map((limit) => ['limit', limit] as const),
    ...others.map((other) => otherLine(other, priority)),
  ];
  return `${text(listText(who))}: ${then} by ${text(`${rule.policy}/${rule.rule}`)}${priority === 0 ? '' : ` (priority ${priority})`}\n${lines.map(([name, value]) => `  ${name.padEnd(8)} ${text(value)}\n`).join('')}`;
}

function otherLine({ rule, then, priority, certain, conditions }: OtherRule, own: number): readonly [string, string] {
  const effect = then === 'deny' ? 'denies it' : priority > own ? `decides instead (${then}, priority ${priority})` : `decides as well (${then}); the stricter counts`;
  return [then === 'deny' ? (certain ? 'but' : 'unless') : 'also', `${rule.policy}/${rule.rule} ${effect}${certain ? '' : `, if ${conditions.join('; ')}`}`];
}
