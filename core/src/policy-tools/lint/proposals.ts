import type { ArgumentSpec, RunTarget } from '../../policy/compiled.ts';
import { assess, type EscapeFinding, type EscapeGuards, type Rewrite, rewriteFor } from '../escapes/index.ts';

/** What to write instead of a target, with regular expressions and alternatives as the rule has them. */
export type Proposal = Exclude<Rewrite, { kind: 'arguments' }> | (Omit<Extract<Rewrite, { kind: 'arguments' }>, 'args'> & { readonly args: readonly ArgumentSpec[] });

/** Beyond this an argument with alternatives counts as any argument. */
const MAX_COMBINATIONS = 64;

/** What is open under a target: under any choice of its alternatives. */
export function assessTarget({ command, args }: Pick<RunTarget, 'command' | 'args'>, guards: EscapeGuards): readonly EscapeFinding[] {
  return combinationsOf(args).flatMap((each) => assess({ command, args: each }, guards));
}

/** Every choice of alternatives; those past the bound, and regular expressions, count as any argument. */
function combinationsOf(args: readonly ArgumentSpec[] | undefined): readonly (readonly string[] | undefined)[] {
  if (args === undefined) return [undefined];
  let combinations: readonly (readonly string[])[] = [[]];
  for (const spec of args) {
    const choices = typeof spec === 'object' && 'either' in spec && combinations.length * spec.either.length <= MAX_COMBINATIONS ? spec.either : [openText(spec)];
    combinations = combinations.flatMap((before) => choices.map((choice) => [...before, choice]));
  }
  return combinations;
}

/**
 * The best rewrite that holds for all of a target. The table of escapes knows globs only: it is asked with the first alternative of
 * each, and what it proposes is assessed with all of them; else with any argument in their place.
 */
export function proposalFor({ command, args }: RunTarget, guards: EscapeGuards): Proposal | undefined {
  if (args === undefined || args.every((spec) => typeof spec === 'string')) return rewriteFor({ command, args }, guards)[0];
  for (const text of [firstText, openText]) {
    const texts = args.map(text);
    const proposals = rewriteFor({ command, args: texts }, guards).map((each): Proposal => (each.kind === 'arguments' ? { ...each, args: restored(each.args, args, texts) } : each));
    const sound = proposals.find((each) => each.kind === 'deny' || isSound(each, { command, args }, guards));
    if (sound !== undefined && (sound.kind !== 'deny' || text === openText)) return sound;
  }
  return undefined;
}

function isSound(proposal: Exclude<Proposal, { kind: 'deny' }>, target: Pick<RunTarget, 'command' | 'args'>, guards: EscapeGuards): boolean {
  const { children } = proposal;
  const changed = proposal.kind === 'arguments' ? proposal : target;
  return assessTarget(changed, children === undefined ? guards : { ...guards, children }).length === 0;
}

function openText(spec: ArgumentSpec): string {
  return typeof spec === 'string' ? spec : '*';
}

function firstText(spec: ArgumentSpec): string {
  return typeof spec === 'object' && 'either' in spec ? (spec.either[0] ?? '*') : openText(spec);
}

/** Where a proposal keeps the rule's arguments, it keeps them as the rule has them. */
function restored(args: readonly string[], original: readonly ArgumentSpec[], texts: readonly string[]): readonly ArgumentSpec[] {
  let next = 0;
  const result = args.map((arg) => (next < texts.length && texts[next] === arg ? (original[next++] as ArgumentSpec) : arg));
  return next === original.length ? result : args;
}
