import type { CompiledPolicy, DeviceSelector } from './compiled.ts';

export type TargetDevice = { readonly id: string; readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>> };

/** Whether a policy is for this device. The server asks, once per manifest: what a manifest lists is in force, whole. */
export function targetsDevice({ targets }: Pick<CompiledPolicy, 'targets'>, device: TargetDevice): boolean {
  const selects = ({ kind, name }: DeviceSelector): boolean => {
    if (kind === 'device') return name === device.id;
    return kind === 'group' ? device.groups.includes(name) : device.labels[name.slice(0, name.indexOf('='))] === name.slice(name.indexOf('=') + 1);
  };
  const { any, is, not } = targets;
  return (any || is.some(selects)) && !not.some(selects);
}

/** Whether there is no device that a policy is not for. */
export function targetsEveryDevice(policy: CompiledPolicy): boolean {
  return policy.targets.any && policy.targets.not.length === 0;
}
