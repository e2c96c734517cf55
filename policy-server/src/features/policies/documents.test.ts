import { expect, test } from '@jest/globals';
import { isLibrary, nextDocuments } from './documents.ts';

const policy = (name: string, run = 'any') => `apiVersion: belay/v1
kind: Policy
metadata: { name: ${name} }   # ${name}
rules:
  - { name: r, who: ["user:a"], run: ${run}, then: allow }`;
const set = (command: string) => `apiVersion: belay/v1
kind: CommandSet
metadata: { name: tools }
run: [{ command: ${command} }]
`;

function taken(result: ReturnType<typeof nextDocuments>) {
  if (!result.ok) throw new Error(JSON.stringify(result.error));
  return result.value;
}

const sourcesOf = (text: string) => taken(nextDocuments([{ name: 'f', text }], [])).prepared.map(({ held }) => [held.name, held.source]);

test('a file with one policy is its source, to the byte', () => {
  const text = `# head\n---\n${policy('one')}\n\n# tail\n`;
  expect(sourcesOf(text)).toEqual([['one', text]]);
});

test('of several policies in a file each has its own part, comments before it included', () => {
  const text = `# head\n---\n${policy('one')}\n---\n# about two\n${policy('two')}\n...\n---\n${policy('three')}`;
  const parts = sourcesOf(text);
  expect(parts).toEqual([['one', `# head\n---\n${policy('one')}\n`], ['two', `# about two\n${policy('two')}\n`], ['three', `${policy('three')}\n`]]);
  for (const [name, source] of parts) expect(sourcesOf(source as string)).toEqual([[name, source]]);
});

const heldOf = (files: readonly { name: string; text: string }[]) => taken(nextDocuments(files, [])).prepared.map(({ held }) => held);

test('a set that changes compiles anew what uses it, and leaves the rest as it is', () => {
  const before = heldOf([{ name: 'set.yaml', text: set('/usr/bin/a') }, { name: 'uses.yaml', text: policy('uses', '[{ set: tools }]') }, { name: 'plain.yaml', text: policy('plain') }]);
  expect(before.map((each) => [each.name, isLibrary(each)])).toEqual([['CommandSet/tools', true], ['uses', false], ['plain', false]]);
  const next = taken(nextDocuments([{ name: 'set.yaml', text: set('/usr/bin/b') }], before));
  expect(next.kept.map(({ name }) => name)).toEqual(['plain']);
  const uses = next.prepared.find(({ held }) => held.name === 'uses');
  expect(uses?.compiled?.rules[0]?.run.is[0]?.command).toBe('/usr/bin/b');
  expect(uses?.held).toMatchObject({ file_name: 'uses.yaml', source: before[1]?.source });
  expect(uses?.held.digest).not.toEqual(before[1]?.digest);
});

test('a change that breaks a held policy is refused, and said where the held policy is', () => {
  const before = heldOf([{ name: 'set.yaml', text: set('/usr/bin/a') }, { name: 'uses.yaml', text: policy('uses', '[{ set: tools }]') }]);
  const next = nextDocuments([{ name: 'set.yaml', text: set('"/usr/bin/{{x}}"').replace('run:', 'parameters: { x: {} }\nrun:') }], before);
  expect(next).toMatchObject({ ok: false, error: [{ file: 'uses.yaml (in force)', message: expect.stringContaining('"x"') }] });
});

test('a policy may use a set that is in force already', () => {
  const before = heldOf([{ name: 'set.yaml', text: set('/usr/bin/a') }]);
  expect(taken(nextDocuments([{ name: 'new.yaml', text: policy('new', '[{ set: tools }]') }], before)).prepared.map(({ held }) => held.name)).toEqual(['new', 'CommandSet/tools']);
  expect(nextDocuments([{ name: 'new.yaml', text: policy('new', '[{ set: tols }]') }], before)).toMatchObject({ ok: false, error: [{ remedy: 'Did you mean tools?' }] });
});
