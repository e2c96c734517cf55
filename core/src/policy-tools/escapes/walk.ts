import { matchArgument } from '../../policy/argument-pattern.ts';
import type { ByteString } from '../../bytes.ts';
import { TRUE } from '../../policy/truth.ts';
import { type Judged, LAST_OPERAND, type Way } from './entry.ts';
import { mayBeOperand, mayBeOption, mayEndOptions, readBundle, readOptions, type Reading, satisfies } from './reading.ts';
import { ANY, behind, type Written } from './symbols.ts';
import type { CompiledEscape, OptionSet } from './syntax.ts';
import { leavesOpen } from './value.ts';

/** The arguments of a rule. `rest`: any further ones may follow. */
export type Arguments = { readonly each: readonly Written[]; readonly rest: boolean };

/** What a wrapper runs: the program's name, and from which argument on its own arguments stand. */
export type Wrapped = { readonly written: Written; readonly from: number };

/** Where the program is in its reading, after some arguments that the patterns admit. */
type State = {
  readonly at: number;
  /** No more options are read. */
  readonly ended: boolean;
  /** What the next argument is, if not itself: see Reading.takes; a closing option by its number, from 10 on. */
  readonly pending: number;
  /** 0: none yet; 1: the subcommand is complete; from 2 on: the first of two words of that one. */
  readonly sub: number;
  readonly operands: number;
  readonly opened: boolean;
  /** An option that the escape needs was there, or it needs none. */
  readonly met: boolean;
};

const JUDGE = 9;
const CLOSING = 10;
const SUB_DONE = 1;
const SUB_FIRST = 2;

/** The others are open whatever the arguments, unless something closes them. */
const needsArguments: ReadonlySet<Way['by']> = new Set(['option', 'operand', 'fewer', 'wraps']);

/**
 * Is there an argument vector that the patterns admit, with which the escape is open? Every way in which the program may
 * read them is followed, a state at a time; there are few states an argument, so it ends soon on any patterns.
 */
export function isOpen(asGiven: CompiledEscape, given: Arguments, onWrapped: (wrapped: Wrapped) => void = () => {}): boolean {
  const compiled = asGiven.wide !== undefined && mayHoldFurtherOptions(given) ? asGiven.wide : asGiven;
  const { way } = compiled.escape;
  const start: State = { at: 0, ended: false, pending: 0, sub: 0, operands: 0, opened: !needsArguments.has(way.by), met: compiled.escape.needs === undefined };
  const seen = new Set<number>();
  const stack: State[] = [start];
  const walk: Walk = { compiled, args: withFirst(given, compiled), onWrapped };
  const { args } = walk;
  for (let state = stack.pop(); state !== undefined; state = stack.pop()) {
    const code = codeOf(state);
    if (seen.has(code)) continue;
    seen.add(code);
    if (state.at >= args.each.length && isOpenAtEnd(compiled, state)) return true;
    const written = args.each[state.at] ?? (args.rest ? ANY : undefined);
    if (written !== undefined) stack.push(...next(state, written, walk));
  }
  return false;
}

function mayHoldFurtherOptions({ each, rest }: Arguments): boolean {
  return rest || each.some((written) => written.literal === undefined && mayBeOption(written));
}

/** Where the first argument is read in its own way, one that is any of the further ones has to stand for itself. */
function withFirst(args: Arguments, { options: { syntax } }: CompiledEscape): Arguments {
  return syntax.bundled && args.rest && args.each.length === 0 ? { each: [ANY], rest: true } : args;
}

type Walk = { readonly compiled: CompiledEscape; readonly args: Arguments; readonly onWrapped: (wrapped: Wrapped) => void };

function codeOf({ at, ended, pending, sub, operands, opened, met }: State): number {
  return ((((at * 2 + (ended ? 1 : 0)) * 64 + pending) * 128 + sub) * 8 + operands) * 4 + (opened ? 2 : 0) + (met ? 1 : 0);
}

function isOpenAtEnd({ escape, subs }: CompiledEscape, { pending, sub, operands, opened, met }: State): boolean {
  if (!met || pending !== 0 || (subs.length > 0 && sub !== SUB_DONE)) return false;
  return escape.way.by === 'fewer' ? operands < escape.way.than : opened;
}

function next(state: State, written: Written, walk: Walk): readonly State[] {
  const { compiled, args } = walk;
  const at = Math.min(state.at + 1, args.each.length);
  if (state.pending !== 0) return afterPending({ ...state, at }, state.pending, written, compiled);
  const states: State[] = [];
  const { syntax } = compiled.options;
  if (state.ended) return asOperand(state, at, written, walk);
  if (syntax.loneDash && written.literal === '-') return [{ ...state, at }];
  if (syntax.bundled && state.at === 0 && !written.head.startsWith('-')) {
    return readBundle(written, compiled.options, compiled.judged).map((reading) => afterReading({ ...state, at }, reading, compiled.options));
  }
  if (syntax.dashes && mayEndOptions(written)) states.push({ ...state, at, ended: true });
  if (mayBeOption(written) && !(syntax.dashes && written.literal === '--')) {
    const options = optionsAt(state, compiled);
    for (const reading of readOptions(written, options, compiled.judged)) states.push(afterReading({ ...state, at }, reading, options));
  }
  if (mayBeOperand(written)) states.push(...asOperand(state, at, written, walk));
  return states;
}

/** Under `split`, an escape's own options stand on one side of the subcommand only. */
function optionsAt(state: State, compiled: CompiledEscape): OptionSet {
  if (compiled.options.syntax.subs !== 'split') return compiled.options;
  const isBehind = compiled.subs.length > 0 ? state.sub === SUB_DONE : state.operands > 0;
  return isBehind === compiled.subs.length > 0 ? compiled.options : compiled.elsewhere;
}

function afterReading(state: State, { opens, takes, ends, meets }: Reading, options: OptionSet): State {
  const pending = takes === 'judge' ? JUDGE : typeof takes === 'number' ? takes : CLOSING + options.closes.indexOf(takes);
  // Behind `python3 -c CODE` all is the code's: neither options nor operands of the program.
  return { ...state, pending, ended: state.ended || ends, operands: ends ? LAST_OPERAND + 1 : state.operands, opened: state.opened || opens, met: state.met || meets };
}

function afterPending(state: State, pending: number, written: Written, compiled: CompiledEscape): readonly State[] {
  if (pending < JUDGE) return [{ ...state, pending: pending - 1 }];
  if (pending === JUDGE) return [{ ...state, pending: 0, opened: state.opened || leavesOpen(compiled.judged, written.symbols) }];
  const closing = compiled.options.closes[pending - CLOSING];
  const isClosed = closing !== undefined && satisfies(closing, written.symbols);
  return isClosed ? [] : [{ ...state, pending: 0 }];
}

function asOperand(state: State, at: number, written: Written, walk: Walk): readonly State[] {
  const { compiled } = walk;
  if (compiled.subs.length > 0 && state.sub !== SUB_DONE) return asSubcommand(state, at, written, compiled);
  if (state.operands === 0 && written.literal !== undefined && compiled.except.includes(written.literal)) return [];
  const { way } = compiled.escape;
  if (way.by === 'wraps' && state.operands === way.from) return asWrapped(state, at, written, walk);
  const isLast = way.by === 'operand' && way.leading && !written.head.includes('=');
  const operands = isLast ? LAST_OPERAND + 1 : Math.min(state.operands + 1, LAST_OPERAND + 1);
  const opened = state.opened || (way.by === 'operand' && operandOpens(state.operands, written, way, compiled.judged));
  return [{ ...state, at, operands, opened, ended: state.ended || endsOptions(operands, compiled) }];
}

type OperandWay = Extract<CompiledEscape['escape']['way'], { by: 'operand' }>;

function operandOpens(index: number, written: Written, way: OperandWay, judged: Judged): boolean {
  if (index < way.from || index > way.to) return false;
  const value = behind(written.symbols, way.prefix ?? '');
  return value !== undefined && leavesOpen(judged, value);
}

function endsOptions(operands: number, { options: { syntax }, subs }: CompiledEscape): boolean {
  if (syntax.permute) return false;
  return operands >= (syntax.subs !== 'none' && subs.length === 0 ? 2 : 1);
}

function asWrapped(state: State, at: number, written: Written, walk: Walk): readonly State[] {
  const { way } = walk.compiled.escape;
  const assigns = way.by === 'wraps' && way.assignments;
  const isAssignment = assigns && (written.literal ?? written.head).includes('=');
  if (!isAssignment) walk.onWrapped({ written, from: state.at + 1 });
  return assigns && (isAssignment || written.literal === undefined) ? [{ ...state, at, ended: true }] : [];
}

function asSubcommand(state: State, at: number, written: Written, { subs, options: { syntax } }: CompiledEscape): readonly State[] {
  const states: State[] = [];
  for (const [index, words] of subs.entries()) {
    const second = state.sub === SUB_FIRST + index;
    if (state.sub !== 0 && !second) continue;
    const word = words[second ? 1 : 0] as string;
    if (!mayBeWord(written, word, syntax.shortSubs)) continue;
    const isComplete = second || words.length === 1;
    states.push({ ...state, at, sub: isComplete ? SUB_DONE : SUB_FIRST + index, operands: 0 });
  }
  return states;
}

function mayBeWord(written: Written, word: string, isShortAllowed: boolean): boolean {
  if (written.literal !== undefined) return written.literal === word || (isShortAllowed && written.literal !== '' && word.startsWith(written.literal));
  if (matchArgument(written.pattern, word as ByteString) === TRUE) return true;
  if (!isShortAllowed) return false;
  for (let length = 1; length < word.length; length++) if (matchArgument(written.pattern, word.slice(0, length) as ByteString) === TRUE) return true;
  return false;
}
