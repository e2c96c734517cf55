import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-check-docs-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

function write(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

function check(): { readonly exitCode: number | null; readonly problems: readonly string[] } {
  const script = join(import.meta.dirname, 'check-docs.mjs');
  const result = spawnSync(process.execPath, [script, folder], { encoding: 'utf8', timeout: 30_000 });
  return { exitCode: result.status, problems: result.stdout.split('\n').filter(Boolean).sort() };
}

test('a tree whose documents agree with its files passes', () => {
  write({
    'README.md': '# Top\n\n[model](docs/threat-model.md#t-07-variables) [up](#top) [web](https://example.org/none)\n\n```\n[not](a-link.md)\n```\n',
    'docs/threat-model.md': '## T-07: variables\n',
    'docs/adr/0001-first.md': '# First\n',
    'docs/adr/0002-second.md': '# Second\n',
    'agent/src/a.ts': '// SECURITY(T-07): never expanded\n',
    'tests/security/t-07-variables.test.ts': '',
  });
  expect(check()).toEqual({ exitCode: 0, problems: [] });
});

test('each broken promise of the documents is named', () => {
  write({
    'README.md': '[gone](docs/gone.md)\n\n[heading](docs/threat-model.md#nowhere)\n',
    'docs/threat-model.md': '- T-07 variables\n- T-08 fuzzed\n',
    'docs/adr/0001-first.md': '',
    'docs/adr/0003-third.md': '',
    'docs/adr/0003-Fourth.md': '',
    'agent/native/a.c': '/* SECURITY(T-07): no test */\n/* SECURITY(T-99): no threat */\n/* SECURITY: no number */\n/* SECURITY(soon): no number */\n',
    'tests/security/t-070-other.test.ts': '',
  });
  expect(check()).toEqual({
    exitCode: 1,
    problems: [
      'README.md:1: link to docs/gone.md: no such file',
      'README.md:3: link to docs/threat-model.md#nowhere: no such heading',
      'agent/native/a.c:1: T-07 has no test tests/security/t-07*.test.ts',
      'agent/native/a.c:2: T-99 is not in docs/threat-model.md',
      'agent/native/a.c:3: SECURITY without a threat, write SECURITY(T-nn)',
      'agent/native/a.c:4: SECURITY(soon) names no threat, write SECURITY(T-nn)',
      'docs/adr/0003-Fourth.md: not called NNNN-kebab-case.md',
      'docs/adr/0003-third.md: number 0002 expected here',
      'tests/security/t-070-other.test.ts: T-070 is not in docs/threat-model.md',
    ].sort(),
  });
});
