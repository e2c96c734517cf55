import { writeFileSync } from 'node:fs';
import { type Command, InvalidArgumentError } from 'commander';
import type { Coverage, PolicyProblem, SuiteResult } from '@belay/core/policy-tools';
import { sha256 } from '@belay/core/node-crypto';
import { problemLines } from '../api.ts';
import { define, note, type OutputOptions, print, running, wantsJson } from '../command.ts';
import { Ended, type ExitName } from '../exit-codes.ts';
import { inert, table } from '../text.ts';
import { loadCases } from './case-files.ts';
import { runOnServer, type TestRun } from './policy-test-server.ts';
import { wholeNumber } from './token.ts';

type TestOptions = OutputOptions & { readonly junit?: string; readonly coverage?: true; readonly minCoverage?: number; readonly server?: true; readonly version?: number };

export function addPolicyTest(policy: Command): void {
  define(policy, 'test', 'Run cases against policies here, without a server, or against those in force on it: is each request decided as expected?', [
    'belayctl policy test policies/',
    'belayctl policy test policies/developers.test.yaml --coverage',
    'belayctl policy test policies/ --junit results.xml --min-coverage 90      in CI',
    'belayctl policy test policies/ --server                                   what would the published policies say?',
  ])
    .argument('[paths...]', 'files of cases (kind: PolicyTest), or folders of them; the current folder when left out')
    .option('--junit <file>', 'also write the results as JUnit XML')
    .option('--coverage', 'also print how often each rule held and decided')
    .option('--min-coverage <percent>', 'end with 11 when fewer rules than this held in any case', percent)
    .option('--server', 'against the policies in force on the server, whichever the files name')
    .option('--version <number>', 'with --server: against those of this version', wholeNumber)
    .addHelpText('after', '\nEvery error of every file is listed, with file, line and column; then nothing is run, and the command ends with 7.\nIt ends with 11 when a case came out otherwise than expected.')
    .action(running(runTests));
}

function percent(text: string): number {
  if (!/^(?:100|[1-9]?[0-9])$/.test(text)) throw new InvalidArgumentError('Write a whole number from 0 to 100.');
  return Number(text);
}

async function runTests(paths: readonly string[], { junit, coverage: wantsCoverage, minCoverage, server, version, ...options }: TestOptions): Promise<ExitName> {
  if (version !== undefined && server !== true) throw new Ended('usage', '--version is about the server: add --server.');
  const given = paths.length === 0 ? ['.'] : paths;
  const ran = server === true ? await runOnServer(given, version) : await runHere(given);
  if ('problems' in ran) {
    if (wantsJson(options)) print(options, { ok: false, problems: ran.problems }, () => '');
    else note(`${problemLines(ran.problems)}belayctl: ${ran.problems.length === 1 ? 'one error' : `${ran.problems.length} errors`}`);
    return 'policyInvalid';
  }
  const { runs, coverage } = ran;
  if (junit !== undefined) writeResults(junit, (await import('@belay/core/policy-tools')).junitXml(runs));
  const failed = failures(runs);
  const tooFew = minCoverage !== undefined && coverage.percent < minCoverage;
  print(options, reportOf(runs, coverage), () => `${runs.map(suiteText).join('\n')}\n${wantsCoverage === true ? `${coverageText(coverage)}\n` : ''}${countText(runs)}`);
  if (tooFew && !wantsJson(options)) note(`belayctl: ${coverage.percent} % of the rules held in a case; --min-coverage wants ${minCoverage} %`);
  return failed > 0 || tooFew ? 'casesFailed' : 'done';
}

async function runHere(paths: readonly string[]): Promise<TestRun | { readonly problems: readonly PolicyProblem[] }> {
  const { suites, problems } = await loadCases(paths);
  if (problems.length > 0) return { problems };
  const { coverageOf, runCases } = await import('@belay/core/policy-tools');
  const runs = suites.map(({ suite, tested }) => ({ tested, ...runCases(suite, tested, sha256) }));
  return { runs, coverage: coverageOf(runs) };
}

function writeResults(file: string, xml: string): void {
  try {
    writeFileSync(file, xml);
  } catch (error) {
    throw new Ended('failed', `Cannot write ${file}: ${(error as Error).message}`);
  }
}

function failures(runs: readonly SuiteResult[]): number {
  return runs.flatMap(({ results }) => results).filter(({ mismatches }) => mismatches.length > 0).length;
}

function reportOf(runs: readonly SuiteResult[], coverage: Coverage): unknown {
  const total = runs.reduce((sum, { results }) => sum + results.length, 0);
  const failed = failures(runs);
  return {
    ok: failed === 0, passed: total - failed, failed, coverage,
    suites: runs.map(({ suite, results }) => ({ name: suite.name, file: suite.file, cases: results.map(({ mismatches, ...rest }) => ({ ...rest, passed: mismatches.length === 0, mismatches })) })),
  };
}

function suiteText({ suite, results }: SuiteResult): string {
  const title = `${inert(suite.file)}  ${inert(suite.name)}${suite.description === '' ? '' : `: ${inert(suite.description)}`}\n`;
  return title + results.map(({ name, line, mismatches, why }) => {
    if (mismatches.length === 0) return `  ok    ${inert(name)}\n`;
    const off = mismatches.map(({ what, expected, actual }) => `          ${inert(`${what}: expected ${expected}, got ${actual}`)}\n`);
    return `  FAIL  ${inert(name)}  (${inert(suite.file)}:${line})\n${off.join('')}${why.map((text) => `            ${inert(text)}\n`).join('')}`;
  }).join('');
}

function coverageText({ rules, percent: covered }: Coverage): string {
  return `${table(rules, [
    { title: 'HELD', of: ({ held }) => (held === 0 ? 'never' : String(held)) }, { title: 'DECIDED', of: ({ decided }) => String(decided) },
    { title: 'RULE', of: ({ policy, rule }) => `${policy}/${rule}` }, { title: 'FILE', of: ({ file }) => file },
  ])}${rules.filter(({ held }) => held > 0).length} of ${rules.length} rules held in a case: ${covered} %.\n`;
}

function countText(runs: readonly SuiteResult[]): string {
  const total = runs.reduce((sum, { results }) => sum + results.length, 0);
  const failed = failures(runs);
  return `${total} ${total === 1 ? 'case' : 'cases'}, ${failed === 0 ? 'all passed' : `${failed} failed`}.\n`;
}
