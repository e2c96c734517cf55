import { type ByteString, byteStringOf, encodeUtf8 } from '../bytes.ts';
import { type ArgumentsMatcher, compileArguments } from './argument-pattern.ts';
import { type LoadedCircumstances, loadCircumstances } from './circumstance-match.ts';
import { ANYTHING, type CompiledExpression, type CompiledPolicy, type CompiledRule, type CompiledRunAs, type CompiledWho, type Effect, type Failures, type PackagePattern, type RunTarget } from './compiled.ts';
import type { RuleRef } from './decision.ts';
import type { Demands } from './demands.ts';
import { planExpression } from './expression.ts';
import type { FactBindings } from './facts.ts';
import type { RuleObligations } from './obligations.ts';
import { type Truth3, UNKNOWN } from './truth.ts';

/** Rules made ready to be asked: bytes instead of text, indexed by command. Made by `loadPolicySet`. */
export type PolicySet = {
  readonly policies: readonly CompiledPolicy[];
  readonly rules: readonly LoadedRule[];
  /** Rules by each command path they name; of most there is one. */
  readonly byCommand: ReadonlyMap<ByteString, LoadedRule | readonly LoadedRule[]>;
  /** Rules that may hold for any command. */
  readonly forAnyCommand: readonly LoadedRule[];
  /** Marks what one decision has already looked at; see `candidatesOf`. */
  readonly visit: { number: number };
};

export type LoadedRule = {
  readonly ref: RuleRef;
  readonly then: Effect;
  readonly priority: number;
  readonly who: CompiledWho;
  /** What may run, and what is excepted from it. */
  readonly targets: readonly LoadedTarget[];
  readonly exceptions: readonly LoadedTarget[];
  /** Where there is one, it itself: most of what a decision costs is waiting for memory, and this is a step less. */
  readonly onlyTarget: LoadedTarget | undefined;
  readonly as: CompiledRunAs;
  readonly when: LoadedExpression | undefined;
  /** Undefined: none is asked for. */
  readonly circumstances: LoadedCircumstances | undefined;
  readonly demands: Demands;
  readonly obligations: RuleObligations;
  readonly failures: Failures;
  readonly message: string | undefined;
  readonly isRecovery: boolean;
  readonly source: CompiledRule;
  visited: number;
};

export type LoadedTarget = {
  readonly command: ByteString | undefined;
  readonly args: ArgumentsMatcher | undefined;
  /** A pattern list that cannot be read: unknown, so a deny holds and an allow does not. */
  readonly unreadable: boolean;
  readonly sha256: readonly string[] | undefined;
  readonly package: PackagePattern | undefined;
  readonly source: RunTarget;
};

export type LoadedExpression = { readonly source: string; readonly evaluate: (facts: FactBindings) => Truth3 };

/**
 * `enforce` leaves out policies in monitor mode, which bind nobody. `monitor` takes all: what would be decided if everything were
 * enforced.
 */
export function loadPolicySet(given: readonly CompiledPolicy[], as: CompiledPolicy['mode'] = 'enforce'): PolicySet {
  const policies = as === 'monitor' ? given : given.filter(({ mode }) => mode === 'enforce');
  const shared: Shared = { expressions: new Map(), values: new Map() };
  const rules = policies.flatMap((policy) => policy.rules.map((rule) => loadRule(policy, rule, shared)));
  const byCommand = new Map<ByteString, LoadedRule | LoadedRule[]>();
  const forAnyCommand: LoadedRule[] = [];
  for (const rule of rules) index(rule, byCommand, forAnyCommand);
  return { policies, rules, byCommand, forAnyCommand, visit: { number: 0 } };
}

function index(rule: LoadedRule, byCommand: Map<ByteString, LoadedRule | LoadedRule[]>, forAnyCommand: LoadedRule[]): void {
  const commands = new Set<ByteString>();
  for (const { command } of rule.targets) {
    if (command === undefined) {
      forAnyCommand.push(rule);
      return;
    }
    commands.add(command);
  }
  for (const command of commands) {
    const bucket = byCommand.get(command);
    if (bucket === undefined) byCommand.set(command, rule);
    else if (Array.isArray(bucket)) bucket.push(rule);
    else byCommand.set(command, [bucket, rule]);
  }
}

/**
 * Rules say the same things again and again: what is equal is kept once. That saves memory, and a decision finds most of what
 * it reads in the processor's cache, whichever rule it is about.
 */
type Shared = { readonly expressions: Map<string, LoadedExpression>; readonly values: Map<string, unknown> };

function share<T>(value: T, shared: Shared): T {
  return shareBy(JSON.stringify(value), () => value, shared);
}

function shareBy<T>(key: string, make: () => T, { values }: Shared): T {
  if (values.has(key)) return values.get(key) as T;
  const value = make();
  values.set(key, value);
  return value;
}

/** One text for all: of a text of their own each comparison would have to fetch the letters. */
const EFFECTS: Readonly<Record<Effect, Effect>> = { allow: 'allow', ask: 'ask', deny: 'deny' };

function loadRule(policy: CompiledPolicy, rule: CompiledRule, shared: Shared): LoadedRule {
  const targets = (rule.run.any ? [ANYTHING, ...rule.run.is] : rule.run.is).map((target) => loadTarget(target, shared));
  return {
    ref: { policy: policy.name, rule: rule.name },
    then: EFFECTS[rule.then],
    priority: rule.priority,
    who: share(rule.who, shared),
    targets,
    onlyTarget: targets.length === 1 ? targets[0] : undefined,
    exceptions: shareBy(`not ${JSON.stringify(rule.run.not)}`, () => rule.run.not.map((target) => loadTarget(target, shared)), shared),
    as: share(rule.as, shared),
    when: rule.when === undefined ? undefined : loadExpression(rule.when, shared.expressions),
    circumstances: shareBy(`around ${JSON.stringify(rule.circumstances)}`, () => loadCircumstances(rule.circumstances), shared),
    demands: share(rule.demands, shared),
    obligations: share(rule.obligations, shared),
    failures: share(rule.failures, shared),
    message: rule.message,
    isRecovery: rule.recovery,
    source: rule,
    visited: 0,
  };
}

function loadTarget(target: RunTarget, shared: Shared): LoadedTarget {
  const args = target.args === undefined ? undefined : compileArguments(target.args);
  return {
    command: target.command === undefined ? undefined : encodeUtf8(target.command),
    args: args?.ok === true ? shareBy(`args ${JSON.stringify(target.args)}`, () => args.value, shared) : undefined,
    unreadable: args?.ok === false,
    sha256: target.sha256,
    package: target.package === undefined ? undefined : share(target.package, shared),
    source: target,
  };
}

/** Planning costs some 10 µs and memory: done when first asked, and once for equal expressions. */
function loadExpression(expression: CompiledExpression, known: Map<string, LoadedExpression>): LoadedExpression {
  const key = byteStringOf(expression.parsed);
  const found = known.get(key);
  if (found !== undefined) return found;
  let planned: ((facts: FactBindings) => Truth3) | undefined;
  const loaded: LoadedExpression = {
    source: expression.source,
    evaluate: (facts) => {
      planned ??= expression.parsed.length === 0 ? () => UNKNOWN : planExpression(expression.parsed);
      return planned(facts);
    },
  };
  known.set(key, loaded);
  return loaded;
}

/** Every path a rule names, exclusions included: what the agent resolves ahead (links, aliases) for `pathsOfObject`. */
export function rulePaths(set: PolicySet): readonly ByteString[] {
  const paths = new Set<ByteString>();
  for (const rule of set.rules) {
    for (const { command } of [...rule.targets, ...rule.exceptions]) if (command !== undefined) paths.add(command);
  }
  return [...paths].sort();
}

