import type { CompiledPolicy, CompiledWho, Effect, Subject } from '../../policy/compiled.ts';
import type { RuleRef } from '../../policy/decision.ts';
import type { Demands } from '../../policy/demands.ts';
import { compareRefs } from '../../policy/decide.ts';
import { NO_OBLIGATIONS, type RuleObligations } from '../../policy/obligations.ts';
import { type LoadedRule, type LoadedTarget, loadPolicySet } from '../../policy/policy-set.ts';
import { targetsDevice } from '../../policy/targets.ts';
import { FALSE, TRUE } from '../../policy/truth.ts';
import { runAsText, targetText, whoText } from '../../policy/wording.ts';
import { type KnownDevice, type OpenRequest, OpenQuestion, type OpenRunAs, type Somebody } from './open-question.ts';
import { type Verdict, verdictOf } from './verdict.ts';
import { type OpenCriterion, weigh, type Weighing, weighTarget, weighWho } from './weigh.ts';
import { devicesText } from './words.ts';

export type WhoCanQuestion = {
  /** Absolute path, without links. */
  readonly command: string;
  /** Undefined: any. */
  readonly args?: readonly string[] | undefined;
  /** Undefined: any. */
  readonly device?: KnownDevice | undefined;
  /** Undefined: everybody. `groups`: all that the account is in; undefined: not known. */
  readonly user?: { readonly name: string; readonly uid?: number | undefined; readonly groups?: readonly string[] | undefined } | undefined;
  /** For the verdict on `user`; undefined: root:root. */
  readonly as?: { readonly user?: string | undefined; readonly group?: string | undefined } | undefined;
};

/** What a rule lets somebody do, and what stands against it. */
export type Entitlement = {
  readonly rule: RuleRef;
  readonly then: 'allow' | 'ask';
  readonly priority: number;
  /** As the policy names them (`group:developers`, `any`), and who of these it leaves out. */
  readonly who: readonly string[];
  readonly except: readonly string[];
  readonly as: string;
  readonly devices: string;
  /** The rule's command and arguments. */
  readonly command: string;
  /** What must hold as well, or is not known here. */
  readonly conditions: readonly string[];
  readonly demands: Demands;
  readonly limits: RuleObligations;
  /** Denies first, then other grants that count as much or more: what they change. */
  readonly others: readonly OtherRule[];
};

export type OtherRule = {
  readonly rule: RuleRef;
  readonly then: Effect;
  readonly priority: number;
  /** It holds whenever the entitlement does; otherwise only where `conditions` hold too. */
  readonly certain: boolean;
  readonly conditions: readonly string[];
};

export type WhoCan = {
  /** Highest priority first. */
  readonly entitlements: readonly Entitlement[];
  /** What a deny takes away whole. */
  readonly takenAway: readonly Entitlement[];
  /** On the user who was asked about; undefined: nobody was. */
  readonly verdict: Verdict | undefined;
  /** Policies that only watch (`mode: monitor`): they are not counted. */
  readonly monitored: readonly string[];
  /** The answer would take too long to work out: ask about a user, a device or arguments. */
  readonly isCut: boolean;
};

/** Rules looked at for one answer: some tenths of a second. */
const MAX_WEIGHED = 20_000;

/** Who may run a command, by the functions that decide; what is not said is open. Policies that are not for the device do not count. */
export function whoCan(policies: readonly CompiledPolicy[], question: WhoCanQuestion): WhoCan {
  const { device } = question;
  const here = device === undefined ? policies : policies.filter((policy) => targetsDevice(policy, device));
  const search = new Search(here.filter(({ mode }) => mode === 'enforce'), question);
  const rows = search.entitlements();
  const isTaken = ({ others }: Entitlement): boolean => others.some(({ then, certain }) => then === 'deny' && certain);
  return {
    entitlements: merged(rows.filter((row) => !isTaken(row))),
    takenAway: merged(rows.filter(isTaken)),
    verdict: question.user === undefined ? undefined : search.verdict(),
    monitored: here.filter(({ mode }) => mode === 'monitor').map(({ name }) => name).sort(),
    isCut: search.isCut,
  };
}

class Search {
  readonly #question: WhoCanQuestion;
  readonly #policies: ReadonlyMap<string, CompiledPolicy>;
  readonly #anybody: OpenQuestion;
  /** Whatever is for another command needs no second look. */
  readonly #near: readonly LoadedRule[];
  #weighed = 0;

  constructor(policies: readonly CompiledPolicy[], question: WhoCanQuestion) {
    this.#question = question;
    this.#policies = new Map(policies.map((policy) => [policy.name, policy]));
    this.#anybody = new OpenQuestion(this.#openFor(ANYBODY, { user: {}, group: {} }));
    this.#near = loadPolicySet(policies).rules.filter((rule) => rule.targets.some((target) => this.#isNear(rule, target)));
  }

  get isCut(): boolean {
    return this.#weighed > MAX_WEIGHED;
  }

  /** For the user who was asked about. */
  verdict(): Verdict {
    const open = this.#openFor(userOf(this.#question), openRunAs(this.#question.as));
    return verdictOf(this.#near.map((rule) => this.#weigh(rule, { open })));
  }

  entitlements(): readonly Entitlement[] {
    return this.#near.filter(({ then }) => then !== 'deny').flatMap((rule) => rule.targets.filter((target) => this.#isNear(rule, target)).flatMap((target) => this.#ofTarget(rule, target)));
  }

  #isNear(rule: LoadedRule, target: LoadedTarget): boolean {
    return weighTarget(target, rule.then === 'deny' ? 'deny' : 'grant', { open: this.#anybody.open }, this.#anybody) !== FALSE;
  }

  #ofTarget(rule: LoadedRule, target: LoadedTarget): readonly Entitlement[] {
    const alone: LoadedRule = { ...rule, targets: [target], onlyTarget: target };
    return this.#subjectsOf(rule.who).flatMap(([who, somebody]) => {
      if (this.isCut) return [];
      const weighing: Weighing = { open: this.#openFor(somebody, { user: {}, group: {} }), as: rule.as, inMind: target, within: this.#policyOf(rule) };
      const { truth, criteria } = this.#weigh(alone, weighing);
      if (truth === FALSE) return [];
      const others = this.#near.filter((other) => other !== rule && changes(other, rule)).map((other) => this.#other(other, weighing)).filter((other) => other !== undefined);
      return [{ ...this.#told(rule, target), who: [who], conditions: unknownOf(criteria(), SHOWN_APART), others: others.toSorted((a, b) => Number(b.then === 'deny') - Number(a.then === 'deny') || b.priority - a.priority || compareRefs(a.rule, b.rule)) }];
    });
  }

  #told(rule: LoadedRule, target: LoadedTarget): Omit<Entitlement, 'who' | 'conditions' | 'others'> {
    return {
      rule: rule.ref,
      then: rule.then as 'allow' | 'ask',
      priority: rule.priority,
      except: rule.who.not.map((subject) => whoText({ any: false, is: [subject], not: [] })),
      as: runAsText(rule.as),
      devices: devicesText(this.#policyOf(rule).targets),
      command: targetText(target.source),
      demands: rule.demands,
      limits: rule.obligations,
    };
  }

  #other(other: LoadedRule, weighing: Weighing): OtherRule | undefined {
    const { truth, criteria } = this.#weigh(other, weighing);
    if (truth === FALSE) return undefined;
    return { rule: other.ref, then: other.then, priority: other.priority, certain: truth === TRUE, conditions: unknownOf(criteria(), []) };
  }

  #weigh(rule: LoadedRule, weighing: Weighing): ReturnType<typeof weigh> {
    this.#weighed++;
    return weigh(rule, this.#policyOf(rule), weighing);
  }

  /** Each that the rule names, as somebody of whom no more is known; where a user is asked about, those that the user may be. */
  #subjectsOf(who: CompiledWho): readonly (readonly [text: string, somebody: Somebody])[] {
    const subjects: readonly CompiledWho[] = [...(who.any ? [{ any: true, is: [], not: [] }] : []), ...who.is.map((subject) => ({ any: false, is: [subject], not: [] }))];
    if (this.#question.user === undefined) return subjects.map((each) => [whoText(each), somebodyOf(each.is[0])]);
    const user = userOf(this.#question);
    const open = this.#openFor(user, { user: {}, group: {} });
    return subjects.filter((each) => weighWho({ who: each }, open) !== FALSE).map((each) => [whoText(each), user]);
  }

  #openFor(somebody: Somebody, runAs: OpenRunAs): OpenRequest {
    const { command, args, device } = this.#question;
    return { command, args, device, somebody, runAs };
  }

  #policyOf(rule: LoadedRule): CompiledPolicy {
    return this.#policies.get(rule.ref.policy) as CompiledPolicy;
  }
}

const ANYBODY: Somebody = { groups: [], gids: [], allGroups: false };

function somebodyOf(subject: Subject | undefined): Somebody {
  switch (subject?.kind) {
    case 'user':
      return { ...ANYBODY, user: subject.name };
    case 'group':
      return { ...ANYBODY, groups: [subject.name] };
    case 'uid':
      return { ...ANYBODY, uid: subject.id };
    case 'gid':
      return { ...ANYBODY, gids: [subject.id] };
    case undefined:
      return ANYBODY;
  }
}

function userOf({ user }: WhoCanQuestion): Somebody {
  return user === undefined ? ANYBODY : { user: user.name, uid: user.uid, groups: user.groups ?? [], gids: [], allGroups: user.groups !== undefined };
}

function openRunAs(as: WhoCanQuestion['as']): OpenRunAs {
  const root = { id: 0, name: 'root' };
  const named = (name: string): { id?: number; name: string } => (name === 'root' ? root : { name });
  if (as === undefined) return { user: root, group: root };
  return { user: as.user === undefined ? 'requester' : named(as.user), group: as.group === undefined ? 'own' : named(as.group) };
}

/** A deny always; a grant that decides instead, or whose demands and limits come on top. */
function changes(other: LoadedRule, rule: LoadedRule): boolean {
  if (other.then === 'deny' || other.priority > rule.priority) return true;
  return other.priority === rule.priority && (other.then === 'ask' || JSON.stringify(other.obligations) !== JSON.stringify(NO_OBLIGATIONS));
}

/** What a row tells in fields of their own. */
const SHOWN_APART: readonly OpenCriterion['criterion'][] = ['devices', 'who', 'run', 'as'];

function unknownOf(criteria: readonly OpenCriterion[], apart: readonly OpenCriterion['criterion'][]): readonly string[] {
  return criteria.filter(({ criterion, truth }) => truth === 'unknown' && !apart.includes(criterion)).map(({ wants }) => wants);
}

/** What differs only in who is one. */
function merged(rows: readonly Entitlement[]): readonly Entitlement[] {
  const byRest = new Map<string, Entitlement>();
  for (const row of rows) {
    const key = JSON.stringify({ ...row, who: [] });
    const known = byRest.get(key);
    byRest.set(key, known === undefined ? row : { ...known, who: [...known.who, ...row.who] });
  }
  return [...byRest.values()].sort((a, b) => b.priority - a.priority || compareRefs(a.rule, b.rule));
}
