import { readFileSync } from 'node:fs';
import { expect, test } from '@jest/globals';
import { policyJsonSchema, policyTestJsonSchema } from '@belay/core/policy-tools';
import { factMeanings, factNames, notEnforced, policyReference, policyReferenceFile } from './generate-policy-reference.mjs';

/** Each row of a table that begins with `name`, its cells. */
function rowsOf(name: string): readonly (readonly string[])[] {
  return policyReference().split('\n').filter((line) => line.startsWith(`| \`${name}\` |`)).map((line) => line.slice(2, -2).split(/(?<!\\) \| /));
}

/** Every property name anywhere in the JSON Schema. */
function keysIn(schema: unknown): ReadonlySet<string> {
  const found = new Set<string>();
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return;
    for (const [key, each] of Object.entries(value)) {
      if (key === 'properties') for (const property of Object.keys(each as object)) found.add(property);
      visit(each);
    }
  };
  visit(schema);
  return found;
}

test('docs/policy-reference.md is what the schemas say', () => {
  expect(readFileSync(policyReferenceFile, 'utf8')).toBe(policyReference());
});

test('every key of every document has a row, and none is without a meaning', () => {
  const keys = new Set([...keysIn(policyJsonSchema()), ...keysIn(policyTestJsonSchema())]);
  expect(keys.size).toBeGreaterThan(70);
  for (const key of keys) {
    const rows = rowsOf(key);
    expect([key, rows.length > 0]).toEqual([key, true]);
    for (const [, , meaning] of rows) expect([key, key === 'kind' || meaning?.trim() !== '']).toEqual([key, true]);
  }
});

test('every fact has its type and meaning, and there are no others', () => {
  expect(Object.keys(factMeanings)).toEqual(factNames().map(([name]) => name));
  for (const [name, meaning] of Object.entries(factMeanings)) expect(rowsOf(name).some((row) => row.at(-1) === meaning)).toBe(true);
});

test('what the agent refuses for want of an enforcer is listed, and what it meets is not', () => {
  const listed = policyReference().split('## What an agent does not enforce yet')[1];
  expect(listed?.match(/(?<=^- `).*(?=`$)/gm) ?? []).toEqual(notEnforced());
  expect(notEnforced().some((name) => name === 'require.reauth' || name === 'require.reason')).toBe(false);
});

test.each([
  ['what must be there', 'then', ['`allow` or `ask` or `deny`', 'must be there']],
  ['what holds where it is left out', 'priority', ['whole number, -1000000 to 1000000', '0']],
  ['what an allow means without it', 'as', ['root:root in allow and ask, any identity in deny']],
  ['where its parts are', 'escalate', ['[rules[].require.approval[].escalate](#rulesrequireapprovalescalate)']],
  ['what may be one or a list', 'approval', ['[rules[].require.approval[]](#rulesrequireapproval) or list of [rules[].require.approval[]](#rulesrequireapproval)']],
  ['what is in a list', 'networks', ['list of text', 'Over SSH, from one of these. Each: An address, or a network in CIDR notation.']],
])('it tells %s', (_what, key, cells) => {
  expect(rowsOf(key)[0]).toEqual(expect.arrayContaining(cells));
});
