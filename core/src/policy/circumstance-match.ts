import { type ByteString, encodeUtf8 } from '../bytes.ts';
import { type ArgumentPattern, compilePattern, matchArgument } from './argument-pattern.ts';
import type { Lineage, Posture } from './circumstances.ts';
import type { CircumstanceName, CompiledCircumstances, DeviceCondition } from './compiled.ts';
import type { DecisionContext } from './decision.ts';
import { isInNetworks, type Network, parseNetwork } from './network.ts';
import { matchText } from './package-match.ts';
import { matchPeriod } from './period.ts';
import type { Surroundings } from './surroundings.ts';
import { and, FALSE, or, TRUE, type Truth3, truthOf, UNKNOWN } from './truth.ts';

/** Circumstances made ready to be asked. */
export type LoadedCircumstances = {
  readonly source: CompiledCircumstances;
  readonly cwd: readonly ArgumentPattern[];
  readonly environment: readonly { readonly name: ByteString; readonly value: ArgumentPattern | undefined }[];
  readonly parent: readonly ByteString[];
  readonly ancestor: readonly ByteString[];
  readonly networks: readonly Network[];
};

export const NO_CIRCUMSTANCES: CompiledCircumstances = {};
const MATCHES_NOTHING: ArgumentPattern = { kind: 'either', of: [] };

/** Undefined: the rule holds in all. A pattern that cannot be read matches nothing. */
export function loadCircumstances(source: CompiledCircumstances): LoadedCircumstances | undefined {
  if (Object.values(source).every((each) => each === undefined)) return undefined;
  const pattern = (glob: string): ArgumentPattern => {
    const compiled = compilePattern(glob);
    return compiled.ok ? compiled.value : MATCHES_NOTHING;
  };
  return {
    source,
    cwd: (source.cwd ?? []).map(pattern),
    environment: (source.environment ?? []).map(({ name, value }) => ({ name: encodeUtf8(`${name}=`), value: value === undefined ? undefined : pattern(value) })),
    parent: (source.parent ?? []).map(encodeUtf8),
    ancestor: (source.ancestor ?? []).map(encodeUtf8),
    networks: (source.networks ?? []).map(parseNetwork).filter((network) => network !== undefined),
  };
}

/** In the order in which they are asked, the cheapest first. */
export const CIRCUMSTANCES = ['during', 'terminal', 'cwd', 'environment', 'device', 'login', 'networks', 'parent', 'ancestor'] as const satisfies readonly CircumstanceName[];

export function matchCircumstances(wanted: LoadedCircumstances, around: Surroundings): Truth3 {
  let truth: Truth3 = TRUE;
  for (const name of CIRCUMSTANCES) {
    if (wanted.source[name] === undefined) continue;
    const each = matchCircumstance(name, wanted, around);
    if (each === FALSE) return FALSE;
    truth = and(truth, each);
  }
  return truth;
}

/** True where the rule does not ask for it. */
export function matchCircumstance(name: CircumstanceName, wanted: LoadedCircumstances, around: Surroundings): Truth3 {
  const { source } = wanted;
  const { request, context } = around;
  switch (name) {
    case 'during':
      return source.during === undefined ? TRUE : any(source.during, (period) => matchPeriod(period, context.nowMs, context.utcOffsetMinutes));
    case 'terminal':
      return source.terminal === undefined ? TRUE : truthOf((request.loginSession.terminal !== 0) === source.terminal);
    case 'cwd':
      return source.cwd === undefined ? TRUE : request.cwd === undefined ? UNKNOWN : any(wanted.cwd, (pattern) => matchArgument(pattern, request.cwd as ByteString));
    case 'environment':
      return request.env === undefined ? UNKNOWN : matchEnvironment(wanted.environment, request.env);
    case 'device':
      return source.device === undefined ? TRUE : matchDevice(source.device, around);
    case 'login':
      return source.login === undefined ? TRUE : around.origin === undefined ? UNKNOWN : truthOf(source.login.includes(around.origin.kind));
    case 'networks':
      return source.networks === undefined ? TRUE : matchOrigin(around, wanted.networks);
    case 'parent':
      return source.parent === undefined ? TRUE : matchParent(wanted.parent, around.lineage);
    case 'ancestor':
      return source.ancestor === undefined ? TRUE : matchAncestor(wanted.ancestor, around.lineage);
  }
}

function any<T>(list: readonly T[], match: (item: T) => Truth3): Truth3 {
  let truth: Truth3 = FALSE;
  for (const item of list) {
    truth = or(truth, match(item));
    if (truth === TRUE) break;
  }
  return truth;
}

function matchEnvironment(wanted: LoadedCircumstances['environment'], env: readonly ByteString[]): Truth3 {
  let truth: Truth3 = TRUE;
  for (const { name, value } of wanted) {
    const found = env.find((entry) => entry.startsWith(name));
    const each = value === undefined ? truthOf(found === undefined) : found === undefined ? FALSE : matchArgument(value, found.slice(name.length) as ByteString);
    truth = and(truth, each);
  }
  return truth;
}

/** Whoever came over no network came from no address. */
function matchOrigin({ origin }: Surroundings, networks: readonly Network[]): Truth3 {
  if (origin === undefined) return UNKNOWN;
  return origin.kind === 'ssh' ? isInNetworks(origin.sourceAddress, networks) : FALSE;
}

// SECURITY(T-11): an orphan is adopted by one of its own ancestors, so who is there is an ancestor, and who is not may have been one.
function matchParent(wanted: readonly ByteString[], lineage: Lineage | undefined): Truth3 {
  if (lineage?.whole !== true) return UNKNOWN;
  const parent = lineage.processes[0];
  return truthOf(parent !== undefined && wanted.includes(parent.executable));
}

function matchAncestor(wanted: readonly ByteString[], lineage: Lineage | undefined): Truth3 {
  if (lineage === undefined) return UNKNOWN;
  if (lineage.processes.some(({ executable }) => wanted.includes(executable))) return TRUE;
  return lineage.whole ? FALSE : UNKNOWN;
}

export type DeviceFacet = keyof DeviceCondition;

function matchDevice(wanted: DeviceCondition, around: Surroundings): Truth3 {
  let truth: Truth3 = TRUE;
  for (const facet of Object.keys(wanted) as DeviceFacet[]) {
    if (wanted[facet] === undefined) continue;
    truth = and(truth, matchFacet(facet, wanted, around));
    if (truth === FALSE) break;
  }
  return truth;
}

export function matchFacet(facet: DeviceFacet, wanted: DeviceCondition, { context, posture }: Pick<Surroundings, 'posture'> & { readonly context: DecisionContext }): Truth3 {
  const { device } = context;
  switch (facet) {
    case 'groups':
      return truthOf(wanted.groups?.some((group) => device.groups.includes(group)) === true);
    case 'labels':
      return truthOf(wanted.labels?.every(({ name, value }) => Object.hasOwn(device.labels, name) && matchText(value, device.labels[name] as string) === TRUE) === true);
    case 'os':
      return posture.osId === undefined ? UNKNOWN : truthOf(wanted.os?.includes(posture.osId) === true);
    case 'osVersion':
      return posture.osVersion === undefined ? UNKNOWN : any(wanted.osVersion ?? [], (glob) => matchText(glob, posture.osVersion as string));
    case 'maxPatchAgeDays':
      return posture.patchAgeDays === undefined ? UNKNOWN : truthOf(posture.patchAgeDays <= (wanted.maxPatchAgeDays as number));
    default:
      return matchFlag(wanted[facet] as boolean, posture, facet);
  }
}

const FLAGS = { encrypted: 'encrypted', secureBoot: 'secureBoot', firewall: 'firewall', healthy: 'agentHealthy' } as const satisfies Readonly<Record<string, keyof Posture>>;

function matchFlag(wanted: boolean, posture: Posture, facet: keyof typeof FLAGS): Truth3 {
  const actual = posture[FLAGS[facet]];
  return actual === undefined ? UNKNOWN : truthOf(actual === wanted);
}
