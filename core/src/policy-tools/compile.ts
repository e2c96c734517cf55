import { encodeExpression } from '../policy/expression.ts';
import type { CompiledExpression, CompiledPolicy, CompiledRule, CompiledRunAs, CompiledWho, Identity, RunTarget, Selection, Subject, Targets } from '../policy/compiled.ts';
import { compileCircumstances } from './compile-around.ts';
import { compileDemands, compileFailures, compileObligations } from './compile-outcome.ts';
import { compilePackage } from './compile-package.ts';
import { parseExpression } from './expression-check.ts';
import type { Policy, RuleShape } from './schema.ts';
import type { RunTargetShape } from './schema-run.ts';

/** From what people write to what devices hold. A `Policy` has no errors, so this has none to report. */
export function compilePolicy(policy: Policy): CompiledPolicy {
  return {
    name: policy.metadata.name,
    description: policy.metadata.description ?? '',
    targets: compileTargets(policy.targets?.devices ?? ['all']),
    mode: policy.mode ?? 'enforce',
    rules: policy.rules.map(compileRule),
  };
}

function compileRule(rule: RuleShape): CompiledRule {
  return {
    name: rule.name,
    // oxlint-disable-next-line unicorn/no-thenable -- plain data; nothing awaits a rule
    then: rule.then,
    priority: rule.priority ?? 0,
    who: compileWho(rule.who),
    run: compileRun(rule),
    as: compileRunAs(rule),
    circumstances: compileCircumstances(rule),
    when: rule.when === undefined ? undefined : compileExpression(rule.when),
    demands: compileDemands(rule),
    obligations: compileObligations(rule),
    failures: compileFailures(rule),
    message: rule.message,
    recovery: rule.recovery ?? false,
  };
}

/** Only exclusions: everything else. An allow without a positive entry is an error, so this is for denies and targets. */
function select<T>(items: readonly string[], everything: string, parse: (text: string) => T): Selection<T> {
  const wanted = items.filter((item) => !item.startsWith('!'));
  return {
    any: wanted.length === 0 || wanted.includes(everything),
    is: wanted.filter((item) => item !== everything).map(parse),
    not: items.filter((item) => item.startsWith('!')).map((item) => parse(item.slice(1))),
  };
}

export function compileTargets(devices: readonly string[]): Targets {
  return select(devices, 'all', (text) => {
    const colon = text.indexOf(':');
    return { kind: text.slice(0, colon) as Targets['is'][number]['kind'], name: text.slice(colon + 1) };
  });
}

function compileWho(who: RuleShape['who']): CompiledWho {
  const entries = who === undefined || who === 'any' ? ['any'] : who.flatMap((entry) => (typeof entry === 'string' ? [entry] : [entry.not].flat().map((each) => `!${each}`)));
  return select(entries, 'any', parseSubject);
}

function parseSubject(text: string): Subject {
  const colon = text.indexOf(':');
  const kind = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  if (kind === 'uid' || kind === 'gid') return { kind, id: Number(rest) };
  return { kind: kind === 'group' ? 'group' : 'user', name: rest };
}

type RunEntry = 'any' | RunTargetShape;

function compileRun({ run, then }: RuleShape): Selection<RunTarget> {
  const entries: readonly RunEntry[] = run === undefined || run === 'any' ? ['any'] : run.map(withoutSet);
  const excepted = entries.flatMap((entry) => (entry === 'any' || entry.not === undefined ? [] : [entry.not]));
  const wanted = entries.filter((entry) => entry === 'any' || entry.not === undefined);
  const isDeny = then === 'deny';
  return {
    any: wanted.length === 0 || wanted.includes('any'),
    is: wanted.flatMap((entry) => (entry === 'any' ? [] : [compileTarget(entry, isDeny)])),
    // An exception is read the other way round.
    not: excepted.map((entry) => compileTarget(entry, !isDeny)),
  };
}

function withoutSet(entry: Exclude<NonNullable<RuleShape['run']>, string>[number]): RunEntry {
  if (entry !== 'any' && 'set' in entry) throw new TypeError('compilePolicy was given a policy whose sets are not filled in');
  return entry;
}

function compileTarget({ command, args, sha256, package: owner }: Omit<RunTargetShape, 'not'>, takesAway: boolean): RunTarget {
  const hashes = sha256 === undefined ? undefined : [sha256].flat().map((hash) => hash.toLowerCase());
  return {
    command,
    args: args?.map((arg) => (Array.isArray(arg) ? { either: arg } : arg)),
    sha256: hashes === undefined ? undefined : [...new Set(hashes)].sort(),
    package: owner === undefined ? undefined : compilePackage(owner, takesAway),
  };
}

function compileRunAs({ as, then }: RuleShape): CompiledRunAs {
  if (as === 'any') return { users: 'any', groups: 'any' };
  if (as === undefined) return then === 'deny' ? { users: 'any', groups: 'any' } : { users: [{ id: 0 }], groups: [{ id: 0 }] };
  const users = identities(as.users ?? as.user);
  const groups = identities(as.groups ?? as.group);
  return {
    users: users ?? (then === 'deny' ? 'any' : 'requester'),
    groups: groups ?? (then === 'deny' ? 'any' : 'own'),
  };
}

function identities(value: string | readonly string[] | undefined): 'any' | readonly Identity[] | undefined {
  if (value === undefined) return undefined;
  const list = typeof value === 'string' ? [value] : value;
  if (list.includes('any')) return 'any';
  return list.map((text) => (/^[ug]id:/.test(text) ? { id: Number(text.slice(4)) } : { name: text }));
}

/** Rules say the same conditions again and again, and reading one is most of what a rule costs to compile. */
const expressions = new Map<string, CompiledExpression>();
const MAX_EXPRESSIONS = 5000;

function compileExpression(source: string): CompiledExpression {
  const known = expressions.get(source);
  if (known !== undefined) return known;
  const parsed = parseExpression(source);
  if ('offset' in parsed || parsed.expr === undefined) throw new TypeError('compilePolicy was given an expression with errors');
  const compiled = { source, parsed: encodeExpression(parsed.expr) };
  if (expressions.size >= MAX_EXPRESSIONS) expressions.clear();
  expressions.set(source, compiled);
  return compiled;
}
