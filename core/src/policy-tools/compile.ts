import { encodeExpression } from '../policy/expression.ts';
import type { CompiledExpression, CompiledPolicy, CompiledRule, CompiledRunAs, CompiledWho, Identity, RunTarget, Selection, Subject, Targets } from '../policy/compiled.ts';
import type { Demands } from '../policy/decision.ts';
import { parseExpression } from './expression-check.ts';
import { durationMs, type Policy, type RuleShape } from './schema.ts';

/** From what people write to what devices hold. A `Policy` has no errors, so this has none to report. */
export function compilePolicy(policy: Policy): CompiledPolicy {
  return {
    name: policy.metadata.name,
    description: policy.metadata.description ?? '',
    targets: compileTargets(policy.targets?.devices ?? ['all']),
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
    run: compileRun(rule.run),
    as: compileRunAs(rule),
    when: rule.when === undefined ? undefined : compileExpression(rule.when),
    demands: compileDemands(rule.require),
    message: rule.message,
    recovery: rule.recovery ?? false,
    outlivesManifest: rule.whenExpired === 'allow',
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

function compileTargets(devices: readonly string[]): Targets {
  return select(devices, 'all', (text) => ({ kind: text.startsWith('group:') ? 'group' : 'device', name: text.slice(text.indexOf(':') + 1) }));
}

function compileWho(who: RuleShape['who']): CompiledWho {
  return select(who === undefined || who === 'any' ? ['any'] : who, 'any', parseSubject);
}

function parseSubject(text: string): Subject {
  const colon = text.indexOf(':');
  const kind = text.slice(0, colon);
  const rest = text.slice(colon + 1);
  if (kind === 'uid' || kind === 'gid') return { kind, id: Number(rest) };
  return { kind: kind === 'group' ? 'group' : 'user', name: rest };
}

type RunEntry = Exclude<NonNullable<RuleShape['run']>, string>[number];

function compileRun(run: RuleShape['run']): Selection<RunTarget> {
  const entries: readonly RunEntry[] = run === undefined || run === 'any' ? ['any'] : run;
  const excepted = entries.flatMap((entry) => (entry === 'any' || entry.not === undefined ? [] : [entry.not]));
  const wanted = entries.filter((entry) => entry === 'any' || entry.not === undefined);
  return {
    any: wanted.length === 0 || wanted.includes('any'),
    is: wanted.flatMap((entry) => (entry === 'any' ? [] : [compileTarget(entry)])),
    not: excepted.map(compileTarget),
  };
}

function compileTarget({ command, args, sha256 }: Omit<Exclude<RunEntry, 'any'>, 'not'>): RunTarget {
  const hashes = sha256 === undefined ? undefined : [sha256].flat().map((hash) => hash.toLowerCase());
  return { command, args, sha256: hashes === undefined ? undefined : [...new Set(hashes)].sort() };
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

function compileDemands(require: RuleShape['require']): Demands {
  const { reason, reauth } = require ?? {};
  return {
    reason: reason === undefined ? undefined : { minLength: reason === true ? 1 : reason.minLength },
    reauth: reauth === undefined ? undefined : { maxAgeMs: reauth === true ? 0 : (durationMs(reauth) ?? 0) },
  };
}

function compileExpression(source: string): CompiledExpression {
  const parsed = parseExpression(source);
  if ('offset' in parsed || parsed.expr === undefined) throw new TypeError('compilePolicy was given an expression with errors');
  return { source, parsed: encodeExpression(parsed.expr) };
}
