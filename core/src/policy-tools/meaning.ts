import { compileArguments } from '../policy/argument-pattern.ts';
import { checkExpression } from './expression-check.ts';
import type { Finding } from './problem.ts';

/**
 * What the form alone cannot say: what an allow must name, what belongs to which effect, patterns in their order, expressions,
 * names that repeat. Works on whatever the YAML held, so that these are told together with errors of form, not after them.
 */
export function checkMeaning(document: unknown): readonly Finding[] {
  const rules = isRecord(document) ? document['rules'] : undefined;
  if (!Array.isArray(rules)) return [];
  return [...repeatedNames(rules), ...rules.flatMap((rule: unknown, index) => (isRecord(rule) ? checkRule(rule, ['rules', index]) : []))];
}

type Path = readonly (string | number)[];
type Fields = Readonly<Record<string, unknown>>;

function isRecord(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function repeatedNames(rules: readonly unknown[]): readonly Finding[] {
  const seen = new Set<unknown>();
  return rules.flatMap((rule, index) => {
    const name = isRecord(rule) ? rule['name'] : undefined;
    if (typeof name !== 'string') return [];
    if (!seen.has(name)) {
      seen.add(name);
      return [];
    }
    return [{ path: ['rules', index, 'name'], message: `The name "${name}" is used by two rules of this policy`, remedy: 'Give each rule a name of its own.' }];
  });
}

function checkRule(rule: Fields, path: Path): readonly Finding[] {
  const isDeny = rule['then'] === 'deny';
  const isGrant = rule['then'] === 'allow' || rule['then'] === 'ask';
  return [
    ...(isGrant ? checkGrant(rule, path) : []),
    ...(isDeny ? checkDeny(rule, path) : []),
    ...checkRun(rule['run'], [...path, 'run']),
    ...checkRunAs(rule['as'], [...path, 'as']),
    ...checkWhen(rule['when'], [...path, 'when']),
  ];
}

function checkGrant(rule: Fields, path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  const effect = String(rule['then']);
  if (rule['who'] === undefined) findings.push({ path, message: `An ${effect} must say who it is for`, remedy: 'Add who: ["group:NAME"], or who: any for everyone.' });
  else if (isOnlyExclusions(rule['who'])) findings.push({ path: [...path, 'who'], message: `An ${effect} cannot be for everyone but some`, remedy: 'Name who it is for; write any beside the exclusions for everyone else.' });
  if (rule['run'] === undefined) findings.push({ path, message: `An ${effect} must say what may run`, remedy: 'Add run: [{ command: /PATH }], or run: any for everything.' });
  else if (isOnlyExceptions(rule['run'])) findings.push({ path: [...path, 'run'], message: `An ${effect} cannot be for everything but some`, remedy: 'Name what may run; write any beside the exceptions for everything else.' });
  return [...findings, ...checkDemands(rule, path)];
}

function checkDemands(rule: Fields, path: Path): readonly Finding[] {
  const demands = rule['require'];
  if (rule['then'] === 'allow') {
    return demands === undefined ? [] : [{ path: [...path, 'require'], atKey: true, message: 'An allow demands nothing', remedy: 'Write then: ask, or take require away.' }];
  }
  const asks = isRecord(demands) && Object.keys(demands).length > 0;
  return asks ? [] : [{ path: demands === undefined ? path : [...path, 'require'], message: 'An ask must say what it demands', remedy: 'Add require: { reason: true } or { reauth: 5m }, or write then: allow.' }];
}

const POINTLESS_IN_DENY: Readonly<Record<string, string>> = {
  require: 'A deny demands nothing',
  recovery: 'A deny is no way in',
  whenExpired: 'A deny holds when the policy has expired, always',
};

function checkDeny(rule: Fields, path: Path): readonly Finding[] {
  return Object.entries(POINTLESS_IN_DENY).flatMap(([key, message]) => (rule[key] === undefined ? [] : [{ path: [...path, key], atKey: true, message, remedy: 'Take the line away.' }]));
}

function isOnlyExclusions(who: unknown): boolean {
  return Array.isArray(who) && who.length > 0 && who.every((each) => typeof each === 'string' && each.startsWith('!'));
}

function isOnlyExceptions(run: unknown): boolean {
  return Array.isArray(run) && run.length > 0 && run.every((each) => isRecord(each) && each['not'] !== undefined);
}

function checkRun(run: unknown, path: Path): readonly Finding[] {
  return Array.isArray(run) ? run.flatMap((entry: unknown, index) => (isRecord(entry) ? checkEntry(entry, [...path, index]) : [])) : [];
}

function checkEntry(entry: Fields, path: Path): readonly Finding[] {
  if (entry['not'] === undefined) return checkTarget(entry, path);
  const beside = Object.keys(entry).filter((key) => key !== 'not');
  const alone: readonly Finding[] = beside.length === 0 ? [] : [{ path, message: 'An exception stands alone in its entry', remedy: 'Move not: { … } into a list entry of its own.' }];
  return isRecord(entry['not']) ? [...alone, ...checkTarget(entry['not'], [...path, 'not'])] : alone;
}

function checkTarget(target: Fields, path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  if (target['command'] === undefined && target['sha256'] === undefined) {
    findings.push({ path, message: 'The entry names no file', remedy: 'Add command: /PATH or sha256: HASH; for every command write run: any.' });
  }
  const { args } = target;
  if (Array.isArray(args) && args.every((arg) => typeof arg === 'string')) {
    const compiled = compileArguments(args);
    // The pattern's own faults are told with the form.
    if (!compiled.ok && args[compiled.error.index] === '**') findings.push({ path: [...path, 'args', compiled.error.index], message: compiled.error.message, remedy: compiled.error.remedy });
  }
  return findings;
}

function checkRunAs(as: unknown, path: Path): readonly Finding[] {
  if (!isRecord(as)) return [];
  const findings: Finding[] = [];
  for (const [one, many] of [['user', 'users'], ['group', 'groups']] as const) {
    if (as[one] !== undefined && as[many] !== undefined) findings.push({ path: [...path, one], atKey: true, message: `${one} and ${many} are both given`, remedy: `Put all into ${many}.` });
  }
  if (Object.keys(as).length === 0) findings.push({ path, message: 'as names nobody', remedy: 'Add user or group, or leave as out for root.' });
  return findings;
}

function checkWhen(when: unknown, path: Path): readonly Finding[] {
  if (typeof when !== 'string' || when.length > 4096) return [];
  return checkExpression(when).map(({ offset, message, remedy }) => ({ path, message, remedy, offset }));
}
