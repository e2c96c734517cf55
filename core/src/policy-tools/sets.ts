import { compileRegex } from '../policy/regular-expression.ts';
import { err, ok, type Result } from '../result.ts';
import { checkForm } from './form.ts';
import { type Finding, nearestOf } from './problem.ts';
import type { AnyShape, CommandSetShape, DefaultsShape, Kind, MonitorShape, PolicyShape, RuleShape, UserSetShape } from './schema.ts';
import type { OpenTarget } from './schema-run.ts';

/** What policies share, by kind and name. */
export type Library = ReadonlyMap<string, AnyShape>;
/** `uses`: what it builds on, directly or not, as `KIND/NAME`, sorted. */
export type Resolved = { readonly policy: PolicyShape; readonly uses: readonly string[] };

export function libraryKey(kind: Kind, name: string): string {
  return `${kind}/${name}`;
}

/** Fills in sets and defaults. What is left holds no reference, so that a device needs nothing but the policy itself. */
export function resolvePolicy(policy: PolicyShape, library: Library): Result<Resolved, readonly Finding[]> {
  const resolver = new Resolver(library);
  const defaults = resolver.defaults(policy.extends, ['extends'], []);
  const { extends: _extends, ...rest } = policy;
  const resolved: PolicyShape = {
    ...rest,
    ...(policy.targets === undefined ? {} : { targets: { devices: resolver.devices(policy.targets.devices, ['targets', 'devices']) } }),
    rules: policy.rules.map((rule, index) => resolver.rule(withDefaults(rule, defaults), ['rules', index])),
  };
  if (resolver.findings.length > 0) return err(resolver.findings);
  const uses = [...resolver.uses].sort();
  return uses.length === 0 ? ok({ policy: resolved, uses }) : checked(resolved, uses);
}

/** The devices of a `Monitor`, its device sets filled in. */
export function resolveMonitor({ devices }: MonitorShape, library: Library): Result<{ readonly devices: readonly string[]; readonly uses: readonly string[] }, readonly Finding[]> {
  const resolver = new Resolver(library);
  const resolved = resolver.devices(devices, ['devices']);
  return resolver.findings.length > 0 ? err(resolver.findings) : ok({ devices: resolved, uses: [...resolver.uses].sort() });
}

/** Filled in, it must still have the form of a policy. */
function checked(policy: PolicyShape, uses: readonly string[]): Result<Resolved, readonly Finding[]> {
  const form = checkForm(policy);
  if (form.ok) return ok({ policy: form.value as PolicyShape, uses });
  return err(form.error.map((finding) => ({ ...finding, path: finding.path.slice(0, 2), message: `With its sets and defaults filled in: ${finding.message}`, atKey: false })));
}

/** Whether the entries of a command set hold once something is filled in; said where the set is, not where it is used. */
export function checkCommandSet(set: CommandSetShape): readonly Finding[] {
  const findings: Finding[] = [];
  const known = Object.keys(set.parameters ?? {});
  const filled = set.run.map((target, index) => fillTarget(target, (name) => {
    if (!known.includes(name)) findings.push({ path: ['run', index], message: `{{${name}}} is no parameter of this set`, remedy: known.length === 0 ? 'Declare it under parameters.' : `Parameters are ${known.join(', ')}.` });
    return set.parameters?.[name]?.default ?? 'x';
  }));
  if (findings.length > 0) return findings;
  const form = checkForm({ apiVersion: 'belay/v1', kind: 'Policy', metadata: { name: 'x' }, rules: [{ name: 'x', who: 'any', run: filled, then: 'allow' }] });
  return form.ok ? [] : form.error.map((finding) => ({ ...finding, path: finding.path.slice(2) }));
}

type Path = readonly (string | number)[];
const MAX_DEPTH = 8;
const MAX_ENTRIES = 20_000;

class Resolver {
  readonly findings: Finding[] = [];
  readonly uses = new Set<string>();
  readonly #library: Library;

  constructor(library: Library) {
    this.#library = library;
  }

  rule(rule: RuleShape, path: Path): RuleShape {
    const run = Array.isArray(rule.run) ? rule.run.flatMap((entry, index) => (entry !== 'any' && 'set' in entry ? this.#commands(entry, [...path, 'run', index]) : [entry])) : rule.run;
    const who = Array.isArray(rule.who) ? this.#subjects(rule.who, [...path, 'who'], []) : rule.who;
    if (run !== undefined && run.length > MAX_ENTRIES) this.#complain([...path, 'run'], `The sets of this rule come to more than ${MAX_ENTRIES} entries`, 'Use fewer or smaller sets.');
    return { ...rule, ...(run === undefined ? {} : { run }), ...(who === undefined ? {} : { who }) };
  }

  devices(devices: readonly string[], path: Path, above: readonly string[] = []): string[] {
    return devices.flatMap((selector, index) => {
      const [, not, name] = /^(!?)set:(.*)$/s.exec(selector) ?? [];
      if (name === undefined) return [selector];
      const set = this.#take('DeviceSet', name, [...path, index], above);
      const inner = set === undefined ? [] : this.devices(set.devices, [...path, index], [...above, name]);
      return not === '!' ? this.#excluding(inner, [...path, index]) : inner;
    });
  }

  /** The later of two defaults wins, and what extends wins over what it extends. */
  defaults(names: string | readonly string[] | undefined, path: Path, above: readonly string[]): DefaultsShape['rule'] {
    let merged: DefaultsShape['rule'] = {};
    for (const name of names === undefined ? [] : [names].flat()) {
      const set = this.#take('Defaults', name, path, above);
      if (set !== undefined) merged = merge(merge(merged, this.defaults(set.extends, path, [...above, name])), set.rule);
    }
    return merged;
  }

  #subjects(who: UserSetShape['who'], path: Path, above: readonly string[]): UserSetShape['who'] {
    const texts = who.flatMap((entry) => (typeof entry === 'string' ? [entry] : [entry.not].flat().map((each) => `!${each}`)));
    return texts.flatMap((text, index) => {
      const [, not, name] = /^(!?)set:(.*)$/s.exec(text) ?? [];
      if (name === undefined) return [text];
      const set = this.#take('UserSet', name, [...path, index], above);
      const inner = set === undefined ? [] : (this.#subjects(set.who, [...path, index], [...above, name]) as string[]);
      return not === '!' ? this.#excluding(inner, [...path, index]) : inner;
    });
  }

  /** "None of those" is only clear for a set that itself excludes nobody. */
  #excluding(inner: readonly string[], path: Path): string[] {
    if (inner.some((each) => each.startsWith('!') || each === 'any' || each === 'all')) {
      this.#complain(path, 'A set with exclusions of its own, or with everybody, cannot be excluded', 'Name the members, or another set.');
    }
    return inner.map((each) => (each.startsWith('!') ? each : `!${each}`));
  }

  #commands({ set: name, with: values }: Extract<Exclude<RuleShape['run'], string | undefined>[number], { set: string }>, path: Path): OpenTarget[] {
    const set = this.#take('CommandSet', name, path, []);
    if (set === undefined) return [];
    const declared = set.parameters ?? {};
    for (const given of Object.keys(values ?? {})) {
      if (declared[given] === undefined) this.#complain([...path, 'with', given], `The set "${name}" has no parameter "${given}"`, `Parameters are ${Object.keys(declared).join(', ') || 'none'}.`);
    }
    return set.run.map((target) => fillTarget(target, (parameter) => this.#value(parameter, values?.[parameter] ?? declared[parameter]?.default, declared[parameter]?.matches, path)));
  }

  #value(name: string, value: string | string[] | undefined, matches: string | undefined, path: Path): string | string[] {
    if (value === undefined) {
      this.#complain(path, `The set needs a value for "${name}"`, `Add with: { ${name}: VALUE }.`);
      return 'x';
    }
    const wanted = matches === undefined ? undefined : compileRegex(matches);
    const wrong = [value].flat().find((each) => wanted?.ok === true && !wanted.value.matchesWhole(each));
    if (wrong !== undefined) this.#complain([...path, 'with', name], `"${wrong}" does not look like "${matches}"`, 'That is what the set asks of this parameter.');
    return value;
  }

  #take<K extends Kind>(kind: K, name: string, path: Path, above: readonly string[]): Extract<AnyShape, { kind: K }> | undefined {
    const found = this.#library.get(libraryKey(kind, name));
    if (above.includes(name) || above.length > MAX_DEPTH) {
      this.#complain(path, `"${name}" builds on itself, or too deep`, 'Take the circle apart.');
      return undefined;
    }
    if (found === undefined) {
      const names = [...this.#library.values()].filter((each) => each.kind === kind).map((each) => each.metadata.name);
      const near = nearestOf(name, names);
      this.#complain(path, `There is no ${WORDS[kind]} "${name}"`, near === undefined ? 'Apply its file together with this one.' : `Did you mean ${near}?`);
      return undefined;
    }
    this.uses.add(libraryKey(kind, name));
    return found as Extract<AnyShape, { kind: K }>;
  }

  /** Once, however many entries of a set come to it. */
  #complain(path: Path, message: string, remedy: string): void {
    const isKnown = this.findings.some((finding) => finding.message === message && finding.path.join('\0') === path.join('\0'));
    if (!isKnown) this.findings.push({ path, message, remedy });
  }
}

export const WORDS: Readonly<Record<Kind, string>> = { Monitor: 'monitor', Policy: 'policy', CommandSet: 'command set', UserSet: 'user set', DeviceSet: 'device set', Defaults: 'defaults' };

/** A rule's own word wins; of maps, key by key. A deny takes nothing that would make it narrower. */
function withDefaults(rule: RuleShape, defaults: DefaultsShape['rule']): RuleShape {
  const { message, alert, require, ...rest } = defaults;
  const forAll = { ...(message === undefined ? {} : { message }), ...(alert === undefined ? {} : { alert }) };
  // oxlint-disable-next-line unicorn/no-thenable -- plain data; nothing awaits a rule
  if (rule.then === 'deny') return { ...forAll, ...rule };
  const forAsk = rule.then === 'ask' && require !== undefined ? { require } : {};
  return merge({ ...forAll, ...rest, ...forAsk }, rule);
}

const MERGED: readonly string[] = ['require', 'limits', 'onFailure', 'device', 'from', 'env'];

function merge<T extends object>(base: object, own: T): T {
  const merged: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(own)) {
    if (value === undefined) continue;
    const below = merged[key];
    merged[key] = MERGED.includes(key) && typeof below === 'object' && typeof value === 'object' ? { ...below, ...(value as object) } : value;
  }
  return merged as T;
}

type Fill = (name: string) => string | string[];

function fillTarget(target: OpenTarget, fill: Fill): OpenTarget {
  const { command, args, not } = target;
  return {
    ...target,
    ...(command === undefined ? {} : { command: fillText(command, fill) }),
    ...(args === undefined ? {} : { args: args.map((arg) => fillArgument(arg, fill)) }),
    ...(not === undefined ? {} : { not: fillTarget(not, fill) }),
  };
}

type OpenArgument = NonNullable<OpenTarget['args']>[number];

function fillArgument(arg: OpenArgument, fill: Fill): OpenArgument {
  if (Array.isArray(arg)) return arg.map((each) => fillText(each, fill));
  if (typeof arg !== 'string') return { regex: fillText(arg.regex, fill) };
  const [, whole] = /^\{\{([a-z][a-z0-9_]{0,31})\}\}$/.exec(arg) ?? [];
  return whole === undefined ? fillText(arg, fill) : fill(whole);
}

/** A list fills a whole argument only; inside a text its first value would stand for all. */
function fillText(text: string, fill: Fill): string {
  return text.replace(/\{\{([a-z][a-z0-9_]{0,31})\}\}/g, (_, name: string) => {
    const value = fill(name);
    return typeof value === 'string' ? value : `{{${name}: a list fills a whole argument only}}`;
  });
}
