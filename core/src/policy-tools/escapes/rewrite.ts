import { assess, type EscapeFinding, type EscapeGuards, type EscapeTarget } from './assess.ts';
import type { ProgramEntry, SafeForm } from './entry.ts';
import { parseSpellings } from './syntax.ts';
import { programOf } from './table.ts';

/** Instead of the target: narrower arguments, checked children, or no grant at all. `reason` is one sentence. */
export type Rewrite =
  | { readonly kind: 'arguments'; readonly command: string; readonly args: readonly string[]; readonly children?: 'check'; readonly reason: string }
  | { readonly kind: 'children'; readonly children: 'check'; readonly reason: string }
  | { readonly kind: 'deny'; readonly message: string; readonly reason: string };

const MAX_REWRITES = 5;
const EDIT_MESSAGE = 'Use `belay edit FILE`.';

/**
 * What to write instead, best first; nothing when the target is sound as it is. What it proposes has been assessed: it
 * leaves no escape open.
 */
export function rewriteFor(target: EscapeTarget, guards: EscapeGuards = {}): readonly Rewrite[] {
  const { command, args } = target;
  const entry = command === undefined ? undefined : programOf(command);
  if (command === undefined || entry === undefined) return [];
  const findings = assess(target, guards);
  if (findings.every(({ severity }) => severity === 'low')) return [];
  const found: Rewrite[] = [];
  for (const candidate of narrower(entry, args, findings)) addIfSound(found, { ...candidate, command: candidate.command ?? command }, guards);
  if (assess(target, { ...guards, children: 'check' }).length === 0) {
    found.push({ kind: 'children', children: 'check', reason: 'With checked children whatever it starts needs a rule of its own.' });
  }
  return found.length > 0 && !entry.isEditor ? found.slice(0, MAX_REWRITES) : [...found.slice(0, MAX_REWRITES - 1), denial(entry)];
}

function denial(entry: ProgramEntry): Rewrite {
  if (entry.isEditor) return { kind: 'deny', message: EDIT_MESSAGE, reason: 'An editor run as root can write every file; the edit verb opens a copy as the user and writes back only the approved file.' };
  const reason = 'No form of it is without an escape: put what is wanted into a program of your own that only root can write, and grant that.';
  return { kind: 'deny', message: 'Ask for the task, not for this program.', reason };
}

type Candidate = { readonly command?: string; readonly args: readonly string[]; readonly children?: 'check'; readonly reason: string };

/** Children are not asked for where the same is sound without. */
function addIfSound(found: Rewrite[], { command, args, children, reason }: Candidate & { readonly command: string }, guards: EscapeGuards): void {
  const held = children === undefined ? guards : { ...guards, children };
  const text = JSON.stringify([command, args]);
  if (found.some((each) => each.kind === 'arguments' && JSON.stringify([each.command, each.args]) === text)) return;
  if (assess({ command, args }, held).length > 0) return;
  found.push({ kind: 'arguments', command, args, ...(children === undefined ? {} : { children }), reason });
}

function narrower(entry: ProgramEntry, args: readonly string[] | undefined, findings: readonly EscapeFinding[]): readonly Candidate[] {
  const edited = args === undefined ? [] : editsOf(entry, args, findings);
  const forms = entry.safe.filter((safe) => keepsSubcommand(entry, safe, args)).map(({ note, ...safe }) => ({ ...safe, reason: note }));
  const both = edited.map(({ reason, ...each }) => ({ ...each, children: 'check' as const, reason: `${reason} Children are checked as well.` }));
  return [...edited, ...forms, ...both];
}

/** The target's own arguments with as little changed as may do. */
function editsOf(entry: ProgramEntry, args: readonly string[], findings: readonly EscapeFinding[]): readonly Candidate[] {
  const closing = closingOptions(entry, findings);
  const dashed = entry.syntax.dashes ? withDashes(entry, args) : undefined;
  const edits: Candidate[] = [];
  for (const each of closing) edits.push({ args: [each, ...args], reason: `With ${each} first it stays without the escape.` });
  if (dashed !== undefined) {
    edits.push({ args: dashed, reason: 'Behind "--" nothing is read as an option.' });
    for (const each of closing) edits.push({ args: [each, ...dashed], reason: `With ${each} first, and behind "--" nothing read as an option, it stays without the escape.` });
  }
  return edits;
}

function closingOptions(entry: ProgramEntry, findings: readonly EscapeFinding[]): readonly string[] {
  const notes = new Set(findings.map(({ note }) => note));
  const spellings = entry.escapes.filter(({ note }) => notes.has(note)).flatMap(({ unless }) => parseSpellings(unless ?? ''));
  return [...new Set(spellings.filter(({ value, shape }) => value === 'none' && shape !== 'letter').map(({ text }) => text))];
}

function withDashes(entry: ProgramEntry, args: readonly string[]): readonly string[] | undefined {
  const wild = args.findIndex((arg) => arg.startsWith('*'));
  if (wild < 0 || args.includes('--') || takesValue(entry, args[wild - 1])) return undefined;
  return [...args.slice(0, wild), '--', ...args.slice(wild)];
}

function takesValue({ syntax, escapes }: ProgramEntry, arg: string | undefined): boolean {
  if (arg === undefined || !arg.startsWith('-')) return false;
  const written = [syntax.values, syntax.subValues, ...escapes.map(({ way }) => (way.by === 'option' ? way.options : ''))].join(' ');
  const isCluster = syntax.cluster && !arg.startsWith('--');
  return parseSpellings(written).some(({ text, shape, value }) => value === 'needed' && (text === arg || (isCluster && shape === 'letter' && text.endsWith(arg.slice(-1)))));
}

/** A form for another subcommand is no answer to whoever wrote this one. */
function keepsSubcommand({ syntax, escapes }: ProgramEntry, safe: SafeForm, args: readonly string[] | undefined): boolean {
  const hasSubcommands = syntax.subs !== 'none' || escapes.some(({ sub, except }) => sub !== undefined || except !== undefined);
  const wanted = hasSubcommands ? firstWord(args) : undefined;
  return wanted === undefined || wanted === firstWord(safe.args);
}

function firstWord(args: readonly string[] | undefined): string | undefined {
  return args?.find((arg) => /^[a-z][a-z0-9-]*$/.test(arg));
}
