import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { DEFAULT_CONFIG, parseConfig, readConfig, retentionMs } from './config.ts';

test('an empty file means the defaults; each key replaces its own', () => {
  expect(parseConfig('')).toEqual({ ok: true, value: DEFAULT_CONFIG });
  expect(parseConfig('sudo: { pamSession: false }\njournal: { retentionDays: 2 }\n')).toEqual({
    ok: true,
    value: { ...DEFAULT_CONFIG, sudo: { pamAccount: true, pamSession: false }, journal: { ...DEFAULT_CONFIG.journal, retentionDays: 2 } },
  });
  expect(retentionMs(DEFAULT_CONFIG)).toBe(30 * 86_400_000);
});

test.each([
  ['sudo: { pamsession: true }', /pamsession/],
  ['sud: {}', /sud/],
  ['approvals: { askedAtOnce: 0 }', /approvals\.askedAtOnce/],
  ['journal: { maxBytes: 1 }', /journal\.maxBytes/],
  ['journal: { maxBytes: lots }\nlog: { level: loud }', /journal\.maxBytes.*log\.level/],
  ['a: [', /./],
  ['sudo: { pamAccount: true }\nsudo: { pamAccount: false }', /unique/i],
  ['- x', /the file/],
])('%j is refused with every fault', (text, said) => {
  const parsed = parseConfig(text);
  expect(parsed.ok ? 'accepted' : parsed.error).toMatch(said);
});

test('the document says every key, its default and nothing else', () => {
  const said = [...readFileSync(new URL('../../../docs/agent-config.md', import.meta.url), 'utf8').matchAll(/^\| `([\w.]+)` \| `(.+?)` \|/gm)].map(([, key, value]) => [key, value]);
  const held = Object.entries(DEFAULT_CONFIG).flatMap(([group, keys]) => Object.entries(keys).map(([key, value]) => [`${group}.${key}`, `${value}`]));
  expect(said).toEqual(held);
});

test('an absent file means the defaults; one that others may write is not obeyed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'belay-config-'));
  const file = join(folder, 'agent.yaml');
  expect(readConfig(file)).toEqual({ ok: true, value: DEFAULT_CONFIG });
  writeFileSync(file, '');
  chmodSync(file, 0o622);
  const open = readConfig(file);
  rmSync(folder, { recursive: true });
  expect(open).toMatchObject({ ok: false, error: expect.stringContaining('writable by nobody else') });
});
