import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import { err, ok, type Result } from '../result.ts';
import { checkForm } from './form.ts';
import { checkMeaning } from './meaning.ts';
import { offsetOf, placeOf } from './place.ts';
import { byPlace, type Finding, type PolicyProblem } from './problem.ts';
import type { Policy } from './schema.ts';

export type PolicyFile = { readonly name: string; readonly text: string };

export const MAX_FILE_CHARS = 2 * 1024 * 1024;
export const MAX_FILES = 1000;
const MAX_TOTAL_CHARS = 16 * 1024 * 1024;
/** A problem told ten thousand times helps nobody. */
const MAX_PROBLEMS_PER_FILE = 200;
/** Nodes that aliases may stand for, counted through all levels: no "billion laughs". */
const MAX_ALIASES = 100;

/** Every policy of every file, or every error of every file. A file may hold several documents. Nothing is half taken. */
export function parsePolicyFiles(files: readonly PolicyFile[]): Result<readonly Policy[], readonly PolicyProblem[]> {
  const tooMuch = findExcess(files);
  if (tooMuch.length > 0) return err(tooMuch);
  const read = files.map(readFile);
  const problems = [...read.flatMap((file) => capped(file.problems)), ...repeatedAcrossFiles(read)];
  if (problems.length > 0) return err(problems.sort(byPlace));
  return ok(read.flatMap((file) => file.policies.map(({ policy }) => policy)));
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

type Named = { readonly policy: Policy; readonly name: string; readonly problemAt: (finding: Finding) => PolicyProblem };
type ReadFile = { readonly policies: readonly Named[]; readonly names: readonly Omit<Named, 'policy'>[]; readonly problems: readonly PolicyProblem[] };

function readFile(file: PolicyFile): ReadFile {
  const lines = new LineCounter();
  const documents = readYaml(file, lines);
  if (!Array.isArray(documents)) return { policies: [], names: [], problems: [documents as PolicyProblem] };
  const filled = documents.filter((document, index) => index === 0 || document.contents !== null || document.errors.length > 0);
  const read = filled.map((document) => readDocument(document, file, lines));
  return { policies: read.flatMap((each) => each.policies), names: read.flatMap((each) => each.names), problems: read.flatMap((each) => each.problems) };
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

function readDocument(document: Document, file: PolicyFile, lines: LineCounter): ReadFile {
  const problemAt = (finding: Finding): PolicyProblem => ({
    file: file.name,
    ...placeOf(offsetOf(finding, document, file.text), lines),
    message: finding.message,
    remedy: finding.remedy,
  });
  const syntax = [...document.errors, ...document.warnings].map((error) => syntaxProblem(error, file, lines));
  const value = valueOf(document);
  if (!value.ok) return { policies: [], names: [], problems: [...syntax, problemAt(value.error)] };
  // What a broken file still says is not worth judging when its structure is in doubt.
  if (document.errors.some((error) => error.code !== 'DUPLICATE_KEY')) return { policies: [], names: [], problems: syntax };
  const form = checkForm(value.value);
  const findings = [...(form.ok ? [] : form.error), ...checkMeaning(value.value)];
  const problems = [...syntax, ...findings.map(problemAt)];
  const name = nameOf(value.value);
  const names = name === undefined ? [] : [{ name, problemAt }];
  return { policies: form.ok ? names.map((each) => ({ ...each, policy: form.value as Policy })) : [], names, problems };
}

function valueOf(document: Document): Result<unknown, Finding> {
  try {
    return ok(document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
  } catch {
    return err({ path: [], message: 'The aliases (*name) of this document stand for too much, or for nothing', remedy: 'Write the content out where it is used.' });
  }
}

function nameOf(value: unknown): string | undefined {
  const name = (value as { metadata?: { name?: unknown } } | null)?.metadata?.name;
  return typeof name === 'string' ? name : undefined;
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
  return files.flatMap((file) => file.names).flatMap(({ name, problemAt }) => {
    const place = problemAt({ path: ['metadata', 'name'], message: `The name "${name}" is used by two policies`, remedy: '' });
    const earlier = first.get(name);
    if (earlier === undefined) {
      first.set(name, place);
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
