import { type Document, LineCounter, parseAllDocuments, type YAMLError } from 'yaml';
import { err, ok, type Result } from '../result.ts';
import { offsetOf, placeOf } from './place.ts';
import { byPlace, type Finding, type PolicyProblem } from './problem.ts';

export type PolicyFile = { readonly name: string; readonly text: string };

/** Nodes that aliases may stand for, counted through all levels: no "billion laughs". */
const MAX_ALIASES = 100;
/** A problem told ten thousand times helps nobody. */
const MAX_PROBLEMS_PER_FILE = 200;

export type ProblemAt = (finding: Finding) => PolicyProblem;

/** One document of a file, not yet judged. `from`, `to`: its part of the text, the marker before it included. */
export type YamlDocument = {
  readonly value: Result<unknown, Finding>;
  /** What is wrong with the YAML itself. */
  readonly syntax: readonly PolicyProblem[];
  /** What a broken document still says is not worth judging when its structure is in doubt. */
  readonly isSound: boolean;
  readonly from: number;
  readonly to: number;
  readonly problemAt: ProblemAt;
  readonly lineAt: (offset: number) => number;
};

/** The documents of a file; a problem where there are none. `begin`: what to do about an empty file. */
export function readYamlFile(file: PolicyFile, begin: string): Result<readonly YamlDocument[], PolicyProblem> {
  const lines = new LineCounter();
  const parsed = parseYaml(file, lines, begin);
  if (!parsed.ok) return parsed;
  const read: YamlDocument[] = [];
  let from = 0;
  for (const [index, document] of parsed.value.entries()) {
    const end = document.range?.[2] ?? file.text.length;
    const isFilled = index === 0 || document.contents !== null || document.errors.length > 0;
    if (isFilled) read.push({ ...readDocument(document, file, lines), from, to: parsed.value.length === 1 ? file.text.length : end });
    from = end;
  }
  return ok(read);
}

function parseYaml(file: PolicyFile, lines: LineCounter, begin: string): Result<readonly Document[], PolicyProblem> {
  const start = { file: file.name, line: 1, column: 1 };
  try {
    const documents = parseAllDocuments(file.text, { lineCounter: lines, uniqueKeys: true, strict: true, merge: false, prettyErrors: false, version: '1.2' });
    if ('empty' in documents || documents.length === 0) return err({ ...start, message: 'The file is empty', remedy: begin });
    return ok(documents as unknown as readonly Document[]);
  } catch {
    return err({ ...start, message: 'The file cannot be read as YAML', remedy: 'It is nested too deeply, or no YAML at all.' });
  }
}

function readDocument(document: Document, file: PolicyFile, lines: LineCounter): Omit<YamlDocument, 'from' | 'to'> {
  return {
    value: valueOf(document),
    syntax: [...document.errors, ...document.warnings].map((error) => syntaxProblem(error, file, lines)),
    isSound: document.errors.every((error) => error.code === 'DUPLICATE_KEY'),
    problemAt: (finding) => ({ file: file.name, ...placeOf(offsetOf(finding, document, file.text), lines), message: finding.message, remedy: finding.remedy }),
    lineAt: (offset) => placeOf(offset, lines).line,
  };
}

function valueOf(document: Document): Result<unknown, Finding> {
  try {
    return ok(document.toJS({ maxAliasCount: MAX_ALIASES }) as unknown);
  } catch {
    return err({ path: [], message: 'The aliases (*name) of this document stand for too much, or for nothing', remedy: 'Write the content out where it is used.' });
  }
}

function syntaxProblem(error: YAMLError, file: PolicyFile, lines: LineCounter): PolicyProblem {
  const place = { file: file.name, ...placeOf(error.pos[0], lines) };
  const message = error.message.split('\n')[0] as string;
  // The parser ran out of stack.
  if (/call stack/i.test(message)) return { ...place, message: 'From here on it is nested too deeply', remedy: 'Take brackets and levels away.' };
  return { ...place, message, remedy: SYNTAX_REMEDIES[error.code] ?? 'Correct the YAML; indentation is by spaces.' };
}

const SYNTAX_REMEDIES: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'Keep one of the two.',
  TAG_RESOLVE_FAILED: 'YAML takes a leading "!" for a tag: put the text in quotes, for instance "!group:interns".',
  BAD_INDENT: 'Bring the lines of one map or list to the same indentation.',
  TAB_AS_INDENT: 'Indent by spaces.',
  MISSING_CHAR: 'Close the bracket or quote.',
};

/** In the order of the file, and not too many. */
export function capped(problems: readonly PolicyProblem[]): readonly PolicyProblem[] {
  const sorted = [...problems].sort(byPlace);
  const rest = sorted.length - MAX_PROBLEMS_PER_FILE;
  const next = sorted[MAX_PROBLEMS_PER_FILE];
  if (next === undefined) return sorted;
  return [...sorted.slice(0, MAX_PROBLEMS_PER_FILE), { ...next, message: `${rest} more problems from here on`, remedy: 'Correct those above first.' }];
}
