import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { decide, type Decision, decodeBundle, encodeBundle, loadPolicySet, type PolicySet, rulePaths } from '../../core/src/policy/index.ts';
import { compilePolicy, formatProblems, parsePolicyDocuments, type PolicyDocument } from '../../core/src/policy-tools/index.ts';
import { factNames } from '../../tools/generate-policy-reference.mjs';
import { projectRoot } from '../../tools/node26.mjs';
import { questionIn } from '../policy-cases/world.ts';
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

/** The policies of a lesson, through the bundle as a device gets them. */
function setOf(lesson: Lesson): PolicySet {
  const names = lesson.documents.map(({ name }) => name);
  const policies = documentsOf(blocks).filter(({ file, policy }) => policy !== undefined && names.includes(file));
  return loadPolicySet(policies.map(({ policy }) => {
    const decoded = decodeBundle(encodeBundle(compilePolicy(policy as NonNullable<typeof policy>)));
    if (!decoded.ok) throw new Error(decoded.error.message);
    return decoded.value;
  }));
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

test('every fact of expressions is on the page', () => {
  for (const [name] of factNames()) expect(page).toContain(`\`${name}\``);
});

for (const lesson of lessons.filter(({ tables }) => tables.length > 0)) {
  describe(lesson.heading, () => {
    const set = setOf(lesson);
    test.each(rowsOf(lesson))('%s', (_title, row, answers) => {
      const { world, ask } = requestOf(row);
      const { request, context } = questionIn(world, { ...ask, rulePaths: rulePaths(set) });
      const found = told(decide(set, request, context));
      expect(answers.map((answer) => [answer, found[answer]])).toEqual(answers.map((answer) => [answer, row[answer] ?? '']));
    });
  });
}
