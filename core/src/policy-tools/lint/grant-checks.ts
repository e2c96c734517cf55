import { compilePattern } from '../../policy/argument-pattern.ts';
import type { ArgumentSpec, RunTarget } from '../../policy/compiled.ts';
import { isPathHeld } from '../escapes/value.ts';
import { writtenOf } from '../escapes/symbols.ts';
import { keptNames } from './escape-checks.ts';
import type { LintSeverity } from './severity.ts';
import { isGrant, type LintRule, milderFor, type RuleDraft } from './model.ts';
import type { Origins } from './origins.ts';
import { commandRewrite, type EntryPlace, limitRewrite } from './rewrites.ts';

/** What a grant leaves to the requester besides escapes. */
export function checkGrant(rule: LintRule, origins: Origins): readonly RuleDraft[] {
  if (!isGrant(rule)) return [];
  return [...rule.targets.flatMap((_, target) => checkTarget({ rule, target, origins })), ...broadFolders(rule), ...dangerousVariables(rule)];
}

function checkTarget(place: EntryPlace): readonly RuleDraft[] {
  const { rule, target: at } = place;
  const target = rule.targets[at] as RunTarget;
  if (target.command === undefined) return target.sha256 === undefined || target.package !== undefined ? runsWithout(rule, target, at) : pinnedOnly(rule, at);
  return [...userWritable(place, target), ...relativePaths(rule, target, at), ...broadPaths(rule, target, at)];
}

function runsWithout(rule: LintRule, target: RunTarget, at: number): readonly RuleDraft[] {
  const { package: owner } = target;
  const isAny = owner === undefined || (owner.name === '*' && owner.repository === undefined && owner.key === undefined);
  if (!isAny) return [{ code: 'runs-package', rule, target: at, message: `Every program of ${owner.name === undefined ? 'these packages' : `the package ${owner.name}`} is granted`, reason: 'What they can do is not looked at, and the next version may bring more. Name the commands as well.' }];
  const severity = severityOfAnything(rule);
  if (severity === undefined) return [];
  const { recovery } = rule.compiled;
  return [{
    code: 'runs-anything', severity, rule, target: at,
    message: recovery ? 'The recovery rule runs anything without asking for a password' : 'This runs anything, so it is root',
    reason: recovery ? 'Add require: { reauth: true }, so that a session left open is not enough.' : 'Name the commands. Where it must be, ask for another person: require: { approval: { from: [role:NAME] } }.',
  }];
}

/** Undefined: it is meant to. */
function severityOfAnything(rule: LintRule): LintSeverity | undefined {
  const { demands, recovery } = rule.compiled;
  if (recovery) return demands.reauth === undefined && demands.approval.length === 0 ? 'note' : undefined;
  if (demands.approval.length > 0) return 'note';
  return milderFor(rule, demands.reauth === undefined ? 'error' : 'warning');
}

function pinnedOnly(rule: LintRule, at: number): readonly RuleDraft[] {
  return [{ code: 'runs-package', severity: 'note', rule, target: at, message: 'The entry names a content and no command, so nobody sees what it grants', reason: 'Add the path of the command: then its escapes are looked at, and the rule can be read.' }];
}

const OFTEN_SHARED: readonly string[] = ['/opt/', '/srv/', '/mnt/', '/var/www/', '/usr/share/', '/var/lib/'];

function userWritable(place: EntryPlace, { command, sha256 }: RunTarget): readonly RuleDraft[] {
  const { rule, target } = place;
  const isHeld = command === undefined || isPathHeld(command.split(''));
  if (command === undefined || sha256 !== undefined || (isHeld && !OFTEN_SHARED.some((folder) => command.startsWith(folder)))) return [];
  const rewrite = commandRewrite(place, `/usr/local/sbin/${command.slice(command.lastIndexOf('/') + 1)}`, 'Moved to a folder that only root writes.');
  if (!isHeld) {
    return [{ code: 'user-writable', rule, target, rewrite, message: `${command} is in a folder that ordinary users write`, reason: 'The device refuses a file that others could replace. Move it to /usr/local/sbin, or pin its content with sha256.' }];
  }
  return [{ code: 'user-writable', severity: 'note', rule, target, rewrite, message: `${command} is in a folder that is often somebody else's than root's`, reason: 'If anybody but root can write it or a folder above it, the device refuses it. Pin its content with sha256, or make sure.' }];
}

/** The texts of an argument that are paths: as they are, and behind an option's `=`. */
function pathsIn(spec: ArgumentSpec): readonly string[] {
  if (typeof spec === 'object') return 'either' in spec ? spec.either.flatMap(pathsIn) : [];
  return [spec.replace(/^--?[A-Za-z][A-Za-z0-9-]*=/, '')];
}

function relativePaths(rule: LintRule, { args }: RunTarget, at: number): readonly RuleDraft[] {
  const { circumstances, obligations } = rule.compiled;
  if (circumstances.cwd !== undefined || obligations.cwd.length > 0) return [];
  const path = args?.flatMap(pathsIn).find((text) => /^\.\.?(?:\/|$)/.test(text));
  const rewrite = limitRewrite(rule, 'cwd', '/srv/NAME', 'It then runs in the folder that the rule names.');
  return path === undefined ? [] : [{ code: 'relative-trust', rule, target: at, rewrite, message: `${path} is what the requester's working directory makes of it`, reason: 'Write the path in full, or say where it runs: limits: { cwd: /FOLDER }.' }];
}

/** Patterns for all below a folder on which the system rests. */
function broadPaths(rule: LintRule, { args }: RunTarget, at: number): readonly RuleDraft[] {
  const path = args?.flatMap(pathsIn).find((text) => isBroad(text));
  return path === undefined ? [] : [{ code: 'broad-wildcard', rule, target: at, message: `${path} holds next to nothing fast`, reason: 'Any file there is enough to become root, or to know what only root may. Name the folder or the file that is meant.' }];
}

const SYSTEM = /^\/(?:$|(?:etc|usr|var|boot|bin|sbin|lib|lib64|root|proc|sys|dev|run)(?:\/|$))/;

function isBroad(path: string): boolean {
  const compiled = path.startsWith('/') && path.includes('*') ? compilePattern(path) : undefined;
  if (compiled?.ok !== true || compiled.value.kind !== 'glob') return false;
  const { symbols, head } = writtenOf(compiled.value);
  return SYSTEM.test(head.slice(0, head.lastIndexOf('/') + 1)) && !isPathHeld(symbols);
}

const SYSTEM_FOLDERS: readonly string[] = ['/', '/etc', '/usr', '/var', '/boot', '/root', '/bin', '/sbin', '/lib', '/proc', '/sys', '/dev', '/run'];

function broadFolders(rule: LintRule): readonly RuleDraft[] {
  const { circumstances, obligations } = rule.compiled;
  const writable = obligations.writable?.find((folder) => SYSTEM_FOLDERS.includes(folder));
  const drafts: RuleDraft[] = writable === undefined ? [] : [{ code: 'broad-wildcard', rule, path: ['limits', 'writable'], message: `Whoever may write ${writable} may become root`, reason: 'Name the folders that the command really writes.' }];
  if (circumstances.cwd?.includes('/**') === true) drafts.push({ code: 'broad-wildcard', severity: 'note', rule, path: ['cwd'], message: 'cwd: /** is every working directory', reason: 'It limits nothing; name folders, or leave it out.' });
  return drafts;
}

/** Obeyed by the loader, by shells or by interpreters before a program's own first line. */
const DANGEROUS: readonly string[] = [
  'LD_PRELOAD', 'LD_LIBRARY_PATH', 'LD_AUDIT', 'GCONV_PATH', 'GLIBC_TUNABLES', 'MALLOC_CONF', 'PATH', 'IFS', 'ENV', 'BASH_ENV', 'SHELLOPTS', 'BASHOPTS', 'PS4', 'PROMPT_COMMAND', 'CDPATH', 'PYTHONPATH', 'PYTHONHOME',
  'PYTHONSTARTUP', 'PYTHONINSPECT', 'PERL5LIB', 'PERL5OPT', 'PERLLIB', 'PERL5DB', 'RUBYLIB', 'RUBYOPT', 'NODE_OPTIONS', 'NODE_PATH', 'JAVA_TOOL_OPTIONS', 'JDK_JAVA_OPTIONS', 'CLASSPATH', 'LUA_PATH', 'LUA_CPATH',
  'OPENSSL_CONF', 'OPENSSL_ENGINES', 'XDG_CONFIG_HOME', 'XDG_DATA_HOME', 'TMPDIR', 'HOSTALIASES', 'LOCALDOMAIN', 'RES_OPTIONS', 'TERMINFO', 'TERMCAP', 'NLSPATH', 'LOCPATH',
];

function dangerousVariables(rule: LintRule): readonly RuleDraft[] {
  const { keep, set } = rule.compiled.obligations.environment;
  const kept = keptNames(keep, DANGEROUS).filter((name) => DANGEROUS.includes(name) && !set.some((each) => each.name === name));
  if (kept.length === 0) return [];
  const harmless = keep.filter((name) => !keptNames([name], DANGEROUS).some((each) => kept.includes(each)));
  const rewrite = limitRewrite(rule, 'environment', { keep: harmless, ...(set.length === 0 ? {} : { set: Object.fromEntries(set.map(({ name, values }) => [name, values[0]])) }) }, 'Without those that programs obey.');
  return [{ code: 'keeps-dangerous', rule, rewrite, path: ['limits', 'environment', 'keep'], message: `The requester chooses ${kept.slice(0, 4).join(', ')}${kept.length > 4 ? ' and more' : ''}`, reason: 'Programs obey these before anything else. Leave them out of keep; where one is needed, give its value: environment: { set: { NAME: VALUE } }.' }];
}
