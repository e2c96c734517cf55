// Of what a rule is made: each kind of criterion, demand, limit and failure cell, by the words that policies use.
import type { CompiledCircumstances, CompiledRule, PackagePattern, RunTarget, Subject } from '../../../core/src/policy/compiled.ts';
import { NO_DEMANDS } from '../../../core/src/policy/meet.ts';
import { NO_OBLIGATIONS } from '../../../core/src/policy/obligations.ts';

/** Everything that a rule says, `AREA.WORD` each; what it leaves out is not in it. */
export function featuresOf(rule: CompiledRule): ReadonlySet<string> {
  return new Set([
    `then.${rule.then}`,
    ...(rule.when === undefined ? [] : ['when']), ...(rule.message === undefined ? [] : ['message']), ...(rule.recovery ? ['recovery'] : []), ...(rule.priority === 0 ? [] : ['priority']),
    ...selection('who', rule.who, whoFeature), ...selection('run', rule.run, targetFeatures),
    ...runAsFeatures(rule), ...circumstanceFeatures(rule.circumstances), ...demandFeatures(rule), ...obligationFeatures(rule), ...failureFeatures(rule),
  ]);
}

type Selected<T> = { readonly any: boolean; readonly is: readonly T[]; readonly not: readonly T[] };

function selection<T>(area: string, { any, is, not }: Selected<T>, featuresIn: (each: T) => readonly string[]): readonly string[] {
  return [...(any ? [`${area}.any`] : []), ...is.flatMap(featuresIn).map((name) => `${area}.${name}`), ...not.flatMap(featuresIn).map((name) => `${area}.not.${name}`)];
}

function whoFeature({ kind }: Subject): readonly string[] {
  return [kind === 'user' || kind === 'group' ? kind : kind === 'uid' ? 'uid' : 'gid'];
}

function targetFeatures({ command, args, sha256, package: pattern }: RunTarget): readonly string[] {
  const kinds = (args ?? []).map((each) => (typeof each === 'string' ? 'args.glob' : 'regex' in each ? 'args.regex' : 'args.either'));
  return [...present({ command, sha256 }), ...(args?.length === 0 ? ['args.none'] : kinds), ...packageFeatures(pattern)];
}

function packageFeatures(pattern: PackagePattern | undefined): readonly string[] {
  return pattern === undefined ? [] : present(pattern).map((name) => `package.${name}`);
}

function runAsFeatures({ as: { users, groups } }: CompiledRule): readonly string[] {
  const words = (list: typeof users | typeof groups): readonly string[] => (typeof list === 'string' ? [list] : list.map((each) => ('id' in each ? 'id' : 'name')));
  return [...words(users).map((word) => `as.users.${word}`), ...words(groups).map((word) => `as.groups.${word}`)];
}

function circumstanceFeatures({ device, during, ...rest }: CompiledCircumstances): readonly string[] {
  const values = [...(rest.login ?? []).map((kind) => `login.${kind}`), ...(rest.terminal === undefined ? [] : [`terminal.${rest.terminal}`]), ...(rest.environment ?? []).map(({ value }) => (value === undefined ? 'environment.absent' : 'environment.value'))];
  return [...present(rest), ...values, ...(during ?? []).flatMap((period) => ['during', ...present(period).map((name) => `during.${name}`)]), ...present(device ?? {}).map((name) => `device.${name}`)];
}

function demandFeatures({ demands }: CompiledRule): readonly string[] {
  const { reason, reauth } = demands;
  return [
    ...changed(demands, NO_DEMANDS).map((name) => `require.${name}`),
    ...(reason === undefined ? [] : [reason.minLength > 1 ? 'require.reason.minLength' : 'require.reason.any', ...(reason.patterns.length > 0 ? ['require.reason.pattern'] : []), ...(reason.suggestions.length > 0 ? ['require.reason.suggestions'] : [])]),
    ...(reauth === undefined ? [] : [reauth.maxAgeMs === 0 ? 'require.reauth.now' : 'require.reauth.age']),
  ];
}

function obligationFeatures({ obligations }: CompiledRule): readonly string[] {
  const { environment, ...rest } = obligations;
  const words = (['children', 'network', 'record', 'alert'] as const).map((name) => `limits.${name}.${obligations[name]}`);
  return [...changed(rest, NO_OBLIGATIONS).map((name) => `limits.${name}`), ...words, ...(environment.keep.length > 0 ? ['limits.environment.keep'] : []), ...(environment.set.length > 0 ? ['limits.environment.set'] : [])];
}

function failureFeatures({ failures: { manifestExpired, serverUnreachable, recorderUnable, diskFull } }: CompiledRule): readonly string[] {
  const cells = { manifestExpired, serverUnreachable: serverUnreachable?.then ?? 'not said', recorderUnable, diskFull };
  return Object.entries(cells).map(([name, answer]) => `onFailure.${name}.${answer}`);
}

function present(record: object): readonly string[] {
  return Object.entries(record).filter(([, value]) => value !== undefined).map(([name]) => name);
}

function changed(record: object, usual: object): readonly string[] {
  const ofUsual = usual as Readonly<Record<string, unknown>>;
  return Object.entries(record).filter(([name, value]) => JSON.stringify(value) !== JSON.stringify(ofUsual[name])).map(([name]) => name);
}
