import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { LINT_CODES, type LintFinding } from '@belay/core/policy-tools';
import { ADMIN_PASSWORD, startTestFleet } from '../../tests/support/ctl.ts';
import { nodeArguments } from '../../tests/support/programs.ts';
import { projectRoot } from '../../tools/node26.mjs';

// `belayctl policy check` as a process of its own; without a server, a session or a home but for the last test.
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'belay-policy-check-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

function check(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments('belayctl', ['policy', 'check', ...args]), {
    cwd: folder, encoding: 'utf8', input, env: { PATH: process.env['PATH'] ?? '', HOME: '/nonexistent' },
  });
  return { code: status, stdout, stderr };
}

function files(texts: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(texts)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), text);
  }
}

const head = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: developers }\nrules:\n';
const clean = `${head}  - { name: look, who: ["group:developers"], run: [{ command: /usr/bin/id }], then: allow }\n`;
const less = '{ command: /usr/bin/less, args: [/var/log/syslog] }';
const found = `${head}  - { name: logs, who: ["group:developers"], run: [${less}], then: allow }\n`;
const warned = `${head}  - { name: own, who: ["group:developers"], run: [{ command: /home/ada/x }], then: allow }\n`;
const cases = 'apiVersion: belay/v1\nkind: PolicyTest\nmetadata: { name: daily }\ncases: [{ name: look, who: ada, groups: [developers], run: [/usr/bin/id], expect: allow }]\n';

describe('what it ends with', () => {
  test('0 for nothing, 12 for findings as severe as --fail-on, 7 for faulty files', () => {
    files({ 'clean.yaml': clean, 'found.yaml': found, 'warned.yaml': warned, 'faulty.yaml': `${head}  - { name: x, then: alow }\n` });
    expect(check(['clean.yaml'])).toMatchObject({ code: 0, stdout: '1 policy without findings.\n', stderr: expect.stringContaining('recovery') });
    expect(check(['found.yaml']).code).toBe(12);
    expect(check(['warned.yaml']).code).toBe(0);
    expect(check(['warned.yaml', '--fail-on', 'warning']).code).toBe(12);
    expect(check(['warned.yaml', '--fail-on', 'note']).code).toBe(12);
    expect(check(['faulty.yaml'])).toMatchObject({ code: 7, stdout: '', stderr: expect.stringMatching(/^faulty\.yaml:5:22: .*\nbelayctl: one error\n$/) });
    expect(check(['clean.yaml', '--format', 'xml']).code).toBe(2);
    expect(check(['absent.yaml']).code).toBe(2);
  });

  test('what a comment accepts does not count, and is told', () => {
    files({ 'a.yaml': warned.replace('  - {', '  # belay: accept user-writable because root owns it\n  - {') });
    expect(check(['--fail-on', 'note'])).toMatchObject({ code: 0, stdout: 'a.yaml:6:51: accepted user-writable: root owns it\n\n1 policy without findings; 1 accepted.\n' });
  });
});

test('places are paths that can be opened; cases are left out; stdin and -f are read as well', () => {
  files({ 'policies/sub/a.yaml': found, 'policies/a.test.yaml': cases });
  expect(check([]).stdout).toMatch(/^policies\/sub\/a\.yaml:5:52: error escape-shell: /m);
  expect(check(['policies']).stdout).toMatch(/^policies\/sub\/a\.yaml:5:52: /m);
  expect(check(['policies/sub/a.yaml', 'policies/a.test.yaml']).code).toBe(12);
  expect(check(['-f', 'policies']).code).toBe(12);
  expect(check(['-'], found).stdout).toMatch(/^stdin\.yaml:5:52: /m);
  expect(check(['policies/a.test.yaml'])).toMatchObject({ code: 2, stderr: expect.stringContaining('policy test') });
});

test('the table says what, why and what instead, and how many of each; nothing in it acts on a terminal', () => {
  files({ 'a.yaml': `${head}  - { name: logs, who: ["group:developers"], run: [${less}], then: allow }\n  - { name: own, who: any, run: [{ command: /usr/bin/less, args: ["/var/log/\\e[2J"] }], then: allow }\n` });
  const { stdout } = check([]);
  expect(stdout).toContain('a.yaml:5:52: error escape-shell: /usr/bin/less /var/log/syslog can start a shell or any program.\n    A key starts a shell (! | v).');
  // Once for all that is said of an entry.
  expect(stdout.split('    Instead: run: [{ command: /usr/bin/cat, args: [/var/log/NAME.log] }]\n             Without a pager it only prints one file.\n').length - 1).toBe(2);
  expect(stdout).toMatch(/\n1 policy: 4 errors, 2 warnings\.\n$/);
  expect(stdout).toContain('/var/log/\\x1b[2J');
  expect(stdout).not.toContain('\u001b');
});

test('JSON has every finding whole', () => {
  files({ 'a.yaml': found });
  const ran = check(['--json']);
  const answer = JSON.parse(ran.stdout) as { ok: boolean; policies: string[]; warning: string; findings: LintFinding[] };
  expect([ran.code, ran.stderr, answer.ok, answer.policies]).toEqual([12, '', false, ['developers']]);
  expect(answer.findings[0]).toMatchObject({ code: 'escape-read', severity: 'warning', file: 'a.yaml', line: 5, column: 52, rule: { policy: 'developers', rule: 'logs' }, rewrite: { edits: [{ text: expect.any(String) }] } });
  files({ 'a.yaml': 'a: [b' });
  expect(JSON.parse(check(['--format', 'json']).stdout)).toMatchObject({ ok: false, problems: [{ file: 'a.yaml' }] });
});

type Sarif = { version: string; runs: { tool: { driver: { name: string; rules: { id: string; help: { text: string }; defaultConfiguration: { level: string } }[] } }; invocations: { executionSuccessful: boolean; toolExecutionNotifications?: { message: { text: string } }[] }[]; results: SarifResult[] }[] };
type Region = { startLine: number; startColumn: number; endLine: number; endColumn: number };
type SarifResult = { ruleId: string; ruleIndex: number; level: string; message: { text: string }; locations: { physicalLocation: { artifactLocation: { uri: string }; region: Region } }[]; partialFingerprints: Record<string, string>; suppressions?: unknown[]; fixes?: { artifactChanges: { replacements: { deletedRegion: Region; insertedContent: { text: string } }[] }[] }[] };

describe('SARIF', () => {
  const sarif = (...args: string[]): Sarif['runs'][number] => {
    const log = JSON.parse(check(['--format', 'sarif', ...args]).stdout) as Sarif;
    expect([log.version, log.runs.length]).toEqual(['2.1.0', 1]);
    return log.runs[0]!;
  };

  test('has every code as a rule with help, and results that lead to rules and places', () => {
    files({ 'my policies/a.yaml': `${head}  # belay: accept escape-read because logs are public\n  - { name: logs, who: ["group:developers"], run: [${less}], then: allow }\n` });
    const { tool, results } = sarif();
    expect(tool.driver.rules.map(({ id }) => id)).toEqual(Object.keys(LINT_CODES));
    expect(tool.driver.rules.every(({ help, defaultConfiguration: { level } }) => help.text.length > 20 && ['error', 'warning', 'note'].includes(level))).toBe(true);
    expect(results.length).toBeGreaterThan(1);
    for (const { ruleId, ruleIndex, level, message, locations, partialFingerprints } of results) {
      expect(tool.driver.rules[ruleIndex]?.id).toBe(ruleId);
      expect(['error', 'warning', 'note']).toContain(level);
      expect(message.text).toMatch(/^\S.*\.$/s);
      expect(locations[0]?.physicalLocation).toEqual({ artifactLocation: { uri: 'my%20policies/a.yaml' }, region: { startLine: 6, startColumn: 52, endLine: 6, endColumn: 52 + less.length } });
      expect(Object.values(partialFingerprints)).toEqual([expect.stringMatching(/^[0-9a-f]{64}$/)]);
    }
    expect(new Set(results.map(({ partialFingerprints }) => JSON.stringify(partialFingerprints))).size).toBe(results.length);
    expect(results.filter(({ suppressions }) => suppressions !== undefined).map(({ ruleId, suppressions }) => [ruleId, suppressions])).toEqual([['escape-read', [{ kind: 'inSource', status: 'accepted', justification: 'logs are public' }]]]);
  });

  test('a fix, applied, leaves files without that finding; a fingerprint does not change when lines move', () => {
    files({ 'a.yaml': found });
    const [before] = sarif().results.filter(({ ruleId }) => ruleId === 'escape-shell');
    const [replacement] = before?.fixes?.[0]?.artifactChanges[0]?.replacements ?? [];
    const line = found.split('\n')[(replacement?.deletedRegion.startLine ?? 0) - 1] ?? '';
    const fixed = line.slice(0, (replacement?.deletedRegion.startColumn ?? 0) - 1) + (replacement?.insertedContent.text ?? '') + line.slice((replacement?.deletedRegion.endColumn ?? 0) - 1);
    files({ 'a.yaml': `# moved\n${found}` });
    expect(sarif().results.find(({ ruleId }) => ruleId === 'escape-shell')?.partialFingerprints).toEqual(before?.partialFingerprints);
    files({ 'a.yaml': `${head}${fixed}\n` });
    expect(sarif().results).toEqual([]);
  });

  test('of faulty files there are notifications, and no results', () => {
    files({ 'a.yaml': `${head}  - { name: x, then: alow }\n` });
    const { invocations, results } = sarif();
    expect([results, invocations[0]?.executionSuccessful]).toEqual([[], false]);
    expect(invocations[0]?.toolExecutionNotifications?.[0]).toMatchObject({ level: 'error', message: { text: '"alow" does not fit here. Write allow, ask or deny.' } });
  });
});

test('the examples have no findings that are not accepted', () => {
  const ran = check([join(projectRoot, 'examples', 'policies'), '--fail-on', 'note', '--json']);
  const { findings } = JSON.parse(ran.stdout) as { findings: LintFinding[] };
  expect(findings.filter(({ accepted }) => accepted === undefined).map(({ file, line, code, message }) => `${file}:${line} ${code} ${message}`)).toEqual([]);
  expect(ran.code).toBe(0);
});

test('--server asks which devices there are, and needs a session', async () => {
  files({ 'a.yaml': clean });
  expect(check(['--server'])).toMatchObject({ code: 4 });
  const fleet = await startTestFleet();
  try {
    await fleet.ctl(['login', '--server', fleet.url, '--user', 'admin', '--ca', fleet.ca], { input: `${ADMIN_PASSWORD}\n` });
    const file = join(folder, 'a.yaml');
    const ran = await fleet.ctl(['policy', 'check', file, '--server', '--fail-on', 'warning']);
    expect(ran).toMatchObject({ code: 12, stdout: expect.stringContaining('warning never-matches: No device is enrolled, so no device gets this policy') });
    expect((await fleet.ctl(['policy', 'check', file, '--fail-on', 'warning'])).code).toBe(0);
    expect(readFileSync(file, 'utf8')).toBe(clean);
  } finally {
    await fleet.close();
  }
});
