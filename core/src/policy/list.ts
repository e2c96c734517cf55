import type { ElevationRequest } from '../request/request.ts';
import type { CompiledRunAs } from './compiled.ts';
import { matchCircumstances } from './circumstance-match.ts';
import { compareRefs, hasLapsed } from './decide.ts';
import type { DecisionContext } from './decision.ts';
import type { ListedRule } from './explanation.ts';
import { FactBindings } from './facts.ts';
import { matchWho } from './match.ts';
import type { LoadedRule, LoadedTarget, PolicySet } from './policy-set.ts';
import { Surroundings } from './surroundings.ts';
import { and, FALSE, TRUE, type Truth3 } from './truth.ts';
import { conditionText, runAsGroupTexts, runAsUserTexts, specText, targetText } from './wording.ts';

/** Whose list it is: no command yet. */
export type Lister = Pick<ElevationRequest, 'door' | 'requester' | 'loginSession'>;

/**
 * What policy offers this requester now, by the functions that decide: allow and ask rules whose `who` is true and that a
 * deny does not take away whole; then the denies that may concern him. An expression is asked with the facts there are: false
 * leaves the rule out, true drops the condition, and one that needs the command stays as a condition.
 * Highest priority first. Whether a file is safe to run is known only when it is run.
 */
export function listFor(set: PolicySet, lister: Lister, context: DecisionContext): readonly ListedRule[] {
  const offers = set.rules.map((rule) => offerOf(rule, lister, context)).filter((offer) => offer !== undefined);
  const denies = offers.filter((offer) => offer.rule.then === 'deny');
  const listed = offers.flatMap((offer) => listOffer(offer, denies, context));
  return listed.sort((a, b) => Number(a.then === 'deny') - Number(b.then === 'deny') || b.priority - a.priority || compareRefs(a.rule, b.rule));
}

type Offer = { readonly rule: LoadedRule; readonly when: Truth3 };

function offerOf(rule: LoadedRule, lister: Lister, context: DecisionContext): Offer | undefined {
  const isDeny = rule.then === 'deny';
  const who = matchWho(rule.who, { request: lister, context });
  if (who === FALSE || (!isDeny && who !== TRUE)) return undefined;
  if (!isDeny && hasLapsed(rule, context)) return undefined;
  const around = new Surroundings(lister, context);
  const circumstances = rule.circumstances === undefined ? TRUE : matchCircumstances(rule.circumstances, around);
  const when = and(circumstances, rule.when === undefined ? TRUE : rule.when.evaluate(new FactBindings(around)));
  return when === FALSE ? undefined : { rule, when };
}

function listOffer(offer: Offer, denies: readonly Offer[], context: DecisionContext): readonly ListedRule[] {
  const { rule } = offer;
  const isTakenAway = (target: LoadedTarget): boolean => rule.then !== 'deny' && denies.some((deny) => covers(deny, rule, target, context));
  return rule.targets.filter((target) => !isTakenAway(target)).map((target) => lineOf(offer, target));
}

function lineOf({ rule, when }: Offer, target: LoadedTarget): ListedRule {
  return {
    rule: rule.ref,
    then: rule.then,
    priority: rule.priority,
    command: target.source.command,
    args: target.source.args?.map((spec) => (typeof spec === 'string' ? spec : specText(spec))),
    sha256: target.sha256,
    except: rule.exceptions.map((each) => targetText(each.source)),
    runAsUsers: runAsUserTexts(rule.as),
    runAsGroups: runAsGroupTexts(rule.as),
    when: when === TRUE ? undefined : conditionText(rule),
    demands: rule.demands,
    message: rule.message,
  };
}

/** Whether a deny leaves nothing of this. When in doubt it does not: the engine decides again when the command is run. */
function covers(deny: Offer, rule: LoadedRule, target: LoadedTarget, context: DecisionContext): boolean {
  if (deny.when !== TRUE || deny.rule.exceptions.length > 0 || !coversRunAs(deny.rule.as, rule.as)) return false;
  return deny.rule.targets.some((denied) => denied.sha256 === undefined && denied.package === undefined && coversCommand(denied, target, context) && coversArguments(denied, target));
}

function coversCommand(denied: LoadedTarget, target: LoadedTarget, context: DecisionContext): boolean {
  if (denied.command === undefined) return true;
  if (target.command === undefined) return false;
  if (denied.command === target.command) return true;
  const object = context.objectOf(target.command);
  return object !== undefined && (object.resolved === denied.command || context.pathsOfObject(object.device, object.inode).includes(denied.command));
}

function coversArguments(denied: LoadedTarget, target: LoadedTarget): boolean {
  const { args } = denied.source;
  if (args === undefined || (args.length === 1 && args[0] === '**')) return true;
  return JSON.stringify(args) === JSON.stringify(target.source.args);
}

function coversRunAs(denied: CompiledRunAs, granted: CompiledRunAs): boolean {
  if (denied.users === 'any' && denied.groups === 'any') return true;
  return JSON.stringify(denied) === JSON.stringify(granted);
}
