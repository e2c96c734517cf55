import { CIRCUMSTANCES, type DeviceFacet, matchCircumstance, matchFacet } from '../../policy/circumstance-match.ts';
import type { CircumstanceName, CompiledPolicy, CompiledRunAs, DeviceCondition, Identity } from '../../policy/compiled.ts';
import type { CriterionName, Truth } from '../../policy/explanation.ts';
import { matchPin, matchRunAs, matchTarget, matchWhen, matchWho, type Reading } from '../../policy/match.ts';
import type { LoadedRule, LoadedTarget } from '../../policy/policy-set.ts';
import { targetsEveryDevice } from '../../policy/targets.ts';
import { and, FALSE, not, or, TRUE, type Truth3, truthName, UNKNOWN } from '../../policy/truth.ts';
import { circumstanceTexts, runAsText, targetText, whoText } from '../../policy/wording.ts';
import { type Account, OpenQuestion, type OpenRequest, type OpenRunAs, type Somebody } from './open-question.ts';
import { devicesText } from './words.ts';

/** `devices`: the policy's targets. */
export type OpenCriterion = { readonly criterion: CriterionName | 'devices'; readonly truth: Truth; readonly wants: string };
/** What a rule comes to for a request of which some is open. `criteria` puts it into words: for what is going to be told. */
export type Weighed = { readonly rule: LoadedRule; readonly truth: Truth3; readonly criteria: () => readonly OpenCriterion[] };

/**
 * A request, seen from a grant that would answer it. `as`: what the grant lets it run as, any of which may be meant; undefined: what the
 * request says. `inMind`: the grant's command line, which is meant where the request leaves its arguments open. `within`: its policy.
 */
export type Weighing = {
  readonly open: OpenRequest;
  readonly as?: CompiledRunAs | undefined;
  readonly inMind?: LoadedTarget | undefined;
  readonly within?: CompiledPolicy | undefined;
};

/** By the functions that decide, each criterion on its own. */
export function weigh(rule: LoadedRule, policy: CompiledPolicy, weighing: Weighing): Weighed {
  const { open } = weighing;
  const question = questionOf(open);
  const parts: (readonly [criterion: OpenCriterion['criterion'], truth: Truth3, wants: () => string])[] = [];
  if (open.device === undefined) parts.push(['devices', weighDevices(policy, weighing.within), () => devicesText(policy.targets)]);
  parts.push(['who', weighWho(rule, open), () => whoText(rule.who)]);
  parts.push(['run', weighRun(rule, weighing, question), () => rule.targets.map((target) => targetText(target.source)).join('; ')]);
  if (rule.exceptions.length > 0) parts.push(['except', not(weighExceptions(rule, weighing, question)), () => rule.exceptions.map((target) => `not ${targetText(target.source)}`).join('; ')]);
  parts.push(['as', weighRunAs(rule, weighing), () => runAsText(rule.as)]);
  for (const name of CIRCUMSTANCES) {
    const source = rule.circumstances?.source;
    if (source?.[name] !== undefined) parts.push([name, weighCircumstance(name, rule, question), () => circumstanceTexts(source)[name] ?? name]);
  }
  if (rule.when !== undefined) parts.push(['when', matchWhen(rule, question), () => rule.when?.source ?? '']);
  return {
    rule,
    truth: parts.reduce<Truth3>((truth, [, each]) => and(truth, each), TRUE),
    criteria: () => parts.map(([criterion, truth, wants]) => ({ criterion, truth: truthName(truth), wants: wants() })),
  };
}

/** A policy that is for every device, or for the same ones, is there wherever the grant's is. */
function weighDevices(policy: CompiledPolicy, within: CompiledPolicy | undefined): Truth3 {
  return targetsEveryDevice(policy) || (within !== undefined && JSON.stringify(within.targets) === JSON.stringify(policy.targets)) ? TRUE : UNKNOWN;
}

const questions = new WeakMap<OpenRequest, Map<string, OpenQuestion>>();

/** One request is weighed against many rules: what is found out for one of them holds for all. */
function questionOf(open: OpenRequest, runAs: OpenRunAs = open.runAs, uid: number | undefined = open.somebody.uid): OpenQuestion {
  const known = questions.get(open) ?? new Map<string, OpenQuestion>();
  questions.set(open, known);
  const key = runAs === open.runAs && uid === open.somebody.uid ? '' : JSON.stringify([runAs, uid]);
  const found = known.get(key) ?? new OpenQuestion(key === '' ? open : { ...open, runAs, somebody: { ...open.somebody, uid } });
  known.set(key, found);
  return found;
}

/** All the same, or unknown. */
function common(truths: readonly Truth3[]): Truth3 {
  const [first = UNKNOWN] = truths;
  return truths.every((each) => each === first) ? first : UNKNOWN;
}

/** An account whose number is not known may be any that the rule names. */
export function weighWho({ who }: Pick<LoadedRule, 'who'>, open: OpenRequest): Truth3 {
  const { somebody } = open;
  const ways: Somebody[] = [somebody];
  for (const subject of [...who.is, ...who.not]) {
    if (subject.kind === 'uid' && somebody.uid === undefined) ways.push({ ...somebody, uid: subject.id });
    if (subject.kind === 'gid' && !(somebody.allGroups && somebody.groups.length === 0)) ways.push({ ...somebody, gids: [...somebody.gids, subject.id] });
  }
  return common(ways.map((way) => matchWho(who, (way === somebody ? questionOf(open) : new OpenQuestion({ ...open, somebody: way })).asker)));
}

function weighRun(rule: LoadedRule, weighing: Weighing, question: OpenQuestion): Truth3 {
  const reading = rule.then === 'deny' ? 'deny' : 'grant';
  return rule.targets.reduce<Truth3>((truth, target) => or(truth, weighTarget(target, reading, weighing, question)), FALSE);
}

function weighExceptions(rule: LoadedRule, weighing: Weighing, question: OpenQuestion): Truth3 {
  const reading = rule.then === 'deny' ? 'grant' : 'deny';
  return rule.exceptions.reduce<Truth3>((truth, target) => or(truth, weighTarget(target, reading, weighing, question)), FALSE);
}

/** Command, arguments, package and hash. Where any arguments will do: unknown, unless it takes any too, or the very ones in mind. */
export function weighTarget(target: LoadedTarget, reading: Reading, { open, inMind }: Weighing, question: OpenQuestion): Truth3 {
  const pin = matchPin(target, question);
  if (open.args !== undefined) return and(matchTarget(target, reading, question), pin);
  const { args } = target.source;
  const command = and(matchTarget({ ...target, args: undefined, unreadable: false }, reading, question), pin);
  const takesAny = args === undefined || (args.length === 1 && args[0] === '**');
  return takesAny || (inMind !== undefined && JSON.stringify(args) === JSON.stringify(inMind.source.args)) ? command : and(command, UNKNOWN);
}

function weighRunAs(rule: LoadedRule, { open, as }: Weighing): Truth3 {
  const pairs = as === undefined ? [open.runAs] : pairsOf(as, rule.as);
  const ways = pairs.flatMap((pair) => numbered(pair, rule.as, open.somebody));
  return common(ways.map(({ runAs, uid }) => matchRunAs(rule.as, questionOf(open, runAs, uid))));
}

/** Every pair that `as` gives; where it gives any, those that the other names, root, oneself and somebody else. */
function pairsOf(as: CompiledRunAs, other: CompiledRunAs): readonly OpenRunAs[] {
  const root: Account = { id: 0 };
  const users: readonly (Account | 'requester')[] = as.users === 'any' ? [{}, root, 'requester', ...identitiesIn(other.users)] : as.users === 'requester' ? [as.users] : as.users;
  const groups: readonly (Account | 'own')[] = as.groups === 'any' ? [{}, root, 'own', ...identitiesIn(other.groups)] : as.groups === 'own' ? [as.groups] : as.groups;
  return users.flatMap((user) => groups.map((group) => ({ user: accountOf(user), group: accountOf(group) })));
}

/** An account that is known by its name may have any of the numbers that the rule names. */
function numbered({ user, group }: OpenRunAs, other: CompiledRunAs, somebody: Somebody): readonly { readonly runAs: OpenRunAs; readonly uid: number | undefined }[] {
  const idsIn = (identities: string | readonly Identity[]): readonly number[] => identitiesIn(identities).flatMap((each) => ('id' in each ? [each.id] : []));
  const uids = user === 'requester' ? (somebody.uid === undefined ? idsIn(other.users) : []) : user.id === undefined ? idsIn(other.users) : [];
  const gids = group === 'own' || group.id === undefined ? idsIn(other.groups) : [];
  const users = [{ user, uid: somebody.uid }, ...uids.map((id) => (user === 'requester' ? { user, uid: id } : { user: { ...user, id }, uid: somebody.uid }))];
  const groups: readonly OpenRunAs['group'][] = [group, ...gids.map((id) => (group === 'own' ? { id } : { ...group, id }))];
  return users.flatMap((each) => groups.map((to) => ({ runAs: { user: each.user, group: to }, uid: each.uid })));
}

function identitiesIn(identities: string | readonly Identity[]): readonly Identity[] {
  return typeof identities === 'string' ? [] : identities;
}

function accountOf<T extends string>(identity: Account | T): Account | T {
  return typeof identity === 'object' && identity.id === 0 ? { id: 0, name: 'root' } : identity;
}

/** A terminal, and the groups and labels of any device, are there or not: the engine knows no third. */
function weighCircumstance(name: CircumstanceName, rule: LoadedRule, question: OpenQuestion): Truth3 {
  const { circumstances } = rule;
  if (circumstances === undefined) return TRUE;
  if (name === 'terminal') return UNKNOWN;
  const wanted = circumstances.source.device;
  if (name === 'device' && wanted !== undefined && question.open.device === undefined) return weighDevice(wanted, question);
  return matchCircumstance(name, circumstances, question);
}

function weighDevice(wanted: DeviceCondition, question: OpenQuestion): Truth3 {
  const facets = (Object.keys(wanted) as DeviceFacet[]).filter((facet) => wanted[facet] !== undefined);
  return facets.reduce<Truth3>((truth, facet) => and(truth, facet === 'groups' || facet === 'labels' ? UNKNOWN : matchFacet(facet, wanted, question)), TRUE);
}
