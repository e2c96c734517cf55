import { err, ok, type Result } from '../../result.ts';
import { findingsOfIssues } from '../form.ts';
import { byPlace, type Finding, type PolicyProblem } from '../problem.ts';
import { capped, type PolicyFile, readYamlFile, type YamlDocument } from '../yaml-file.ts';
import { MAX_FILE_CHARS } from '../parse.ts';
import { checkCases } from './meaning.ts';
import { type CaseShape, knownKeysAt, policyTestSchema } from './schema.ts';
import type { World } from './schema-world.ts';

/** One document of kind PolicyTest, without errors. Made by `loadCaseFile`. */
export type CaseSuite = {
  /** metadata.name. */
  readonly name: string;
  readonly description: string;
  readonly file: string;
  /** As written, relative to the file; undefined: every policy file beside it. */
  readonly policies: readonly string[] | undefined;
  readonly world: World;
  readonly cases: readonly PolicyCase[];
};

/** `line`: where it begins in its file, from 1. */
export type PolicyCase = CaseShape & { readonly line: number };

const BEGIN = 'Begin with apiVersion: belay/v1 and kind: PolicyTest.';

/** Every suite of a file, or every error of it, with line, column and what to do. */
export function loadCaseFile(file: PolicyFile): Result<readonly CaseSuite[], readonly PolicyProblem[]> {
  if (file.text.length > MAX_FILE_CHARS) return err([{ file: file.name, line: 1, column: 1, message: 'The file is larger than 2 MiB', remedy: 'Split it into several.' }]);
  const documents = readYamlFile(file, BEGIN);
  if (!documents.ok) return err([documents.error]);
  const read = documents.value.map((document) => readSuite(document, file.name));
  const problems = read.flatMap((each) => each.problems);
  if (problems.length > 0) return err([...capped(problems)].sort(byPlace));
  return ok(read.flatMap(({ suite }) => (suite === undefined ? [] : [suite])));
}

/** Whether a document of the file is a policy test, right or wrong. For whoever looks for cases in a folder: what cannot be read is one. */
export function holdsCases(file: PolicyFile): boolean {
  const kinds = kindsOf(file);
  return kinds === undefined || kinds.includes('PolicyTest');
}

/** Whether the file holds cases and nothing else: then it is nothing to apply. What cannot be read is not. */
export function isCaseFile(file: PolicyFile): boolean {
  const kinds = kindsOf(file) ?? [];
  return kinds.length > 0 && kinds.every((kind) => kind === 'PolicyTest');
}

/** Undefined: they cannot be read. */
function kindsOf(file: PolicyFile): readonly unknown[] | undefined {
  // Most files need no look.
  if (!file.text.includes('PolicyTest')) return [];
  const documents = readYamlFile(file, BEGIN);
  if (!documents.ok || !documents.value.every(({ value, isSound }) => value.ok && isSound)) return undefined;
  return documents.value.map(({ value }) => (value.ok ? (value.value as { readonly kind?: unknown } | null)?.kind : undefined));
}

type Read = { readonly suite?: CaseSuite; readonly problems: readonly PolicyProblem[] };

function readSuite({ value, syntax, isSound, problemAt }: YamlDocument, file: string): Read {
  if (!value.ok) return { problems: [...syntax, problemAt(value.error)] };
  if (!isSound) return { problems: syntax };
  const wrongKind = kindFinding(value.value);
  if (wrongKind !== undefined) return { problems: [...syntax, problemAt(wrongKind)] };
  const parsed = policyTestSchema.safeParse(value.value);
  const findings = parsed.success ? checkCases(parsed.data) : findingsOfIssues(parsed.error.issues, value.value, knownKeysAt);
  const problems = [...syntax, ...findings.map(problemAt)];
  if (problems.length > 0 || !parsed.success) return { problems };
  const { metadata, policies, world, cases } = parsed.data;
  const placed = cases.map((each, index) => ({ ...each, line: problemAt({ path: ['cases', index], message: '', remedy: '' }).line }));
  return { suite: { name: metadata.name, description: metadata.description ?? '', file, policies, world: world ?? {}, cases: placed }, problems };
}

function kindFinding(value: unknown): Finding | undefined {
  const kind = typeof value === 'object' && value !== null ? (value as { readonly kind?: unknown }).kind : undefined;
  if (kind === 'PolicyTest') return undefined;
  return { path: kind === undefined ? [] : ['kind'], message: 'A file of cases holds documents of kind PolicyTest only', remedy: 'Keep policies in files of their own, and name those under policies.' };
}
