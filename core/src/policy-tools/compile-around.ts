import type { CompiledCircumstances, DeviceCondition } from '../policy/compiled.ts';
import { DAY_MINUTES, type Period } from '../policy/period.ts';
import type { RuleShape } from './schema.ts';
import { dayNumbers, minuteOf } from './schema-around.ts';

/** Only what the rule asks for is in it. */
export function compileCircumstances(rule: RuleShape): CompiledCircumstances {
  const { cwd, env, parent, ancestor, from, during, device } = rule;
  return given({
    cwd,
    environment: env === undefined ? undefined : Object.entries(env).map(([name, value]) => given({ name, value: value ?? undefined })),
    parent,
    ancestor,
    login: from?.login,
    networks: from?.networks,
    terminal: from?.terminal,
    during: during === undefined ? undefined : [during].flat().map(compilePeriod),
    device: device === undefined ? undefined : compileDevice(device),
  });
}

function compilePeriod({ days, from, to, zone }: Extract<NonNullable<RuleShape['during']>, readonly unknown[]>[number]): Period {
  return given({
    days: days === undefined ? undefined : [...new Set(days.flatMap((each) => dayNumbers(each) ?? []))].sort((a, b) => a - b),
    fromMinute: minuteOf(from ?? '00:00') ?? 0,
    toMinute: minuteOf(to ?? '24:00') ?? DAY_MINUTES,
    zone,
  });
}

function compileDevice({ labels, maxPatchAge, ...rest }: NonNullable<RuleShape['device']>): DeviceCondition {
  return given({
    ...rest,
    labels: labels === undefined ? undefined : Object.entries(labels).map(([name, value]) => ({ name, value })),
    maxPatchAgeDays: maxPatchAge === undefined ? undefined : Number(maxPatchAge.slice(0, -1)),
  });
}

/** Without the keys that say nothing. */
function given<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as T;
}
