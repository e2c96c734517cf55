import { approvalText } from '@belay/core/grants';
import type { ApprovalDemand } from '@belay/core/policy';
import * as z from 'zod';

/** A demand, and the text a grant must carry to stand for it. */
export type Demand = { readonly text: string; readonly demand: ApprovalDemand };

const subject = z.string().min(1).max(256);
const DAY = 86_400_000;
const shape = z.strictObject({
  from: z.array(subject).min(1).max(100), count: z.int().min(1).max(64), withinMs: z.int().min(1).max(400 * DAY), stage: z.int().min(0).max(64).optional(),
  escalate: z.strictObject({ afterMs: z.int().min(0).max(400 * DAY), to: z.array(subject).min(1).max(100) }).optional(),
});
const MAX_DEMANDS = 16;

/** Undefined: none, or one that is not understood, and then nobody can say yes to it. */
export function parseDemands(texts: readonly string[]): readonly Demand[] | undefined {
  if (texts.length === 0 || texts.length > MAX_DEMANDS) return undefined;
  const demands = texts.map((text): Demand | undefined => {
    const parsed = shape.safeParse(jsonOf(text));
    return parsed.success && approvalText(parsed.data) === text ? { text, demand: parsed.data } : undefined;
  });
  return demands.every((each) => each !== undefined) ? demands : undefined;
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

export type Progress = {
  /** Yeses that count for each demand, by place. */
  readonly have: readonly number[];
  readonly total: number;
  readonly need: number;
  /** The stage that is asked now; undefined: all are met. */
  readonly stage: number | undefined;
  /** The demands, by place, that are asked now and not met. */
  readonly open: readonly number[];
};

const stageOf = ({ demand }: Demand): number => demand.stage ?? 0;

/**
 * How far a request is. `yeses`: for each person who said yes the demands that it may count for; it counts for one of them, as many as
 * possible are met, and a stage is asked once all before it are.
 */
export function progressOf(demands: readonly Demand[], yeses: readonly (readonly number[])[]): Progress {
  const have = spread(demands.map(({ demand }) => demand.count), yeses);
  const unmet = demands.flatMap((each, at) => ((have[at] as number) < each.demand.count ? [at] : []));
  const stages = unmet.map((at) => stageOf(demands[at] as Demand));
  const stage = stages.length === 0 ? undefined : Math.min(...stages);
  return {
    have, total: have.reduce((sum, each) => sum + each, 0), need: demands.reduce((sum, { demand }) => sum + demand.count, 0), stage,
    open: unmet.filter((at) => stageOf(demands[at] as Demand) === stage),
  };
}

/** Each yes is given to one demand it fits so that as many as possible count (augmenting paths: there are a few of each). */
function spread(counts: readonly number[], yeses: readonly (readonly number[])[]): readonly number[] {
  const given: number[][] = counts.map(() => []);
  const place = (yes: number, tried: Set<number>): boolean => {
    for (const at of yeses[yes] ?? []) {
      const held = given[at];
      if (held === undefined || tried.has(at)) continue;
      tried.add(at);
      if (held.length < (counts[at] as number)) {
        held.push(yes);
        return true;
      }
      for (const [index, other] of held.entries()) {
        if (!place(other, tried)) continue;
        held[index] = yes;
        return true;
      }
    }
    return false;
  };
  for (const yes of yeses.keys()) place(yes, new Set());
  return given.map((held) => held.length);
}

/** Who may say yes to a demand as of now. */
export function fromOf(demand: ApprovalDemand, isEscalated: boolean): readonly string[] {
  return isEscalated && demand.escalate !== undefined ? [...new Set([...demand.from, ...demand.escalate.to])] : demand.from;
}

/** Who is asked now, by any of the open demands. */
export function askedNow(demands: readonly Demand[], open: readonly number[], escalated: readonly number[]): readonly string[] {
  return [...new Set(open.flatMap((at) => fromOf((demands[at] as Demand).demand, escalated.includes(at))))];
}

/** When nobody can complete the request any more: the first of its demands that is not met runs out of time. */
export function expiryOf(demands: readonly Demand[], { have }: Pick<Progress, 'have'>, filedAt: number): number {
  const unmet = demands.filter(({ demand }, at) => (have[at] as number) < demand.count);
  return filedAt + Math.min(...(unmet.length === 0 ? demands : unmet).map(({ demand }) => demand.withinMs));
}

/** When the next of the demands that are asked now gets more people; null: none does. */
export function escalationOf(demands: readonly Demand[], open: readonly number[], escalated: readonly number[], stageAt: number): number | null {
  const times = open.filter((at) => !escalated.includes(at)).flatMap((at) => {
    const after = demands[at]?.demand.escalate?.afterMs;
    return after === undefined ? [] : [stageAt + after];
  });
  return times.length === 0 ? null : Math.min(...times);
}

const MAX_WORDS = 1000;

/** Who may say yes, for the person who waits. */
export function approversText(demands: readonly Demand[], { open, have }: Pick<Progress, 'open' | 'have'>, escalated: readonly number[]): string {
  const parts = open.map((at) => {
    const { demand } = demands[at] as Demand;
    const missing = demand.count - (have[at] as number);
    const who = fromOf(demand, escalated.includes(at)).map(subjectWords).join(', or ');
    return missing === 1 ? who : `${missing} people: ${who}`;
  });
  const text = [...new Set(parts)].join('; and ');
  return text.length <= MAX_WORDS ? text : `${text.slice(0, MAX_WORDS - 1)}…`;
}

export function subjectWords(text: string): string {
  const at = text.indexOf(':');
  const name = text.slice(at + 1);
  switch (at < 0 ? text : text.slice(0, at)) {
    case 'manager':
      return 'the manager';
    case 'role':
      return `anybody with the role ${name}`;
    case 'group':
      return `anybody of the group ${name}`;
    default:
      return name;
  }
}
