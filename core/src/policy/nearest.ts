import { decodeUtf8 } from '../bytes.ts';
import { matchArgument } from './argument-pattern.ts';
import { type DeviceFacet, matchFacet } from './circumstance-match.ts';
import type { CircumstanceName, DeviceCondition } from './compiled.ts';
import { nameRank, type Question, UNRELATED } from './match.ts';
import { packageParts } from './package-match.ts';
import { DAY_MINUTES, type Period, weekdayOf, zoneOffsetMinutes } from './period.ts';
import type { LoadedRule, LoadedTarget } from './policy-set.ts';
import { TRUE, UNKNOWN } from './truth.ts';
import { deviceTexts, specText, timeText } from './wording.ts';

/**
 * What there was where a rule wanted something else, and by how little it failed. Holds what the request holds: for those who may
 * see it. Computed when somebody asks why, never for a decision.
 */
export function foundCircumstance(name: CircumstanceName, question: Question, rule: LoadedRule): string | undefined {
  const { request, origin, lineage } = question;
  const source = rule.circumstances?.source ?? {};
  switch (name) {
    case 'during':
      return foundTime(source.during ?? [], question);
    case 'terminal':
      return request.loginSession.terminal === 0 ? 'no terminal' : 'a terminal';
    case 'cwd':
      return `in ${shown(request.cwd)}`;
    case 'environment':
      return (source.environment ?? []).map((wanted) => foundVariable(wanted.name, request.env)).join(', ');
    case 'device':
      return source.device === undefined ? undefined : foundDevice(source.device, question);
    case 'login':
      return origin === undefined ? 'how they logged in is not known' : `logged in by ${origin.kind}`;
    case 'networks':
      return origin === undefined ? 'where they came from is not known' : origin.kind === 'ssh' ? `from ${origin.sourceAddress ?? 'an unknown address'}` : 'not over a network';
    case 'parent':
    case 'ancestor':
      if (lineage === undefined) return 'the processes above are not known';
      return `${lineage.processes.slice(0, name === 'parent' ? 1 : 8).map(({ executable }) => shown(executable)).join(' < ')}${lineage.whole ? '' : ' (some may have gone)'}`;
  }
}

function shown(bytes: string): string {
  return decodeUtf8(bytes as Parameters<typeof decodeUtf8>[0]) ?? `${bytes} (no text)`;
}

function foundVariable(name: string, env: readonly string[]): string {
  const entry = env.find((each) => each.startsWith(`${name}=`));
  return entry === undefined ? `${name} is not set` : shown(entry);
}

const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'];

function foundTime(periods: readonly Period[], { context }: Question): string | undefined {
  const zone = periods[0]?.zone;
  const offset = zone === undefined ? context.utcOffsetMinutes : zoneOffsetMinutes(zone, context.nowMs);
  if (offset === undefined) return 'the time zone is not known';
  const minutes = Math.floor(context.nowMs / 60_000) + offset;
  const day = Math.floor(minutes / DAY_MINUTES);
  const minute = minutes - day * DAY_MINUTES;
  const starts = periods.map(({ fromMinute }) => (fromMinute - minute + DAY_MINUTES) % DAY_MINUTES);
  const soonest = Math.min(...starts);
  return `${DAYS[weekdayOf(day)]} ${timeText(minute)}${soonest > 0 && soonest <= 60 ? `, ${soonest} min before it begins` : ''}`;
}

const FACETS: Readonly<Record<DeviceFacet, (question: Question) => string>> = {
  groups: ({ context }) => `device groups: ${context.device.groups.join(', ') || 'none'}`,
  labels: ({ context }) => `labels: ${Object.entries(context.device.labels).map(([name, value]) => `${name}=${value}`).join(', ') || 'none'}`,
  encrypted: ({ posture }) => flag(posture.encrypted, 'disk encrypted', 'disk not encrypted'),
  secureBoot: ({ posture }) => flag(posture.secureBoot, 'secure boot', 'no secure boot'),
  firewall: ({ posture }) => flag(posture.firewall, 'firewall on', 'firewall off'),
  healthy: ({ posture }) => flag(posture.agentHealthy, 'agent healthy', 'agent not healthy'),
  os: ({ posture }) => `OS ${posture.osId ?? 'not known'}`,
  osVersion: ({ posture }) => `OS version ${posture.osVersion ?? 'not known'}`,
  maxPatchAgeDays: ({ posture }) => (posture.patchAgeDays === undefined ? 'patch age not known' : `last patched ${posture.patchAgeDays} days ago`),
};

function flag(value: boolean | undefined, yes: string, no: string): string {
  return value === undefined ? `whether ${yes}: not known` : value ? yes : no;
}

function foundDevice(wanted: DeviceCondition, question: Question): string {
  const missed = (Object.keys(wanted) as DeviceFacet[]).filter((facet) => wanted[facet] !== undefined && matchFacet(facet, wanted, question) !== TRUE);
  return missed.map((facet) => FACETS[facet](question)).join(', ') || deviceTexts(wanted).join(', ');
}

export const ANOTHER_COMMAND = 'another command';

/** Of the targets the one that came nearest, and what is off. Undefined: another command. */
export function foundTarget(targets: readonly LoadedTarget[], question: Question): string | undefined {
  const near = targets.filter(({ command }) => command === undefined || nameRank(command, question) !== UNRELATED);
  if (near.length === 0) return ANOTHER_COMMAND;
  const texts = near.map((target) => foundIn(target, question)).filter((text) => text !== undefined);
  return texts.sort((a, b) => a.length - b.length)[0];
}

function foundIn(target: LoadedTarget, question: Question): string | undefined {
  const { args } = question.request;
  const specs = target.source.args ?? [];
  if (target.args !== undefined) {
    const { each, rest } = target.args;
    if (args.length < each.length || (!rest && args.length > each.length)) return `${args.length} argument${args.length === 1 ? '' : 's'} instead of ${each.length}${rest ? ' or more' : ''}`;
    const off = each.findIndex((pattern, index) => matchArgument(pattern, args[index] as Parameters<typeof matchArgument>[1]) !== TRUE);
    if (off >= 0) return `argument ${off + 1} is ${JSON.stringify(shown(args[off] as string))} instead of ${specText(specs[off] as (typeof specs)[number])}`;
  }
  if (target.package === undefined) return target.command !== undefined && question.objectOf(target.command) === undefined ? `${shown(target.command)} is not there` : undefined;
  return foundPackage(target.package, question);
}

function foundPackage(pattern: Parameters<typeof packageParts>[0], question: Question): string | undefined {
  const { owner } = question;
  if (owner === undefined) return 'which package owns it is not known';
  if (owner === 'none') return 'it belongs to no package';
  const off = packageParts(pattern, owner).filter(([, truth]) => truth !== TRUE);
  const texts = off.map(([part, truth]) => {
    if (part === 'unmodified') return truth === UNKNOWN ? 'whether it was modified is not known' : 'it was modified since it was installed';
    if (part === 'repository') return `from ${owner.repositories.join(', ') || 'no repository'}`;
    if (part === 'key') return `signed by ${owner.signedBy.join(', ') || 'nobody'}`;
    return `${part} ${part === 'name' ? owner.name : owner.version}`;
  });
  return texts.length === 0 ? undefined : `package ${owner.name}: ${texts.join(', ')}`;
}

/** The first exception that applies, or might. */
export function foundException(rule: LoadedRule, applies: (target: LoadedTarget) => boolean): string | undefined {
  const excepted = rule.exceptions.find(applies);
  return excepted === undefined ? undefined : `excepted: ${[excepted.source.command ?? 'any command', ...(excepted.source.args ?? []).map(specText)].join(' ')}`;
}

