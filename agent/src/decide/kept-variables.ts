import { type ByteString, decodeUtf8, encodeUtf8 } from '@belay/core/bytes';
import type { Decision, Obligations, PolicySet } from '@belay/core/policy';
import { isUsualValue, type Variables } from './environment.ts';

/**
 * Names that steer loaders, shells and interpreters, or the files that they read. A rule may keep one of them, by its name or, for a
 * family, by its family's: no pattern that merely happens to cover it does.
 */
const STEERING: readonly string[] = [
  'LD_*', 'GCONV_PATH', 'GLIBC_TUNABLES', 'MALLOC_*', 'LOCPATH', 'NLSPATH', 'HOSTALIASES', 'LOCALDOMAIN', 'RES_OPTIONS', 'RESOLV_*',
  'BASH_*', 'BASHOPTS', 'SHELLOPTS', 'ENV', 'IFS', 'PS4', 'CDPATH', 'GLOBIGNORE', 'PROMPT_COMMAND', 'ZDOTDIR',
  'PYTHON*', 'PERL*', 'RUBY*', 'NODE_*', 'JAVA_*', '_JAVA_*', 'JDK_JAVA_*', 'PHP*', 'LUA_*', 'TCL*', 'R_*',
  'GIT_*', 'PAGER', 'MANPAGER', 'SYSTEMD_*', 'LESS*', 'EDITOR', 'VISUAL', 'BROWSER', 'TZ', 'TZDIR', 'TERMINFO*', 'TERMCAP', 'TERMPATH', 'TMPDIR',
  'OPENSSL_*', 'SSL_*', 'KRB5*', 'APT_*', 'DPKG_*', 'DBUS_*', 'XDG_*', 'DEBUGINFOD_*',
];

/** SECURITY(T-19): who somebody is and where programs are looked for is never the caller's word, nor a function for a shell. */
const NEVER = /^(?:PATH|HOME|SHELL|LOGNAME|USER|MAIL|PWD|OLDPWD|SHLVL|_|SUDO_.*|BELAY_.*|BASH_FUNC_.*)$/;
/** Set by a rule: a home or a mail box is the rule's to choose. */
const NEVER_SET = /^(?:PATH|SHELL|LOGNAME|USER|PWD|OLDPWD|SHLVL|_|SUDO_.*|BELAY_.*|BASH_FUNC_.*)$/;
const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** What a rule sets and may not; see `limits.environment.set`. */
export function unsettable(set: Obligations['environment']['set']): readonly string[] {
  return set.map(([name]) => name).filter((name) => !NAME.test(name) || NEVER_SET.test(name));
}

/** Whether patterns of a rule (`KUBECONFIG`, `LC_*`) keep this variable of the caller's. */
export function isKept(patterns: readonly string[], name: string, value: string): boolean {
  // A value that begins like this was a function to old shells (CVE-2014-6271).
  if (!NAME.test(name) || NEVER.test(name) || value.startsWith('()') || decodeUtf8(value as ByteString) === undefined) return false;
  return patterns.some((pattern) => (pattern.endsWith('*') ? isSwept(pattern.slice(0, -1), name, value) : pattern === name));
}

function isSwept(prefix: string, name: string, value: string): boolean {
  if (!name.startsWith(prefix) || isUsualValue(name, value) === false) return false;
  return STEERING.every((each) => !(each.endsWith('*') ? name.startsWith(each.slice(0, -1)) && !prefix.startsWith(each.slice(0, -1)) : name === each));
}

/** The usual variables and those of the caller's that the patterns keep: NAME=value, sorted. The usual ones alone are the same array. */
export function keepVariables({ usual, others }: Variables, patterns: readonly string[]): readonly ByteString[] {
  if (patterns.length === 0) return usual;
  const kept = [...others].filter(([name, value]) => isKept(patterns, name, value));
  if (kept.length === 0) return usual;
  return mergeVariables(usual, kept);
}

/** The first variable that was asked for and is not there as it was asked for. */
export function firstUnkept({ asked, others }: Variables, env: readonly ByteString[]): string | undefined {
  return asked.find((name) => !others.has(name) || !env.includes(`${name}=${others.get(name)}` as ByteString));
}

/** A rule's own variables over those that were kept. */
export function setVariables(env: readonly ByteString[], set: Obligations['environment']['set']): readonly ByteString[] {
  return set.length === 0 ? env : mergeVariables(env, set.map(([name, value]) => [name, encodeUtf8(value)]));
}

function mergeVariables(env: readonly ByteString[], over: readonly (readonly [string, string])[]): readonly ByteString[] {
  const names = new Set(over.map(([name]) => name));
  return [...env.filter((entry) => !names.has(entry.slice(0, entry.indexOf('=')))), ...over.map(([name, value]) => `${name}=${value}` as ByteString)].sort();
}

const keptByPolicy = new WeakMap<PolicySet, readonly string[]>();

/** Every pattern by which some rule keeps a variable. */
export function patternsOf(set: PolicySet): readonly string[] {
  const known = keptByPolicy.get(set);
  if (known !== undefined) return known;
  const patterns = [...new Set(set.rules.flatMap((rule) => rule.obligations.environment.keep))];
  keptByPolicy.set(set, patterns);
  return patterns;
}

export type Consistent = { readonly decision: Decision; readonly env: readonly ByteString[] };

const MOST_ROUNDS = 4;
const UNSETTLED: Decision = { kind: 'deny', reason: { kind: 'no-rule' } };

/**
 * Rules ask for the command's environment and keep variables in it, so the one depends on the other. What counts is an environment
 * under which the decision keeps just that environment: looked for from the most that any rule keeps, and then from the usual one.
 */
export function decideConsistently(variables: Variables, patterns: readonly string[], decideOn: (env: readonly ByteString[]) => Decision): Consistent {
  const most = keepVariables(variables, patterns);
  if (most !== variables.usual) {
    const found = settleFrom(most, variables, decideOn);
    if (found.decision.kind !== 'deny') return found;
  }
  return settleFrom(variables.usual, variables, decideOn);
}

function settleFrom(start: readonly ByteString[], variables: Variables, decideOn: (env: readonly ByteString[]) => Decision): Consistent {
  let env = start;
  for (let round = 0; round < MOST_ROUNDS; round++) {
    const decision = decideOn(env);
    if (decision.kind === 'deny') return { decision, env };
    const kept = keepVariables(variables, decision.obligations.environment.keep);
    if (isSame(kept, env)) return { decision, env };
    env = kept;
  }
  return { decision: UNSETTLED, env: variables.usual };
}

export function isSame(a: readonly string[], b: readonly string[]): boolean {
  return a === b || (a.length === b.length && a.every((entry, at) => entry === b[at]));
}
