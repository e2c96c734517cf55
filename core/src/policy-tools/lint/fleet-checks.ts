import type { CompiledPolicy, DeviceCondition } from '../../policy/compiled.ts';
import { matchText } from '../../policy/package-match.ts';
import { type TargetDevice, targetsDevice } from '../../policy/targets.ts';
import { TRUE } from '../../policy/truth.ts';
import { nearestOf } from '../problem.ts';
import type { LintPolicy, LintRule, RuleDraft } from './model.ts';
import { mentionsIn } from './names-checks.ts';

export type FleetDevice = TargetDevice & { /** os-release's ID, where it is known. */ readonly os?: string | undefined };

/** What there is in a fleet. What is left out is not known, and nothing is said about it. */
export type FleetFacts = {
  /** Every device that is enrolled. */
  readonly devices?: readonly FleetDevice[] | undefined;
  readonly users?: readonly string[] | undefined;
  readonly groups?: readonly string[] | undefined;
};

/** A policy that no device gets: told once. */
export type PolicyDraft = { readonly policy: LintPolicy; readonly message: string; readonly reason: string };

/** One fleet, asked about many rules. */
export class FleetChecks {
  readonly #facts: FleetFacts;
  readonly #reached = new Map<string, readonly FleetDevice[]>();
  readonly #conditions = new Map<string, boolean>();
  readonly #names: { readonly user: ReadonlySet<string> | undefined; readonly group: ReadonlySet<string> | undefined };

  constructor(facts: FleetFacts) {
    this.#facts = facts;
    this.#names = { user: facts.users === undefined ? undefined : new Set(facts.users), group: facts.groups === undefined ? undefined : new Set(facts.groups) };
  }

  checkPolicy(policy: LintPolicy): PolicyDraft | undefined {
    const { devices } = this.#facts;
    if (devices === undefined || this.#devicesOf(policy.compiled).length > 0) return undefined;
    const few = devices.length === 0 ? 'No device is enrolled' : `None of ${devices.length === 1 ? 'the one device' : `the ${devices.length} devices`} is selected by targets`;
    return { policy, message: `${few}, so no device gets this policy`, reason: devices.length === 0 ? 'Enrol devices first; until then this cannot be judged.' : 'Look at the groups and labels: belayctl device list.' };
  }

  checkRule(rule: LintRule): readonly RuleDraft[] {
    return [...this.#checkDevice(rule), ...this.#checkNames(rule)];
  }

  #checkDevice(rule: LintRule): readonly RuleDraft[] {
    const { device } = rule.compiled.circumstances;
    const reached = this.#facts.devices === undefined || device === undefined ? [] : this.#devicesOf(rule.policy.compiled);
    // A policy that nobody gets is told of by itself.
    if (device === undefined || reached.length === 0) return [];
    const key = JSON.stringify([rule.policy.compiled.targets, device]);
    const isMet = this.#conditions.get(key) ?? reached.some((each) => mayMeet(device, each));
    this.#conditions.set(key, isMet);
    if (isMet) return [];
    const which = reached.length === 1 ? 'The one device' : `None of the ${reached.length} devices`;
    return [{ code: 'never-matches', rule, path: ['device'], message: `${which} that ${reached.length === 1 ? 'gets this policy is not' : 'get this policy is'} as the rule wants it`, reason: `${nearOf(device, reached)}Look at groups, labels and operating systems: belayctl device list.` }];
  }

  #checkNames(rule: LintRule): readonly RuleDraft[] {
    return mentionsIn(rule).flatMap(({ kind, name, path }): readonly RuleDraft[] => {
      const known = kind === 'device group' ? undefined : this.#names[kind];
      if (known === undefined || known.has(name)) return [];
      const near = nearestOf(name, [...known].slice(0, MAX_NAMES));
      return [{ code: 'unknown-name', rule, path, message: `The fleet has no ${kind} "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`, reason: 'A grant for it never holds; a deny for a group that a device cannot resolve holds for everybody there.' }];
    });
  }

  #devicesOf(policy: CompiledPolicy): readonly FleetDevice[] {
    const key = JSON.stringify(policy.targets);
    const reached = this.#reached.get(key) ?? (this.#facts.devices ?? []).filter((device) => targetsDevice(policy, device));
    this.#reached.set(key, reached);
    return reached;
  }
}

const MAX_NAMES = 1000;

function nearOf({ os = [], groups = [] }: DeviceCondition, reached: readonly FleetDevice[]): string {
  const known = new Set(reached.flatMap((device) => [...device.groups, ...(device.os === undefined ? [] : [device.os])]));
  const missing = [...os, ...groups].find((name) => !known.has(name));
  const near = missing === undefined ? undefined : nearestOf(missing, [...known].slice(0, MAX_NAMES));
  return near === undefined ? '' : `Did you mean ${near}? `;
}

/** By what the server knows of it; what only the device can tell may be so. */
function mayMeet({ groups, labels, os }: DeviceCondition, device: FleetDevice): boolean {
  if (groups !== undefined && !groups.some((group) => device.groups.includes(group))) return false;
  if (labels?.every(({ name, value }) => Object.hasOwn(device.labels, name) && matchText(value, device.labels[name] as string) === TRUE) === false) return false;
  return os === undefined || device.os === undefined || os.includes(device.os);
}
