import type { ByteString } from '@belay/core/bytes';
import type { Account, Actor } from '../platform/platform.ts';
import type { SudoRequest } from './sudo-request.ts';

export const SECURE_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

type Check = (value: string) => boolean;
/** As sudo's env_check: a `/` or `%` in a locale or terminal name is somebody's file or format. */
const plain: Check = (value) => /^[A-Za-z0-9 ,.:;@_=+-]*$/.test(value) && value.length <= 256;
const path: Check = (value) => /^[A-Za-z0-9,.:;@_=+/-]*$/.test(value) && value.length <= 1024;
// eslint-disable-next-line no-control-regex
const printable: Check = (value) => /^[\x20-\x7e]*$/.test(value) && value.length <= 8192 && !value.includes('()');

/** What may come from the caller. Everything else is left out. */
const KEPT: ReadonlyMap<string, Check> = new Map([
  ['TERM', plain],
  ['COLORTERM', plain],
  ['NO_COLOR', plain],
  ['LANG', plain],
  ['LANGUAGE', plain],
  ['LS_COLORS', printable],
  ['DISPLAY', path],
  ['XAUTHORITY', path],
  ['WAYLAND_DISPLAY', path],
  ['XDG_CURRENT_DESKTOP', plain],
]);

/** May be set on the command line besides: each value is one of a few words. */
const SETTABLE: ReadonlyMap<string, Check> = new Map([
  ['DEBIAN_FRONTEND', (value) => ['noninteractive', 'readline', 'dialog', 'text', 'teletype'].includes(value)],
  ['DEBIAN_PRIORITY', (value) => ['low', 'medium', 'high', 'critical'].includes(value)],
]);

/** Set anew for the command, or of the caller's shell alone: leaving out the caller's takes nothing from `-E`. */
const REBUILT: ReadonlySet<string> = new Set(['PATH', 'HOME', 'SHELL', 'LOGNAME', 'USER', 'MAIL', 'PWD', 'OLDPWD', 'SHLVL', '_', 'BELAY_REASON', 'SUDO_USER', 'SUDO_UID', 'SUDO_GID', 'SUDO_COMMAND']);

function keptCheck(name: string): Check | undefined {
  return KEPT.get(name) ?? (name.startsWith('LC_') && /^LC_[A-Z]+$/.test(name) ? plain : undefined);
}

export type EnvironmentParts = { readonly account: Account; readonly actor: Actor; readonly requesterName: string | undefined; readonly command: ByteString; readonly args: readonly ByteString[] };

export type Variables = {
  /** What the command gets whatever the rules say: NAME=value, sorted. */
  readonly usual: readonly ByteString[];
  /** The caller's other variables, which a rule may keep. */
  readonly others: ReadonlyMap<string, string>;
  /** Names that were asked for by -E, --preserve-env or NAME=value and are not among the usual ones. */
  readonly asked: readonly string[];
};

/**
 * The command's environment. Rebuilt, never filtered: what is not listed here gets in by a rule's word or not at all; see
 * kept-variables.ts.
 */
export function readVariables(request: SudoRequest, parts: EnvironmentParts): Variables {
  const outsideRules = parts.actor.realUid === 0;
  const usual = new Map<string, string>();
  const typed = { environment: pairs(request.environment), added: pairs(request.environmentAdded) };
  for (const [name, value] of typed.environment) {
    // SECURITY(T-19): an allowlist with a check of each value; what a loader or interpreter obeys is not on it.
    if (keptCheck(name)?.(value) === true || (outsideRules && wants(request, name))) usual.set(name, value);
  }
  if (!usual.has('TERM')) usual.set('TERM', 'unknown');
  for (const [name, value] of rebuilt(parts)) if (!(outsideRules && wants(request, name))) usual.set(name, value);
  for (const [name, value] of typed.added) if (outsideRules || isSettable(name, value)) usual.set(name, value);
  const entries = [...usual].map(([name, value]) => `${name}=${value}` as ByteString).sort();
  return outsideRules ? { usual: entries, others: new Map(), asked: [] } : { usual: entries, others: othersOf(typed), asked: unkept(request, typed) };
}

function isSettable(name: string, value: string): boolean {
  return (keptCheck(name) ?? SETTABLE.get(name))?.(value) === true;
}

function othersOf({ environment, added }: Typed): ReadonlyMap<string, string> {
  const others = new Map<string, string>();
  for (const [name, value] of environment) if (!REBUILT.has(name) && keptCheck(name)?.(value) !== true) others.set(name, value);
  for (const [name, value] of added) if (!REBUILT.has(name) && !isSettable(name, value)) others.set(name, value);
  return others;
}

/** Whether a locale or terminal of the caller's is one that everybody may keep. Undefined: it is no such variable. */
export function isUsualValue(name: string, value: string): boolean | undefined {
  return keptCheck(name)?.(value);
}

type Pair = readonly [name: string, value: string];
type Typed = { readonly environment: readonly Pair[]; readonly added: readonly Pair[] };

function pairs(entries: readonly ByteString[]): readonly Pair[] {
  const found: Pair[] = [];
  for (const entry of entries) {
    const equals = entry.indexOf('=');
    if (equals > 0) found.push([entry.slice(0, equals), entry.slice(equals + 1)]);
  }
  return found;
}

function wants(request: SudoRequest, name: string): boolean {
  return request.preserveNames.includes(name as ByteString) || (request.preserveEnvironment && request.preserveNames.length === 0);
}

/** What was asked for by -E, --preserve-env or NAME=value and would not get through by itself. */
function unkept(request: SudoRequest, { environment, added }: Typed): readonly string[] {
  const kept = environment.filter(([name, value]) => wants(request, name) && !REBUILT.has(name) && keptCheck(name)?.(value) !== true);
  const set = added.filter(([name, value]) => !isSettable(name, value));
  return [...new Set([...kept, ...set].map(([name]) => name))];
}

const LONGEST_COMMAND = 4096;

function rebuilt({ account, actor, requesterName, command, args }: EnvironmentParts): ReadonlyMap<string, string> {
  return new Map([
    ['PATH', SECURE_PATH],
    ['HOME', account.home],
    ['SHELL', account.shell],
    ['LOGNAME', account.name],
    ['USER', account.name],
    ['MAIL', `/var/mail/${account.name}`],
    ['SUDO_USER', requesterName ?? `#${actor.realUid}`],
    ['SUDO_UID', String(actor.realUid)],
    ['SUDO_GID', String(actor.realGid)],
    ['SUDO_COMMAND', [command, ...args].join(' ').slice(0, LONGEST_COMMAND)],
  ]);
}

/** A reason given ahead; see `require.reason`. */
export function reasonFromEnvironment(environment: readonly ByteString[]): ByteString | undefined {
  const prefix = 'BELAY_REASON=';
  return environment.find((entry) => entry.startsWith(prefix))?.slice(prefix.length) as ByteString | undefined;
}
