import { readFileSync } from 'node:fs';
import type { ExplainedRequest, WrittenRequest } from '@belay/core/policy-tools';
import { sha256 } from '@belay/core/node-crypto';
import { type Command, Option } from 'commander';
import { parse } from 'yaml';
import { createApi } from '../api.ts';
import { define, type OutputOptions, print, running } from '../command.ts';
import { Ended, type ExitName } from '../exit-codes.ts';
import { inert } from '../text.ts';
import { collectLabel, collectNames, compiledFiles, criterionLines, listText, parseRunAs, quoted, type Script, scriptOf, valid } from './policy-questions.ts';
import { collect, wholeNumber } from './token.ts';

type ExplainOptions = OutputOptions & {
  readonly user?: string; readonly groups?: readonly string[]; readonly as?: { readonly user?: string; readonly group?: string };
  readonly cwd?: string; readonly env?: readonly string[]; readonly at?: string; readonly terminal: boolean; readonly login?: string; readonly from?: string;
  readonly device?: string; readonly deviceGroups?: readonly string[]; readonly label?: Readonly<Record<string, string>>;
  readonly request?: string; readonly version?: number; readonly files?: readonly string[]; readonly all?: true;
};
/** `version` null: of files. */
type Explained = ExplainedRequest & { readonly version: number | null; readonly device: { readonly id: string; readonly name: string } | null; readonly at: string };

export function addPolicyExplain(policy: Command): void {
  define(policy, 'explain', 'Why a request is decided as it is: which rule, which conditions held, which failed and by how little.', [
    'belayctl policy explain --device laptop-7 --user ada --groups developers -- /usr/bin/apt-get install vim',
    'belayctl policy explain --user ada --at 2026-03-04T07:50:00Z --files policies/ -- /usr/bin/apt-get install vim',
    'belayctl policy explain --device laptop-7 --request request.yaml',
  ])
    .argument('[command]', 'the command, in full').argument('[args...]', 'its arguments; everything after "--" is taken as it is')
    .option('--user <name>', 'who asks, or uid:N').option('--groups <names>', 'groups of theirs, separated by commas', collectNames)
    .option('--as <user:group>', 'whom it shall run as: USER, USER:GROUP or :GROUP; root when left out', parseRunAs)
    .option('--cwd <folder>', 'where').option('--env <name=value>', 'a variable of the command; repeatable', collect).option('--at <time>', 'when: 2026-03-04T10:00:00Z; now when left out')
    .option('--no-terminal', 'not on a terminal').addOption(new Option('--login <how>', 'how they came onto the device').choices(['console', 'desktop', 'ssh', 'service'])).option('--from <address>', 'of an SSH login: from where')
    .option('--device <name>', 'a device of the fleet, by id or name; its groups and labels count')
    .option('--device-groups <names>', 'groups of a device that is not in the fleet, separated by commas', collectNames).option('--label <key=value>', 'a label of such a device; repeatable', collectLabel)
    .option('--request <file>', 'a file (YAML or JSON) with world and case, as in a file of cases, instead')
    .option('--version <number>', 'by this version, not the one in force', wholeNumber).addOption(new Option('--files <paths...>', 'by these policy files and folders, without a server').conflicts(['version']))
    .option('--all', 'list every rule, not only the nearest')
    .addHelpText('after', '\nWhat is not said is as on an ordinary device: the command is there and only root can change it, /bin leads into /usr/bin, and\nits package is not known. A file of cases (see `policy test`) can say more: packages, links, posture, the programs above.')
    .action(running(explain));
}

async function explain(command: string | undefined, args: readonly string[], options: ExplainOptions): Promise<ExitName | void> {
  const request = await requestOf(command, args, options);
  const explained = options.files === undefined ? await askServer(request, options) : await explainFiles(request, options.files, options);
  if (explained === undefined) return 'policyInvalid';
  print(options, explained, () => explanationText(explained, request, scriptOf()));
  return 'done';
}

async function requestOf(command: string | undefined, args: readonly string[], options: ExplainOptions): Promise<WrittenRequest> {
  const { requestSchema } = await import('@belay/core/policy-tools');
  if (options.request !== undefined) {
    if (command !== undefined) throw new Ended('usage', 'Give a command or --request FILE, not both.');
    return valid(requestSchema.safeParse(readRequest(options.request)));
  }
  if (command === undefined) throw new Ended('usage', 'Give the command after "--", or a file with --request.');
  const { user = 'somebody', groups, as, cwd, env, at, terminal, login, from: address, deviceGroups, label } = options;
  const device = given({ groups: deviceGroups, labels: label });
  return valid(requestSchema.safeParse({
    world: Object.keys(device).length === 0 ? {} : { device },
    case: given({ who: user, groups, run: [command, ...args].map(escaped), as, cwd: cwd === undefined ? undefined : escaped(cwd), env: env?.map(escaped), at, terminal: terminal ? undefined : false, login: login ?? (address === undefined ? undefined : 'ssh'), address }),
  }));
}

/** In a case `\xHH` stands for a byte; here it is what was typed. */
function escaped(text: string): string {
  return text.replaceAll(/\\(?=x[0-9a-fA-F]{2})/g, String.raw`\x5c`);
}

function given(fields: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
}

const MAX_REQUEST = 256 * 1024;

function readRequest(file: string): unknown {
  try {
    const text = readFileSync(file === '-' ? 0 : file, 'utf8');
    if (text.length > MAX_REQUEST) throw new Error('it is larger than 256 KiB');
    return parse(text, { maxAliasCount: 100, uniqueKeys: true });
  } catch (error) {
    throw new Ended('usage', `Cannot read ${inert(file)}: ${inert((error as Error).message)}`);
  }
}

function askServer(request: WrittenRequest, { device, version, all }: ExplainOptions): Promise<Explained> {
  return createApi().post<Explained>('/policies/explain', { ...request, ...given({ device, version, all }) });
}

async function explainFiles({ world, case: ask }: WrittenRequest, paths: readonly string[], { device, all, ...options }: ExplainOptions): Promise<Explained | undefined> {
  const policies = await compiledFiles(paths, options);
  if (policies === undefined) return undefined;
  const { explainRequest } = await import('@belay/core/policy-tools');
  const at = ask.at ?? `${new Date().toISOString().slice(0, 19)}Z`;
  const named = { ...world, device: { ...world.device, ...(device === undefined ? {} : { id: device, name: device }) } };
  return { version: null, device: device === undefined ? null : { id: device, name: device }, at, ...explainRequest(policies, { world: named, case: { ...ask, at } }, { sha256, all }) };
}

type Rule = Explained['rules'][number];

function explanationText(explained: Explained, { world, case: ask }: WrittenRequest, script: Script): string {
  const { text } = script;
  const { outcome, rules, omitted, version, at, elsewhere, monitored } = explained;
  const holding = rules.filter(({ holds }) => holds);
  const nearest = rules.filter(({ holds }) => !holds);
  const sections = [
    `${text(decisionText(outcome))}\n  ${text(`${ask.who}${ask.groups === undefined ? '' : ` (${listText(ask.groups)})`}: ${quoted(ask.run)} as ${runAsText(ask.as)}, on ${deviceText(explained, world)}, at ${at}`)}\n  ${versionText(version)}\n`,
    ...holding.map((rule) => ruleText(rule, script)),
    ...(nearest.length === 0 ? [] : [`Nearest rules that do not hold:\n\n${nearest.map((rule) => ruleText(rule, script)).join('\n')}`]),
    ...(omitted === 0 ? [] : [`${omitted} more ${omitted === 1 ? 'rule does' : 'rules do'} not hold (--all lists them).\n`]),
    ...(monitored === undefined ? [] : [`Not enforced (mode: monitor): ${text(listText(monitored.policies))}. With it: ${text(decisionText(monitored.outcome))}\n`]),
    ...(elsewhere.length === 0 ? [] : [`Not for this device: ${text(listText(elsewhere))}\n`]),
    `Whoever asks is told: ${text(toldText(explained))}\n`,
  ];
  return sections.join('\n');
}

function deviceText({ device }: Explained, world: WrittenRequest['world']): string {
  if (device !== null) return device.name;
  const { name, groups = [] } = world.device ?? {};
  return name ?? (groups.length === 0 ? 'a device of no group' : `a device in ${listText(groups)}`);
}

function versionText(version: number | null): string {
  return version === null ? 'by the files given' : version === 0 ? 'no policy was ever published' : `by policy version ${version}`;
}

function runAsText(as: WrittenRequest['case']['as']): string {
  if (as === undefined) return 'root';
  return `${as.user ?? (as.uid === undefined ? '' : `uid:${as.uid}`)}${as.group === undefined && as.gid === undefined ? '' : `:${as.group ?? `gid:${as.gid}`}`}`;
}

const REASONS: Readonly<Record<string, string>> = {
  'no-rule': 'no rule allows it', 'unsafe-file': 'others than root can change the file', 'no-policy': 'no policy is in force', 'denied-by-rule': 'refused',
};

function decisionText({ decision, by, reason }: Explained['outcome']): string {
  const why = reason === null ? '' : ` ${REASONS[reason] ?? reason}`;
  return `${decision}${why === '' ? '' : `:${why}`}${by.length === 0 ? '' : `${why === '' ? ':' : ''} by ${listText(by)}`}`;
}

function toldText({ requester: { by, message }, outcome }: Explained): string {
  const rules = by.map(({ policy, rule }) => `${policy}/${rule}`);
  return [outcome.decision, rules.length === 0 ? 'no rule' : `by ${listText(rules)}`, ...(message === undefined ? [] : [`"${message}"`]), "the request's number"].join('; ');
}

function ruleText({ rule, then, priority, part, criteria }: Rule, script: Script): string {
  const state = { decided: 'decided', outranked: 'holds; a deny or a higher priority decided', 'does-not-hold': 'does not hold' }[part];
  return `${script.text(`${rule.policy}/${rule.rule}`)} (${then}${priority === 0 ? '' : `, priority ${priority}`}) ${state}\n${criterionLines(criteria, script, '  ')}`;
}
