import { type Command, Option } from 'commander';
import type { FleetFacts, LintFinding, LintSeverity, PolicyDocument, PolicyProblem } from '@belay/core/policy-tools';
import manifest from '../../package.json' with { type: 'json' };
import { createApi, problemLines } from '../api.ts';
import { define, jsonText, note, type OutputOptions, running, wantsJson } from '../command.ts';
import { Ended, type ExitName } from '../exit-codes.ts';
import { sarifOf } from '../sarif.ts';
import { inert, inertLines } from '../text.ts';
import { readPolicyFiles, withoutCases } from './policy-files.ts';
import { collect } from './token.ts';

const FORMATS = ['table', 'json', 'sarif'] as const;
type Format = (typeof FORMATS)[number];
type CheckOptions = OutputOptions & { readonly file?: readonly string[]; readonly format?: Format; readonly failOn: LintSeverity; readonly server?: true };

export function addPolicyCheck(policy: Command): void {
  define(policy, 'check', 'Look for errors and for what is doubtful in policy files here, without a server.', [
    'belayctl policy check policies/',
    'belayctl policy check policies/ --server                              also with the groups and labels of the fleet',
    'belayctl policy check policies/ --format sarif > belay.sarif          in CI',
    'belayctl policy check policies/ --fail-on warning',
  ])
    .argument('[paths...]', 'policy files, folders of them, or "-" for stdin; the current folder when left out')
    .option('-f, --file <path>', 'the same as a path; repeatable', collect)
    .addOption(new Option('--format <format>', 'how to print; sarif is SARIF 2.1.0').choices(FORMATS))
    .addOption(new Option('--fail-on <severity>', 'end with 12 for findings of this severity or worse').choices(['error', 'warning', 'note']).default('error'))
    .option('--server', 'ask the server which devices there are, and whether the policies are for any')
    .addHelpText('after', `
It finds commands from which one gets a shell, reads or writes any file, or loads code; rules that others take away or
repeat, that contradict or never match; broad wildcards, commands that users can write, names that are misspelt. Every
finding has a code, a reason and, where there is one, what to write instead: docs/policy-lint.md lists them.

A comment accepts one, and stays in the output as accepted:
  # belay: accept escape-read because support needs all logs, OPS-211
on the line above the rule or entry, or at the end of its line.

Ends with 0 when there is nothing as severe as --fail-on, with 12 when there is, with 7 when files have errors.`)
    .action(running(check));
}

async function check(paths: readonly string[], { file = [], format: asked, failOn, server, ...options }: CheckOptions): Promise<ExitName> {
  const format = asked ?? (wantsJson(options) ? 'json' : 'table');
  const given = [...paths, ...file];
  // By the path itself: editors and CI open what a finding names.
  const files = await withoutCases(await readPolicyFiles(given.length === 0 ? ['.'] : given, (path) => path));
  if (files.length === 0) throw new Ended('usage', 'These are files of cases; run them with "belayctl policy test".');
  const { isAtLeast, lint, parsePolicyDocuments } = await import('@belay/core/policy-tools');
  const parsed = parsePolicyDocuments(files);
  if (!parsed.ok) return tellProblems(parsed.error, format);
  const findings = lint(parsed.value, server === true ? await factsOfFleet() : {});
  const fails = findings.some(({ accepted, severity }) => accepted === undefined && isAtLeast(severity, failOn));
  await tell({ documents: parsed.value, findings, fails, format });
  return fails ? 'findings' : 'done';
}

/** What the server knows of its devices. Accounts are the devices' own, so nothing is said about those. */
async function factsOfFleet(): Promise<FleetFacts> {
  type Device = { readonly id: string; readonly groups: readonly string[]; readonly labels: Readonly<Record<string, string>> };
  const devices = await createApi().all<Device>('/devices', 'devices', { state: 'active' });
  return { devices: devices.map(({ id, groups, labels }) => ({ id, groups, labels })) };
}

async function tellProblems(problems: readonly PolicyProblem[], format: Format): Promise<ExitName> {
  if (format === 'json') process.stdout.write(jsonText({ ok: false, problems }));
  else if (format === 'sarif') process.stdout.write(jsonText(await sarifOf({ findings: [], problems, version: manifest.version })));
  if (format !== 'json') note(`${problemLines(problems)}belayctl: ${problems.length === 1 ? 'one error' : `${problems.length} errors`}`);
  return 'policyInvalid';
}

type Told = { readonly documents: readonly PolicyDocument[]; readonly findings: readonly LintFinding[]; readonly fails: boolean; readonly format: Format };

async function tell({ documents, findings, fails, format }: Told): Promise<void> {
  const warning = await recoveryWarning(documents);
  const policies = documents.flatMap(({ policy, name }) => (policy === undefined ? [] : [name]));
  if (format === 'sarif') process.stdout.write(jsonText(await sarifOf({ findings, problems: [], version: manifest.version })));
  else if (format === 'json') process.stdout.write(jsonText({ ok: !fails, policies, ...(warning === undefined ? {} : { warning }), findings }));
  else process.stdout.write(`${findingsText(findings)}${countText(policies.length, findings)}`);
  if (warning !== undefined && format === 'table') note(`By themselves they have no recovery rule: ${inertLines(warning)} (Fine when the fleet has one in another policy.)`);
}

async function recoveryWarning(documents: readonly PolicyDocument[]): Promise<string | undefined> {
  const { checkRecovery, compilePolicy } = await import('@belay/core/policy-tools');
  return checkRecovery(documents.flatMap(({ policy }) => (policy === undefined ? [] : [compilePolicy(policy)])))?.message;
}

function findingsText(findings: readonly LintFinding[]): string {
  const open = findings.filter(({ accepted }) => accepted === undefined);
  const accepted = findings.filter((finding) => finding.accepted !== undefined);
  const lines = [...open.map((finding, at) => openText(finding, isSaidNext(finding, open[at + 1]))), ...accepted.map((finding) => `${placeText(finding)} accepted ${finding.code}: ${inert(finding.accepted?.because ?? '')}\n`)];
  return lines.length === 0 ? '' : `${lines.join('')}\n`;
}

/** `FILE:LINE:COLUMN: ` first, as compilers do: terminals and editors make a link of it. */
function placeText({ file, line, column }: LintFinding): string {
  return `${inert(file)}:${line}:${column}:`;
}

/** What to write instead of an entry is said once, after all that is said of it. */
function isSaidNext({ file, line, column, rewrite }: LintFinding, next: LintFinding | undefined): boolean {
  return next?.file === file && next.line === line && next.column === column && next.rewrite?.text === rewrite?.text;
}

function openText(finding: LintFinding, saidNext: boolean): string {
  const { severity, code, message, reason, rewrite } = finding;
  const instead = rewrite === undefined || saidNext ? '' : `    Instead: ${inertLines(rewrite.text).replaceAll('\n', '\n             ')}\n             ${inert(rewrite.reason)}\n`;
  return `${placeText(finding)} ${severity} ${code}: ${inert(message)}.\n    ${inert(reason)}\n${instead}`;
}

function countText(policies: number, findings: readonly LintFinding[]): string {
  const what = policies === 1 ? '1 policy' : `${policies} policies`;
  const open = findings.filter(({ accepted }) => accepted === undefined);
  const accepted = findings.length - open.length;
  const counts = (['error', 'warning', 'note'] as const).map((severity) => [severity, open.filter((finding) => finding.severity === severity).length] as const).filter(([, count]) => count > 0);
  const found = counts.map(([severity, count]) => `${count} ${severity}${count === 1 ? '' : 's'}`).join(', ');
  return `${what}${found === '' ? ' without findings' : `: ${found}`}${accepted === 0 ? '' : `; ${accepted} accepted`}.\n`;
}
