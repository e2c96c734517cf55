import { err, ok, type Result } from '../result.ts';
import type { Targets } from '../policy/compiled.ts';
import { compileTargets } from './compile.ts';
import { checkForm } from './form.ts';
import { checkMeaning } from './meaning.ts';
import { byPlace, type Finding, type PolicyProblem } from './problem.ts';
import type { AnyShape, Kind, Policy } from './schema.ts';
import { checkCommandSet, type Library, libraryKey, resolveMonitor, resolvePolicy, WORDS } from './sets.ts';
import { capped, type PolicyFile, type ProblemAt, readYamlFile, type YamlDocument } from './yaml-file.ts';

export type { PolicyFile } from './yaml-file.ts';

export const MAX_FILE_CHARS = 2 * 1024 * 1024;
export const MAX_FILES = 1000;
const MAX_TOTAL_CHARS = 16 * 1024 * 1024;
const BEGIN = 'Begin with apiVersion: belay/v1 and kind: Policy.';

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
  /** Of a `Monitor`: the devices that only watch. */
  readonly watching: Targets | undefined;
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
    const documents = readYamlFile(file, BEGIN);
    return documents.ok ? documents.value.flatMap(({ value }) => (value.ok ? namesOf(value.value) : [])) : [];
  });
}

function resolveAll(all: readonly ReadDocument[], library: Library): Result<readonly PolicyDocument[], readonly PolicyProblem[]> {
  const problems: PolicyProblem[] = [];
  const documents = all.map(({ shape, problemAt, ...place }): PolicyDocument => {
    const base = { ...place, kind: shape.kind, name: shape.metadata.name, description: shape.metadata.description ?? '' };
    if (shape.kind === 'Monitor') {
      const monitor = resolveMonitor(shape, library);
      if (!monitor.ok) problems.push(...monitor.error.map(problemAt));
      return { ...base, policy: undefined, watching: monitor.ok ? compileTargets(monitor.value.devices) : undefined, uses: monitor.ok ? monitor.value.uses : [] };
    }
    if (shape.kind !== 'Policy') return { ...base, policy: undefined, watching: undefined, uses: [] };
    const resolved = resolvePolicy(shape, library);
    const findings = resolved.ok ? (resolved.value.uses.length === 0 ? [] : checkMeaning(resolved.value.policy)) : resolved.error;
    problems.push(...findings.map((finding) => problemAt(resolved.ok ? { ...finding, path: finding.path.slice(0, 2), message: `With its sets and defaults filled in: ${finding.message}` } : finding)));
    return { ...base, policy: resolved.ok ? (resolved.value.policy as Policy) : undefined, watching: undefined, uses: resolved.ok ? resolved.value.uses : [] };
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

type ReadDocument = Pick<PolicyDocument, 'file' | 'source' | 'firstLine'> & { readonly shape: AnyShape; readonly problemAt: ProblemAt };
type Named = { readonly kind: string; readonly name: string; readonly problemAt: ProblemAt };
type ReadFile = { readonly documents: readonly ReadDocument[]; readonly names: readonly Named[]; readonly problems: readonly PolicyProblem[] };

function readFile(file: PolicyFile): ReadFile {
  const documents = readYamlFile(file, BEGIN);
  if (!documents.ok) return { documents: [], names: [], problems: [documents.error] };
  const read = documents.value.map((document) => readDocument(document, file));
  return { documents: read.flatMap((each) => each.documents), names: read.flatMap((each) => each.names), problems: read.flatMap((each) => each.problems) };
}

function readDocument({ value, syntax, isSound, from, to, problemAt, lineAt }: YamlDocument, file: PolicyFile): ReadFile {
  if (!value.ok) return { documents: [], names: [], problems: [...syntax, problemAt(value.error)] };
  if (!isSound) return { documents: [], names: [], problems: syntax };
  const form = checkForm(value.value);
  const findings = [...(form.ok ? checkShape(form.value) : form.error), ...checkMeaning(value.value)];
  const names = namesOf(value.value).map((each) => ({ ...each, problemAt }));
  const part = partOf(file.text, from, to);
  return {
    documents: form.ok ? [{ file: file.name, ...part, firstLine: lineAt(part.at), shape: form.value, problemAt }] : [],
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

function namesOf(value: unknown): readonly { readonly kind: string; readonly name: string }[] {
  const { kind, metadata } = (value ?? {}) as { readonly kind?: unknown; readonly metadata?: { readonly name?: unknown } | null };
  const name = metadata?.name;
  return typeof name === 'string' ? [{ kind: typeof kind === 'string' ? kind : 'Policy', name }] : [];
}

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
