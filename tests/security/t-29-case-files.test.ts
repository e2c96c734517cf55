// T-29. Attacker: whoever may write a file of cases, or a policy, that somebody else runs: escape sequences, line breaks, markup.
// Set-up: a policy and a file of cases that hold such text wherever they may hold any, all cases failing. Procedure: `belayctl policy test`
// as table, as JSON and as JUnit XML. Nothing that acts may reach the terminal, and no markup of the attacker's may be in the XML.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { nodeArguments } from '../support/programs.ts';

const hostile = [
  '\u001b[2J\u001b[31mred\u001b]0;title\u0007', 'line\nok    everything\r\nmore', '</failure></testcase><testcase name="passed"/><failure message="', ']]>', '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>&a;',
  '\u009b31m', '\u202etxt.exe', '\u2028next', '\ufeff', '\u0001\u0008\ufffe',
];
const failing = hostile.map((text, index) => ({ name: `case ${index}`, who: 'ada', run: ['/usr/bin/id', text], cwd: `/${text}`, env: [`A=${text}`], expect: { decision: 'allow', message: text, by: [`p/${text}`] } }));
const markup = hostile.slice(2, 5).map((text) => ({ name: text, who: 'ada', run: ['/usr/bin/id'], expect: 'allow' }));

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-t29-'));
  writeFileSync(join(folder, 'p.yaml'), JSON.stringify({ apiVersion: 'belay/v1', kind: 'Policy', metadata: { name: 'p' }, rules: [{ name: markup[0]?.name, who: ['user:bob'], run: [{ command: '/usr/bin/id', args: [hostile[0]] }], cwd: [`/${hostile[1]}`], then: 'allow' }] }));
  writeFileSync(join(folder, 'p.test.yaml'), JSON.stringify({ apiVersion: 'belay/v1', kind: 'PolicyTest', metadata: { name: 't', description: markup[1]?.name }, cases: [...failing, ...markup] }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function run(...args: readonly string[]): { readonly code: number | null; readonly text: string } {
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments('belayctl', ['policy', 'test', '.', ...args]), { cwd: folder, encoding: 'utf8', timeout: 60_000 });
  return { code: status, text: stdout + stderr };
}

const active = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;

test('the table shows it inert, a line a case', () => {
  const { code, text } = run('--coverage');
  expect([code, text]).toEqual([11, expect.stringContaining('red')]);
  expect(text.replaceAll('\n', '')).not.toMatch(active);
  expect(text.split('\n').filter((line) => /^ {2}(?:ok|FAIL) /.test(line)).map((line) => line.slice(2, 6))).toEqual([...failing, ...markup].map(() => 'FAIL'));
});

test('JSON holds it as text', () => {
  const { code, text } = run('--json');
  expect(code).toBe(11);
  expect(text.replaceAll('\n', '')).not.toMatch(active);
  expect((JSON.parse(text) as { suites: { cases: { name: string }[] }[] }).suites[0]?.cases.at(-1)?.name).toBe(markup.at(-1)?.name);
});

test('JUnit XML is one element a case, and holds no character that XML cannot', () => {
  expect(run('--junit', 'results.xml').code).toBe(11);
  const xml = readFileSync(join(folder, 'results.xml'), 'utf8');
  expect(xml.replaceAll('\n', '')).not.toMatch(active);
  expect(xml).not.toMatch(/[\ufffe\uffff]|<!|\]\]>/);
  // Every tag there is, and every "&" begins one of five entities.
  const tags = [...xml.matchAll(/<(\/?[a-z?]+)[^<>]*>/g)].map((match) => match[1]);
  expect(new Set(tags)).toEqual(new Set(['?xml', 'testsuites', 'testsuite', 'testcase', 'failure', '/failure', '/testcase', '/testsuite', '/testsuites']));
  expect(tags.filter((tag) => tag === 'testcase')).toHaveLength(failing.length + markup.length);
  expect(xml.split('<').length - 1).toBe(tags.length);
  expect(xml.replace(/&(?:amp|lt|gt|quot|apos);/g, '')).not.toContain('&');
});
