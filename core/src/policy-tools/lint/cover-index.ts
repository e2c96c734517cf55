import type { RunTarget } from '../../policy/compiled.ts';
import { isOpenArguments } from './coverage.ts';
import type { LintRule } from './model.ts';

/** Rules that may cover a target, found without looking at all others. */
const ANY = '*';
const MANY = '+';
/** Rules for more people than this are found by their command alone. */
const MAX_SUBJECTS = 16;
/** So many that look alike are compared; of a fleet's policies those are all, of a hostile input it keeps the time linear. */
const MAX_CANDIDATES = 64;

export class CoverIndex {
  readonly #buckets = new Map<string, LintRule[]>();

  add(rule: LintRule): void {
    const people = peopleOf(rule);
    for (const [command, args] of new Map(rule.targets.map((target) => [keyOf(target).join(' '), keyOf(target)])).values()) {
      for (const who of people) this.#put(`${command} ${args} ${who}`, rule);
    }
  }

  /** Each once; never the rule itself. */
  candidates(rule: LintRule, target: RunTarget): readonly LintRule[] {
    const found = new Set<LintRule>();
    const [own, args] = keyOf(target);
    const people = [...new Set([ANY, MANY, ...(rule.compiled.who.is.length > 0 ? [JSON.stringify(rule.compiled.who.is[0])] : [])])];
    const keys = [...new Set([own, ANY])].flatMap((command) => [...new Set([args, ANY, MANY])].flatMap((each) => people.map((who) => `${command} ${each} ${who}`)));
    for (const key of keys) for (const other of this.#buckets.get(key) ?? []) found.add(other);
    found.delete(rule);
    return [...found];
  }

  #put(key: string, rule: LintRule): void {
    const bucket = this.#buckets.get(key);
    if (bucket === undefined) this.#buckets.set(key, [rule]);
    else if (bucket.length < MAX_CANDIDATES && bucket.at(-1) !== rule) bucket.push(rule);
  }
}

function peopleOf({ compiled: { who } }: LintRule): readonly string[] {
  if (who.any) return [ANY];
  return who.is.length > MAX_SUBJECTS ? [MANY] : who.is.map((subject) => JSON.stringify(subject));
}

/** Arguments: any, exactly these, or some pattern. */
function keyOf({ command, args }: RunTarget): readonly [command: string, args: string] {
  const isExact = args?.every((spec) => typeof spec === 'string' && !spec.includes('*')) === true;
  return [command ?? ANY, args === undefined || isOpenArguments(args) ? ANY : isExact ? JSON.stringify(args) : MANY];
}
