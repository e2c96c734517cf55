import { compileArguments } from '../policy/argument-pattern.ts';
import type { ArgumentSpec } from '../policy/compiled.ts';
import { checkExpression } from './expression-check.ts';
import type { Finding } from './problem.ts';

/**
 * What the form alone cannot say: what an allow must name, what belongs to which effect, patterns in their order, expressions,
 * names that repeat. Works on whatever the YAML held, so that these are told together with errors of form, not after them.
 */
export function checkMeaning(document: unknown): readonly Finding[] {
  if (isRecord(document) && document['kind'] === 'CommandSet') return checkRun(document['run'], ['run']);
  const rules = isRecord(document) ? document['rules'] : undefined;
  if (!Array.isArray(rules)) return [];
  const extendsDefaults = isRecord(document) && document['extends'] !== undefined;
  return [...repeatedNames(rules), ...rules.flatMap((rule: unknown, index) => (isRecord(rule) ? checkRule(rule, ['rules', index], extendsDefaults) : []))];
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

function checkRule(rule: Fields, path: Path, extendsDefaults: boolean): readonly Finding[] {
  const isDeny = rule['then'] === 'deny';
  const isGrant = rule['then'] === 'allow' || rule['then'] === 'ask';
  return [
    ...(isGrant ? checkGrant(rule, path, extendsDefaults) : []),
    ...(isDeny ? checkDeny(rule, path) : []),
    ...checkRun(rule['run'], [...path, 'run']),
    ...checkRunAs(rule['as'], [...path, 'as']),
    ...checkAround(rule, path),
    ...checkWhen(rule['when'], [...path, 'when']),
  ];
}

function checkGrant(rule: Fields, path: Path, extendsDefaults: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const effect = String(rule['then']);
  if (rule['who'] === undefined) findings.push({ path, message: `An ${effect} must say who it is for`, remedy: 'Add who: ["group:NAME"], or who: any for everyone.' });
  else if (isOnlyExclusions(rule['who'])) findings.push({ path: [...path, 'who'], message: `An ${effect} cannot be for everyone but some`, remedy: 'Name who it is for; write any beside the exclusions for everyone else.' });
  if (rule['run'] === undefined) findings.push({ path, message: `An ${effect} must say what may run`, remedy: 'Add run: [{ command: /PATH }], or run: any for everything.' });
  else if (isOnlyExceptions(rule['run'])) findings.push({ path: [...path, 'run'], message: `An ${effect} cannot be for everything but some`, remedy: 'Name what may run; write any beside the exceptions for everything else.' });
  return [...findings, ...checkDemands(rule, path, extendsDefaults)];
}

function checkDemands(rule: Fields, path: Path, extendsDefaults: boolean): readonly Finding[] {
  const demands = rule['require'];
  if (rule['then'] === 'allow') {
    if (rule['emergency'] !== undefined) return [{ path: [...path, 'emergency'], atKey: true, message: 'An allow needs nobody, so it is no emergency', remedy: 'Write then: ask with require: { approval: … }, or take emergency away.' }];
    return demands === undefined ? [] : [{ path: [...path, 'require'], atKey: true, message: 'An allow demands nothing', remedy: 'Write then: ask, or take require away.' }];
  }
  const unfit = rule['emergency'] === undefined ? [] : checkEmergency(rule, path, extendsDefaults);
  if (unfit.length > 0) return unfit;
  // What its defaults demand is seen when they are filled in.
  if (demands === undefined && extendsDefaults) return [];
  const asks = isRecord(demands) && Object.keys(demands).length > 0;
  return asks ? [] : [{ path: demands === undefined ? path : [...path, 'require'], message: 'An ask must say what it demands', remedy: 'Add require: { reason: true }, { reauth: 5m }, { confirm: true } or { approval: { from: [role:NAME] } }, or write then: allow.' }];
}

const PEOPLE_IN_EMERGENCY = 2;

/** Break-glass opens what is closed to everybody: never by one person's word, and never unseen. */
function checkEmergency(rule: Fields, path: Path, extendsDefaults: boolean): readonly Finding[] {
  const findings: Finding[] = [];
  const demands = rule['require'];
  const approval = isRecord(demands) ? demands['approval'] : undefined;
  const stages = Array.isArray(approval) ? approval : approval === undefined ? [] : [approval];
  const people = stages.reduce((sum: number, stage: unknown) => sum + (isRecord(stage) && typeof stage['count'] === 'number' ? stage['count'] : 1), 0);
  const isLater = approval === undefined && extendsDefaults;
  if (people < PEOPLE_IN_EMERGENCY && !isLater) findings.push({ path: [...path, 'emergency'], atKey: true, message: 'An emergency needs the approval of two people or more', remedy: 'Add require: { approval: { from: [role:NAME], count: 2 } }, or take emergency away.' });
  if (rule['recovery'] === true) findings.push({ path: [...path, 'emergency'], atKey: true, message: 'The way in when all else fails cannot wait for approval', remedy: 'Make two rules: one with recovery, one with emergency.' });
  return findings;
}

/** Keys that are there and say nothing are told apart from a rule that does not speak of it. */
function checkAround(rule: Fields, path: Path): readonly Finding[] {
  const empty = ['from', 'device', 'limits', 'onFailure', 'env'].filter((key) => isRecord(rule[key]) && Object.keys(rule[key]).length === 0);
  const findings: Finding[] = empty.map((key) => ({ path: [...path, key], atKey: true, message: `${key} says nothing`, remedy: 'Fill it in, or take the line away.' }));
  const failures = rule['onFailure'];
  if (rule['whenExpired'] !== undefined && isRecord(failures) && failures['manifestExpired'] !== undefined) {
    findings.push({ path: [...path, 'whenExpired'], atKey: true, message: 'whenExpired and onFailure.manifestExpired say the same', remedy: 'Keep onFailure.' });
  }
  return findings;
}

const POINTLESS_IN_DENY: Readonly<Record<string, string>> = {
  require: 'A deny demands nothing',
  limits: 'A deny lets nothing run',
  record: 'A deny lets nothing run',
  onFailure: 'A deny holds whatever fails',
  recovery: 'A deny is no way in',
  emergency: 'A deny is no way in',
  whenExpired: 'A deny holds when the policy has expired, always',
};

function checkDeny(rule: Fields, path: Path): readonly Finding[] {
  return Object.entries(POINTLESS_IN_DENY).flatMap(([key, message]) => (rule[key] === undefined ? [] : [{ path: [...path, key], atKey: true, message, remedy: 'Take the line away.' }]));
}

function isOnlyExclusions(who: unknown): boolean {
  return Array.isArray(who) && who.length > 0 && who.every((each) => (typeof each === 'string' ? each.startsWith('!') : isRecord(each)));
}

function isOnlyExceptions(run: unknown): boolean {
  return Array.isArray(run) && run.length > 0 && run.every((each) => isRecord(each) && each['not'] !== undefined);
}

function checkRun(run: unknown, path: Path): readonly Finding[] {
  return Array.isArray(run) ? run.flatMap((entry: unknown, index) => (isRecord(entry) ? checkEntry(entry, [...path, index]) : [])) : [];
}

function checkEntry(entry: Fields, path: Path): readonly Finding[] {
  if (entry['set'] !== undefined) return [];
  if (entry['not'] === undefined) return checkTarget(entry, path);
  const beside = Object.keys(entry).filter((key) => key !== 'not');
  const alone: readonly Finding[] = beside.length === 0 ? [] : [{ path, message: 'An exception stands alone in its entry', remedy: 'Move not: { … } into a list entry of its own.' }];
  return isRecord(entry['not']) ? [...alone, ...checkTarget(entry['not'], [...path, 'not'])] : alone;
}

function checkTarget(target: Fields, path: Path): readonly Finding[] {
  const findings: Finding[] = [];
  if (target['command'] === undefined && target['sha256'] === undefined && target['package'] === undefined) {
    findings.push({ path, message: 'The entry names no file', remedy: 'Add command: /PATH, package: NAME or sha256: HASH; for every command write run: any.' });
  }
  if (isRecord(target['package']) && Object.keys(target['package']).every((key) => key === 'unmodified')) {
    findings.push({ path: [...path, 'package'], message: 'The entry names no package', remedy: 'Add name, repository or key; any package is package: { name: "*" }.' });
  }
  const { args } = target;
  if (Array.isArray(args) && args.every(isSpec)) {
    const compiled = compileArguments(args.map((arg: ArgumentSpec | string[]) => (Array.isArray(arg) ? { either: arg } : arg)));
    // The pattern's own faults are told with the form.
    if (!compiled.ok && args[compiled.error.index] === '**') findings.push({ path: [...path, 'args', compiled.error.index], message: compiled.error.message, remedy: compiled.error.remedy });
  }
  return findings;
}

function isSpec(arg: unknown): boolean {
  return typeof arg === 'string' || (Array.isArray(arg) && arg.every((each) => typeof each === 'string')) || (isRecord(arg) && typeof arg['regex'] === 'string');
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
