import type { ArgumentSpec, CompiledCircumstances, CompiledRunAs, CompiledWho, DeviceCondition, Identity, PackagePattern, RunTarget, Subject } from './compiled.ts';
import { DAY_MINUTES, type Period } from './period.ts';

/** Rules in a few words, as their author wrote them. Nothing of a request is ever in it. */
export function whoText(who: CompiledWho): string {
  const parts = who.is.map(subjectText);
  if (who.any) parts.unshift('any');
  return [...parts, ...who.not.map((subject) => `!${subjectText(subject)}`)].join(', ');
}

function subjectText(subject: Subject): string {
  return 'name' in subject ? `${subject.kind}:${subject.name}` : `${subject.kind}:${subject.id}`;
}

export function targetText(target: RunTarget): string {
  const parts = [target.command ?? 'any command'];
  if (target.args?.length === 0) parts.push('(no arguments)');
  else if (target.args !== undefined) parts.push(...target.args.map(specText));
  if (target.sha256 !== undefined) parts.push(`sha256 ${target.sha256.map((hash) => hash.slice(0, 12)).join(' or ')}`);
  if (target.package !== undefined) parts.push(`of package ${packageText(target.package)}`);
  return parts.join(' ');
}

/** One argument as it may be written. */
export function specText(spec: ArgumentSpec): string {
  if (typeof spec === 'string') return quoted(spec);
  return 'regex' in spec ? `~${JSON.stringify(spec.regex)}` : `(${spec.either.map(quoted).join('|')})`;
}

export function packageText({ name, version, repository, key, unmodified }: PackagePattern): string {
  const parts = [name ?? 'any'];
  for (const condition of version ?? []) parts.push(`version ${condition.is} ${condition.version}`);
  if (repository !== undefined) parts.push(`from ${repository.join(' or ')}`);
  if (key !== undefined) parts.push(`signed by ${key.map((each) => each.slice(-16)).join(' or ')}`);
  if (unmodified !== undefined) parts.push(unmodified ? 'unmodified' : 'modified');
  return parts.join(', ');
}

/** The circumstances and the expression that must hold as well; undefined: none. */
export function conditionText(rule: { readonly circumstances: { readonly source: CompiledCircumstances } | undefined; readonly when: { readonly source: string } | undefined }): string | undefined {
  const around = rule.circumstances === undefined ? [] : Object.values(circumstanceTexts(rule.circumstances.source));
  const parts = rule.when === undefined ? around : [...around, rule.when.source];
  return parts.length === 0 ? undefined : parts.join('; ');
}

export function circumstanceTexts(source: CompiledCircumstances): Readonly<Partial<Record<keyof CompiledCircumstances, string>>> {
  const { cwd, environment, parent, ancestor, login, networks, terminal, during, device } = source;
  return {
    ...(during === undefined ? {} : { during: during.map(periodText).join(' or ') }),
    ...(terminal === undefined ? {} : { terminal: terminal ? 'on a terminal' : 'without a terminal' }),
    ...(cwd === undefined ? {} : { cwd: `in ${cwd.join(' or ')}` }),
    ...(environment === undefined ? {} : { environment: environment.map(({ name, value }) => (value === undefined ? `without ${name}` : `${name}=${value}`)).join(', ') }),
    ...(device === undefined ? {} : { device: deviceTexts(device).join(', ') }),
    ...(login === undefined ? {} : { login: `logged in by ${login.join(' or ')}` }),
    ...(networks === undefined ? {} : { networks: `from ${networks.join(' or ')}` }),
    ...(parent === undefined ? {} : { parent: `started by ${parent.join(' or ')}` }),
    ...(ancestor === undefined ? {} : { ancestor: `below ${ancestor.join(' or ')}` }),
  };
}

const DAYS = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

function periodText({ days, fromMinute, toMinute, zone }: Period): string {
  const on = days === undefined ? '' : `${days.map((day) => DAYS[day]).join(', ')} `;
  return `${on}${timeText(fromMinute)} to ${timeText(toMinute)}${zone === undefined ? '' : ` ${zone}`}`;
}

export function timeText(minute: number): string {
  const ofDay = minute === DAY_MINUTES ? minute : minute % DAY_MINUTES;
  return `${String(Math.floor(ofDay / 60)).padStart(2, '0')}:${String(ofDay % 60).padStart(2, '0')}`;
}

export function deviceTexts(device: DeviceCondition): readonly string[] {
  const flag = (value: boolean | undefined, yes: string, no: string): readonly string[] => (value === undefined ? [] : [value ? yes : no]);
  return [
    ...(device.groups === undefined ? [] : [`device in ${device.groups.join(' or ')}`]),
    ...(device.labels === undefined ? [] : device.labels.map(({ name, value }) => `label ${name}=${value}`)),
    ...flag(device.encrypted, 'disk encrypted', 'disk not encrypted'),
    ...flag(device.secureBoot, 'secure boot', 'no secure boot'),
    ...flag(device.firewall, 'firewall on', 'firewall off'),
    ...flag(device.healthy, 'agent healthy', 'agent not healthy'),
    ...(device.os === undefined ? [] : [`OS ${device.os.join(' or ')}`]),
    ...(device.osVersion === undefined ? [] : [`OS version ${device.osVersion.join(' or ')}`]),
    ...(device.maxPatchAgeDays === undefined ? [] : [`patched in the last ${device.maxPatchAgeDays} days`]),
  ];
}

/** An argument that would read as none or as two is quoted. */
function quoted(argument: string): string {
  return /^[^\s"']+$/u.test(argument) ? argument : JSON.stringify(argument);
}

export function runAsUserTexts(as: CompiledRunAs): readonly string[] {
  return as.users === 'requester' ? ['yourself'] : identityTexts(as.users, 'uid');
}

export function runAsGroupTexts(as: CompiledRunAs): readonly string[] {
  return identityTexts(as.groups, 'gid');
}

function identityTexts(identities: string | readonly Identity[], kind: 'uid' | 'gid'): readonly string[] {
  if (typeof identities === 'string') return [identities];
  return identities.map((identity) => ('name' in identity ? identity.name : identity.id === 0 ? 'root' : `${kind}:${identity.id}`));
}

export function runAsText(as: CompiledRunAs): string {
  return `${runAsUserTexts(as).join(' or ')} : ${runAsGroupTexts(as).join(' or ')}`;
}
