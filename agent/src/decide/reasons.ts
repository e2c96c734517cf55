import { type ByteString, decodeUtf8 } from '@belay/core/bytes';
import { compileRegex, type ReasonDemand } from '@belay/core/policy';
import { err, ok, type Result } from '@belay/core/result';
import { inert } from './inert.ts';

const LONGEST_REASON = 1000;
const SHORTEST_REASON = 1;
const LONGEST_HINT = 200;

/** The reason as it is kept. Errors: a sentence for the requester that says what is wanted. */
export function readReason(typed: ByteString, demand: ReasonDemand): Result<string, string> {
  const text = decodeUtf8(typed)?.trim();
  if (text === undefined) return err('the reason is not valid text.');
  const length = Array.from(text).length;
  const shortest = Math.max(demand.minLength, SHORTEST_REASON);
  if (length < shortest) return err(`the reason needs at least ${shortest} characters.`);
  if (length > LONGEST_REASON) return err(`the reason may have at most ${LONGEST_REASON} characters.`);
  return demand.patterns.every((pattern) => isOfForm(text, pattern)) ? ok(text) : err(formWanted(demand));
}

export function isReason(text: string | undefined, demand: ReasonDemand): boolean {
  return text !== undefined && Array.from(text).length >= demand.minLength && demand.patterns.every((pattern) => isOfForm(text, pattern));
}

/** A pattern that cannot be read is met by nothing. */
function isOfForm(text: string, pattern: string): boolean {
  const regex = compileRegex(pattern);
  return regex.ok && regex.value.matchesWhole(text);
}

/** In words, with an example where the policy has one; the pattern itself is for those who can read it. */
function formWanted({ patterns, suggestions }: ReasonDemand): string {
  const example = suggestions.find((each) => patterns.every((pattern) => isOfForm(each, pattern)));
  const hint = example === undefined ? '' : ` For instance: ${inert(example, LONGEST_HINT)}.`;
  const shown = patterns.map((pattern) => inert(pattern, LONGEST_HINT)).join(' and ');
  return `the reason is not of the form that the rule wants, such as a ticket's number and what it is for.${hint} As a pattern: ${shown}`;
}
