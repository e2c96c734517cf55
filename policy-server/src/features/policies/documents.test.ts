import { expect, test } from '@jest/globals';
import { policiesWithSource } from './documents.ts';

const policy = (name: string) => `apiVersion: belay/v1
kind: Policy
metadata: { name: ${name} }   # ${name}
rules:
  - { name: r, who: ["user:a"], run: any, then: allow }`;

test('a file with one policy is its source, to the byte', () => {
  const text = `# head\n---\n${policy('one')}\n\n# tail\n`;
  expect(policiesWithSource({ name: 'f', text }).map(({ source }) => source)).toEqual([text]);
});

test('of several policies in a file each has its own part, comments before it included', () => {
  const text = `# head\n---\n${policy('one')}\n---\n# about two\n${policy('two')}\n...\n---\n${policy('three')}`;
  const parts = policiesWithSource({ name: 'f', text });
  expect(parts.map(({ policy: { metadata }, source }) => [metadata.name, source])).toEqual([
    ['one', `# head\n---\n${policy('one')}\n`], ['two', `# about two\n${policy('two')}\n`], ['three', `${policy('three')}\n`],
  ]);
  for (const { source, policy: { metadata } } of parts) expect(policiesWithSource({ name: 'g', text: source })[0]?.policy.metadata).toEqual(metadata);
});
