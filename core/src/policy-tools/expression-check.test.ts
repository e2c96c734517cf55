import { expect, test } from '@jest/globals';
import { FACTS } from '../policy/index.ts';
import { checkExpression } from './expression-check.ts';

const SETS = ['groups', 'programs', 'labels'];

test('every fact can be written: none is a word that CEL keeps for itself', () => {
  const facts = Object.entries(FACTS).flatMap(([name, type]): readonly (readonly [string, string])[] => (typeof type === 'string' ? [[name, type]] : Object.entries(type).map(([part, each]) => [`${name}.${part}`, each])));
  expect(facts.length).toBeGreaterThan(30);
  for (const [fact, type] of facts) expect([fact, checkExpression(SETS.includes(type) ? `"x" in ${fact}` : `${fact} == ${fact}`)]).toEqual([fact, []]);
});

test('whoever writes package is told what to write instead', () => {
  expect(checkExpression('terminal && package.name == "nginx"')[0]?.remedy).toContain('write pkg, for instance pkg.name');
});
