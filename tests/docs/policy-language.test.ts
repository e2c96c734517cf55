import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { sha256 } from '../../core/node/crypto.ts';
import { decide, type Decision, loadPolicySet, rulePaths } from '../../core/src/policy/index.ts';
import { formatProblems, loadCaseFile, parsePolicyDocuments, type PolicyDocument, questionIn, runCases, type TestedPolicies, testedPolicies } from '../../core/src/policy-tools/index.ts';
import { lint } from '../../core/src/policy-tools/lint/index.ts';
import { factNames } from '../../tools/generate-policy-reference.mjs';
import { projectRoot } from '../../tools/node26.mjs';
import { type Block, type Lesson, lessonsOf, type Row } from './course.ts';
import { deciders, demandsText, obligationsText, requestOf } from './request.ts';

// docs/policy-language.md teaches by example. Each example is read, each error text comes out, each row of a table is decided.
const page = readFileSync(join(projectRoot, 'docs', 'policy-language.md'), 'utf8');
const lessons = lessonsOf(page);

function documentsOf(blocks: readonly Block[]): readonly PolicyDocument[] {
  const parsed = parsePolicyDocuments(blocks);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  return parsed.value;
}

const isPolicy = ({ kind }: Block): boolean => kind === 'policy';
const blocks = lessons.flatMap(({ documents }) => documents).filter(isPolicy);

/** The policies of these files, sets of all the page filled in, through the bundle as a device gets them. */
function policiesOf(names: readonly string[]): TestedPolicies {
  const tested = testedPolicies(documentsOf(blocks).filter(({ file }) => names.includes(file)));
  if (!tested.ok) throw new Error(formatProblems(tested.error));
  return tested.value;
}

type Told = 'decision' | 'rule' | 'demands' | 'carries';

function told(decision: Decision): Readonly<Record<Told, string>> {
  return {
    decision: decision.kind,
    rule: deciders(decision).join(', '),
    demands: decision.kind === 'ask' ? demandsText(decision.demands) : '',
    carries: decision.kind === 'deny' ? '' : obligationsText(decision.obligations),
  };
}

/** Each row, and which of its columns are answers. */
function rowsOf({ tables }: Lesson): readonly (readonly [string, Row, readonly Told[]])[] {
  return tables.flatMap(({ columns, rows }) => {
    const answers = (['decision', 'rule', 'demands', 'carries'] as const).filter((column) => columns.includes(column));
    return rows.map((row) => [Object.values(row).join(' · '), row, answers] as const);
  });
}

test('the page has lessons, examples, mistakes and tables to speak of', () => {
  expect(blocks.length).toBeGreaterThan(20);
  expect(lessons.flatMap(({ faulty }) => faulty).length).toBeGreaterThan(2);
  expect(lessons.flatMap(({ doubtful: found }) => found).length).toBeGreaterThan(0);
  expect(lessons.flatMap(rowsOf).length).toBeGreaterThan(80);
});

test('all policies of the page are one fleet without errors', () => {
  expect(documentsOf(blocks).length).toBeGreaterThanOrEqual(blocks.length);
});

const faulty = lessons.flatMap((lesson) => lesson.faulty);
test.each(faulty.map((block) => [block.name, block] as const))('%s is wrong, and the page says how', (_name, block) => {
  const parsed = parsePolicyDocuments([...blocks, block]);
  expect(parsed.ok ? '' : formatProblems(parsed.error)).toBe(block.told);
});

const doubtful = lessons.flatMap((lesson) => lesson.doubtful);
test.each(doubtful.map((block) => [block.name, block] as const))('%s is doubtful, and the page says what lint finds', (_name, block) => {
  const open = lint(documentsOf([block])).filter(({ accepted }) => accepted === undefined);
  const lines = open.map(({ line, severity, code, message }) => `line ${line}  ${severity}  ${code}  ${message}`);
  expect(lines.length === 0 ? ['nothing'] : lines).toEqual(block.told.split('\n'));
});

test('every fact of expressions is on the page', () => {
  for (const [name] of factNames()) expect(page).toContain(`\`${name}\``);
});

for (const lesson of lessons.filter(({ tables }) => tables.length > 0)) {
  describe(lesson.heading, () => {
    const set = loadPolicySet(policiesOf(lesson.documents.map(({ name }) => name)).map(({ policy }) => policy));
    test.each(rowsOf(lesson))('%s', (_title, row, answers) => {
      const { world, ask } = requestOf(row);
      const { request, context } = questionIn(world, ask, { sha256, rulePaths: rulePaths(set) });
      const found = told(decide(set, request, context));
      expect(answers.map((answer) => [answer, found[answer]])).toEqual(answers.map((answer) => [answer, row[answer] ?? '']));
    });
  });
}

const caseFiles = lessons.flatMap(({ documents }) => documents).filter(({ kind }) => kind === 'cases');
test.each(caseFiles.map((block) => [block.name, block] as const))('%s holds', (_name, block) => {
  const suites = loadCaseFile(block);
  if (!suites.ok) throw new Error(formatProblems(suites.error));
  const results = suites.value.flatMap((suite) => runCases(suite, policiesOf(suite.policies ?? []), sha256).results);
  expect(results.length).toBeGreaterThan(0);
  expect(results.filter(({ mismatches }) => mismatches.length > 0)).toEqual([]);
});
