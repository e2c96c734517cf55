import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import { err, ok, type Result } from '../result.ts';
import { checkForm } from './form.ts';
import { checkMeaning } from './meaning.ts';
import { offsetOf, placeOf } from './place.ts';
import { byPlace, type Finding, type PolicyProblem } from './problem.ts';
import type { AnyShape, Kind, Policy } from './schema.ts';
import { checkCommandSet, type Library, libraryKey, resolvePolicy, WORDS } from './sets.ts';

export type PolicyFile = { readonly name: string; readonly text: string };

export const MAX_FILE_CHARS = 2 * 1024 * 1024;
export const MAX_FILES = 1000;
const MAX_TOTAL_CHARS = 16 * 1024 * 1024;
/** A problem told ten thousand times helps nobody. */
const MAX_PROBLEMS_PER_FILE = 200;
/** Nodes that aliases may stand for, counted through all levels: no "billion laughs". */
const MAX_ALIASES = 100;

/**
 * One document of the files. `source` is its own part of the text, comments before it included; `firstLine` where that begins in its
 * file, from 1. `policy`: undefined for what policies share. `uses`: what it builds on, as `KIND/NAME`.
 */
export type PolicyDocument = {
  readonly kind: Kind;
  readonly name: string;
  readonly file: string;
  readonly source: string;
  readonly firstLine: number;
  readonly description: string;
  readonly policy: Policy | undefined;
  readonly uses: readonly string[];
};

/** Every policy of every file, or every error of every file. A file may hold several documents. Nothing is half taken. */
export function parsePolicyFiles(files: readonly PolicyFile[]): Result<readonly Policy[], readonly PolicyProblem[]> {
  const parsed = parsePolicyDocuments(files);
  return parsed.ok ? ok(parsed.value.map(({ policy }) => policy).filter((policy) => policy !== undefined)) : parsed;
}

/**
 * The same, with what policies share, and where each document is. `held`: files that were taken before and are read with these; they
 * do not count against the limits.
 */
export function parsePolicyDocuments(files: readonly PolicyFile[], held: readonly PolicyFile[] = []): Result<readonly PolicyDocument[], readonly PolicyProblem[]> {
  const tooMuch = findExcess(files);
  if (tooMuch.length > 0) return err(tooMuch);
  const read = [...files, ...held].map(readFile);
  const problems = [...read.flatMap((file) => capped(file.problems)), ...repeatedAcrossFiles(read)];
  if (problems.length > 0) return err(problems.sort(byPlace));
  const all = read.flatMap((file) => file.documents);
  return resolveAll(all, new Map(all.map(({ shape }) => [libraryKey(shape.kind, shape.metadata.name), shape])));
}

/** What the documents of these files call themselves, as far as that can be read; says nothing of whether they are right. */
export function documentNames(files: readonly PolicyFile[]): readonly { readonly kind: string; readonly name: string }[] {
  if (findExcess(files).length > 0) return [];
  return files.flatMap((file) => {
    const documents = readYaml(file, new LineCounter());
    if (!Array.isArray(documents)) return [];
    return (documents as readonly Document[]).flatMap((document) => {
      const value = valueOf(document);
      return value.ok ? namesOf(value.value) : [];
    });
  });
}

function resolveAll(all: readonly ReadDocument[], library: Library): Result<readonly PolicyDocument[], readonly PolicyProblem[]> {
  const problems: PolicyProblem[] = [];
  const documents = all.map(({ shape, problemAt, ...place }): PolicyDocument => {
    const base = { ...place, kind: shape.kind, name: shape.metadata.name, description: shape.metadata.description ?? '' };
    if (shape.kind !== 'Policy') return { ...base, policy: undefined, uses: [] };
    const resolved = resolvePolicy(shape, library);
    const findings = resolved.ok ? (resolved.value.uses.length === 0 ? [] : checkMeaning(resolved.value.policy)) : resolved.error;
    problems.push(...findings.map((finding) => problemAt(resolved.ok ? { ...finding, path: finding.path.slice(0, 2), message: `With its sets and defaults filled in: ${finding.message}` } : finding)));
    return { ...base, policy: resolved.ok ? (resolved.value.policy as Policy) : undefined, uses: resolved.ok ? resolved.value.uses : [] };
  });
  return problems.length === 0 ? ok(documents) : err(problems.sort(byPlace));
}

function findExcess(files: readonly PolicyFile[]): readonly PolicyProblem[] {
  const start = { line: 1, column: 1 };
  const first = files[0]?.name ?? '';
  if (files.length > MAX_FILES) return [{ file: first, ...start, message: `More than ${MAX_FILES} files`, remedy: 'Put several policies into one file, separated by ---.' }];
  const large = files.filter(({ text }) => text.length > MAX_FILE_CHARS);
  if (large.length > 0) return large.map(({ name }) => ({ file: name, ...start, message: 'The file is larger than 2 MiB', remedy: 'Split it into several policies.' }));
  const total = files.reduce((sum, { text }) => sum + text.length, 0);
  return total > MAX_TOTAL_CHARS ? [{ file: first, ...start, message: 'All files together are larger than 16 MiB', remedy: 'Apply fewer or smaller policies.' }] : [];
}

type ProblemAt = (finding: Finding) => PolicyProblem;
type ReadDocument = Pick<PolicyDocument, 'file' | 'source' | 'firstLine'> & { readonly shape: AnyShape; readonly problemAt: ProblemAt };
type Named = { readonly kind: string; readonly name: string; readonly problemAt: ProblemAt };
type ReadFile = { readonly documents: readonly ReadDocument[]; readonly names: readonly Named[]; readonly problems: readonly PolicyProblem[] };

function readFile(file: PolicyFile): ReadFile {
  const lines = new LineCounter();
  const documents = readYaml(file, lines);
  if (!Array.isArray(documents)) return { documents: [], names: [], problems: [documents as PolicyProblem] };
  const read: ReadFile[] = [];
  let from = 0;
  for (const [index, document] of (documents as readonly Document[]).entries()) {
    const end = document.range?.[2] ?? file.text.length;
    const isFilled = index === 0 || document.contents !== null || document.errors.length > 0;
    if (isFilled) read.push(readDocument(document, { file, lines, from, to: documents.length === 1 ? file.text.length : end }));
    from = end;
  }
  return { documents: read.flatMap((each) => each.documents), names: read.flatMap((each) => each.names), problems: read.flatMap((each) => each.problems) };
}

function readYaml(file: PolicyFile, lines: LineCounter): readonly Document[] | PolicyProblem {
  const start = { file: file.name, line: 1, column: 1 };
  try {
    const documents = parseAllDocuments(file.text, { lineCounter: lines, uniqueKeys: true, strict: true, merge: false, prettyErrors: false, version: '1.2' });
    if ('empty' in documents || documents.length === 0) return { ...start, message: 'The file is empty', remedy: 'Begin with apiVersion: belay/v1 and kind: Policy.' };
    return documents as unknown as readonly Document[];
  } catch {
    return { ...start, message: 'The file cannot be read as YAML', remedy: 'It is nested too deeply, or no YAML at all.' };
  }
}

type Place = { readonly file: PolicyFile; readonly lines: LineCounter; readonly from: number; readonly to: number };

function readDocument(document: Document, { file, lines, from, to }: Place): ReadFile {
  const problemAt = (finding: Finding): PolicyProblem => ({
    file: file.name,
    ...placeOf(offsetOf(finding, document, file.text), lines),
    message: finding.message,
    remedy: finding.remedy,
  });
  const syntax = [...document.errors, ...document.warnings].map((error) => syntaxProblem(error, file, lines));
  const value = valueOf(document);
  if (!value.ok) return { documents: [], names: [], problems: [...syntax, problemAt(value.error)] };
  // What a broken file still says is not worth judging when its structure is in doubt.
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return { documents: [], names: [], problems: syntax };
  const form = checkForm(value.value);
  const findings = [...(form.ok ? checkShape(form.value) : form.error), ...checkMeaning(value.value)];
  const names = namesOf(value.value).map((each) => ({ ...each, problemAt }));
  const part = partOf(file.text, from, to);
  return {
    documents: form.ok ? [{ file: file.name, ...part, firstLine: placeOf(part.at, lines).line, shape: form.value, problemAt }] : [],
    names,
    problems: [...syntax, ...findings.map(problemAt)],
  };
}

function checkShape(shape: AnyShape): readonly Finding[] {
  return shape.kind === 'CommandSet' ? checkCommandSet(shape) : [];
}

/** A document with the comments before it; a file of one is that document as it stands. */
function partOf(text: string, from: number, to: number): { readonly source: string; readonly at: number } {
  const whole = text.slice(from, to);
  if (whole.length === text.length) return { source: text, at: 0 };
  const markers = /^(\s*(---|\.\.\.)[ \t]*\r?\n)+/.exec(whole)?.[0].length ?? 0;
  return { source: `${whole.slice(markers).replace(/\n\.\.\.\s*$/, '').trimEnd()}\n`, at: from + markers };
}

function valueOf(document: Document): Result<unknown, Finding> {
  try {
    return ok(document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
  } catch {
    return err({ path: [], message: 'The aliases (*name) of this document stand for too much, or for nothing', remedy: 'Write the content out where it is used.' });
  }
}

function namesOf(value: unknown): readonly { readonly kind: string; readonly name: string }[] {
  const { kind, metadata } = (value ?? {}) as { readonly kind?: unknown; readonly metadata?: { readonly name?: unknown } | null };
  const name = metadata?.name;
  return typeof name === 'string' ? [{ kind: typeof kind === 'string' ? kind : 'Policy', name }] : [];
}

function syntaxProblem(error: YAMLError, file: PolicyFile, lines: LineCounter): PolicyProblem {
  return { file: file.name, ...placeOf(error.pos[0], lines), message: error.message.split('\n')[0] as string, remedy: SYNTAX_REMEDIES[error.code] ?? 'Correct the YAML; indentation is by spaces.' };
}

const SYNTAX_REMEDIES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'Keep one of the two.',
  TAG_RESOLVE_FAILED: 'YAML takes a leading "!" for a tag: put the text in quotes, for instance "!group:interns".',
  BAD_INDENT: 'Bring the lines of one map or list to the same indentation.',
  TAB_AS_INDENT: 'Indent by spaces.',
  MISSING_CHAR: 'Close the bracket or quote.',
};

function repeatedAcrossFiles(files: readonly ReadFile[]): readonly PolicyProblem[] {
  const first = new Map<string, PolicyProblem>();
  return files.flatMap((file) => file.names).flatMap(({ kind, name, problemAt }) => {
    const what = WORDS[kind as Kind] ?? 'document';
    const place = problemAt({ path: ['metadata', 'name'], message: `The name "${name}" is used by two ${kind === 'Policy' ? 'policies' : `documents of kind ${kind}`}`, remedy: '' });
    const earlier = first.get(`${what} ${name}`);
    if (earlier === undefined) {
      first.set(`${what} ${name}`, place);
      return [];
    }
    return [{ ...place, remedy: `Give each a name of its own; the other is at ${earlier.file}:${earlier.line}:${earlier.column}.` }];
  });
}

function capped(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  const sorted = [...problems].sort(byPlace);
  const rest = sorted.length - MAX_PROBLEMS_PER_FILE;
  const next = sorted[MAX_PROBLEMS_PER_FILE];
  if (next === undefined) return sorted;
  return [...sorted.slice(0, MAX_PROBLEMS_PER_FILE), { ...next, message: `${rest} more problems from here on`, remedy: 'Correct those above first.' }];
}
