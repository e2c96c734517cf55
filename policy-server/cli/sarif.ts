import { createHash } from 'node:crypto';
import { relative, resolve, sep } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { LintFinding, LintSeverity, PolicyProblem } from '@belay/core/policy-tools';

/** SARIF 2.1.0 (OASIS), for whatever shows findings beside the code they are about. */
type Report = { readonly findings: readonly LintFinding[]; /** Errors of the files: then there are no findings. */ readonly problems: readonly PolicyProblem[]; readonly version: string };
type Json = Readonly<Record<string, unknown>>;

const LEVEL: Readonly<Record<LintSeverity, string>> = { error: 'error', warning: 'warning', note: 'note' };

export async function sarifOf({ findings, problems, version }: Report): Promise<Json> {
  const { LINT_CODES } = await import('@belay/core/policy-tools');
  const codes = Object.keys(LINT_CODES);
  const rules = Object.entries(LINT_CODES).map(([id, { severity, about, why }]) => ({
    id,
    shortDescription: { text: about },
    fullDescription: { text: why },
    help: { text: why, markdown: `**${about}** ${why}\n\nTo accept it: \`# belay: accept ${id} because REASON\`` },
    defaultConfiguration: { level: LEVEL[severity] },
  }));
  const invocation = { executionSuccessful: problems.length === 0, ...(problems.length === 0 ? {} : { toolExecutionNotifications: problems.map(notificationOf) }) };
  return {
    $schema: 'https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json',
    version: '2.1.0',
    runs: [{
      tool: { driver: { name: 'belayctl', semanticVersion: version, rules } },
      columnKind: 'utf16CodeUnits',
      invocations: [invocation],
      results: resultsOf(findings, codes),
    }],
  };
}

function resultsOf(findings: readonly LintFinding[], codes: readonly string[]): readonly Json[] {
  const seen = new Map<string, number>();
  return findings.map((finding) => {
    const { code, severity, message, reason, accepted, rule } = finding;
    const fingerprint = fingerprintOf(finding, seen);
    return {
      ruleId: code,
      ruleIndex: codes.indexOf(code),
      level: LEVEL[severity],
      message: { text: `${message}. ${reason}` },
      locations: [{ physicalLocation: locationOf(finding), ...(rule === undefined ? {} : { logicalLocations: [{ fullyQualifiedName: `${rule.policy}/${rule.rule}`, kind: 'rule' }] }) }],
      partialFingerprints: { 'belay/v1': fingerprint },
      ...(accepted === undefined ? {} : { suppressions: [{ kind: 'inSource', status: 'accepted', justification: accepted.because }] }),
      ...fixesOf(finding),
    };
  });
}

/** Does not change when lines move: by what is said of which rule. */
function fingerprintOf({ code, file, rule, message }: LintFinding, seen: Map<string, number>): string {
  const text = JSON.stringify([code, rule === undefined ? file : [rule.policy, rule.rule], message]);
  const count = (seen.get(text) ?? 0) + 1;
  seen.set(text, count);
  return createHash('sha256').update(`${text} ${count}`).digest('hex');
}

type Place = { readonly file: string; readonly line: number; readonly column: number; readonly endLine?: number; readonly endColumn?: number };

function locationOf({ file, line, column, endLine, endColumn }: Place): Json {
  return { artifactLocation: artifactOf(file), region: { startLine: line, startColumn: column, ...(endLine === undefined || endColumn === undefined ? {} : { endLine, endColumn }) } };
}

/** Relative to the folder it was started in, which in CI is the repository's. */
function artifactOf(file: string): Json {
  const near = relative(process.cwd(), resolve(file));
  if (near === '' || near.startsWith('..')) return { uri: pathToFileURL(resolve(file)).href };
  return { uri: near.split(sep).map(encodeURIComponent).join('/') };
}

function fixesOf({ file, rewrite }: LintFinding): Json {
  if (rewrite === undefined || rewrite.edits.length === 0) return {};
  const replacements = rewrite.edits.map(({ region: { line, column, endLine, endColumn }, text }) => ({ deletedRegion: { startLine: line, startColumn: column, endLine, endColumn }, insertedContent: { text } }));
  return { fixes: [{ description: { text: rewrite.reason }, artifactChanges: [{ artifactLocation: artifactOf(file), replacements }] }] };
}

function notificationOf(problem: PolicyProblem): Json {
  return { level: 'error', message: { text: `${problem.message}. ${problem.remedy}` }, locations: [{ physicalLocation: locationOf(problem) }] };
}
