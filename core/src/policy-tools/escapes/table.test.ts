import { describe, expect, test } from '@jest/globals';
import { assess, type EscapeFinding, escapeTable, programOf, type ProgramEntry, type Rewrite, rewriteFor } from './index.ts';

const table = escapeTable();
const names = table.flatMap((entry) => entry.names);

const summarized = (findings: readonly EscapeFinding[]): readonly string[] => findings.map(({ through, program, gives, severity, note }) => `${[...through, program].join(' > ')}: ${severity} ${gives}: ${note}`);
const guardsOf = ({ children }: { readonly children?: 'check' }): { readonly children?: 'check' } => (children === undefined ? {} : { children });

function left(command: string, rewrite: Rewrite): readonly string[] {
  switch (rewrite.kind) {
    case 'arguments':
      return summarized(assess({ command: rewrite.command, args: rewrite.args }, guardsOf(rewrite)));
    case 'children':
      return summarized(assess({ command }, { children: rewrite.children }));
    case 'deny':
      return [];
  }
}

describe('the table', () => {
  test('holds at least 300 programs, each name once, each found under its own name', () => {
    expect(names.length).toBeGreaterThanOrEqual(300);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
    expect(names.filter((name) => programOf(`/usr/bin/${name}`)?.names.includes(name) !== true)).toEqual([]);
  });

  test('says something of every escape and every safe form, in a sentence', () => {
    const texts = table.flatMap((entry) => [...entry.escapes, ...entry.safe].map(({ note }) => [entry.names[0], note]));
    expect(texts.filter(([, note]) => !/^\S.{8,}\.$/.test(note as string))).toEqual([]);
  });

  test('lists the entries by their first name', () => {
    const first = table.map((entry) => entry.names[0] as string);
    expect(first).toEqual(first.toSorted());
  });

  test.each([
    ['/usr/bin/python3.11', 'python'],
    ['/usr/bin/x86_64-linux-gnu-gcc-12', 'gcc'],
    ['/usr/bin/bzip2', 'bzip2'],
    ['vim.basic', 'vim'],
    ['/usr/bin/../bin/find', 'find'],
    ['/opt/belay/own', undefined],
    ['', undefined],
    [`/usr/bin/${'9'.repeat(100_000)}`, undefined],
  ])('%.40s is %s', (path, name) => {
    expect(programOf(path)?.names[0]).toBe(name);
  });
});

/** Each of the table's programs under its first name, and how it stands when it is granted with anything at all. */
const everyProgram: readonly (readonly [string, ProgramEntry])[] = table.map((entry) => [entry.names[0] as string, entry]);

describe('every program of the table', () => {
  test.each(everyProgram)('%s is flagged when it is granted with any arguments and no guards', (name) => {
    const command = `/usr/bin/${name}`;
    const severities = assess({ command }).map(({ severity }) => severity);
    expect(severities.filter((severity) => severity !== 'low')).not.toEqual([]);
    expect(summarized(assess({ command, args: ['**'] }))).toEqual(summarized(assess({ command })));
  });

  test.each(everyProgram)('%s has a rewrite, and each one that is proposed leaves nothing open', (name) => {
    const command = `/usr/bin/${name}`;
    const rewrites = rewriteFor({ command });
    expect(rewrites).not.toEqual([]);
    expect(rewrites.flatMap((rewrite) => left(command, rewrite))).toEqual([]);
    for (const rewrite of rewrites) if (rewrite.kind === 'arguments') expect(rewriteFor(rewrite, guardsOf(rewrite))).toEqual([]);
  });

  test.each(everyProgram.filter(([, { safe }]) => safe.length > 0))('%s is sound in each of its safe forms', (name, { safe }) => {
    const command = `/usr/bin/${name}`;
    expect(safe.flatMap((form) => summarized(assess({ command: form.command ?? command, args: form.args }, guardsOf(form))))).toEqual([]);
  });

  test.each(everyProgram)('%s is flagged for every escape it has, with children allowed and its environment kept', (name, { escapes }) => {
    const keeps = [...escapes.flatMap(({ way }) => (way.by === 'environment' ? way.names.split(' ') : [])), 'HOME'];
    const found = new Set(assess({ command: `/usr/bin/${name}` }, { keeps, children: 'allow' }).map(({ note }) => note));
    expect(escapes.map(({ note }) => note).filter((note) => !found.has(note))).toEqual([]);
  });
});
