import { inert } from '../problem.ts';
import type { CaseResult, SuiteResult } from './run.ts';

/** JUnit XML as CI systems read it: a test suite for each suite, a failure for each case that failed. */
export function junitXml(runs: readonly SuiteResult[]): string {
  const all = runs.flatMap(({ results }) => results);
  const suites = runs.map(suiteXml).join('');
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites${attributes({ name: 'belayctl policy test', ...counts(all) })}>\n${suites}</testsuites>\n`;
}

function suiteXml({ suite, results }: SuiteResult): string {
  const cases = results.map((result) => caseXml(result, suite.name, suite.file)).join('');
  return `  <testsuite${attributes({ name: suite.name, file: suite.file, ...counts(results) })}>\n${cases}  </testsuite>\n`;
}

function caseXml({ name, line, mismatches, why }: CaseResult, suite: string, file: string): string {
  const head = `    <testcase${attributes({ classname: suite, name, file, line: String(line) })}`;
  if (mismatches.length === 0) return `${head}/>\n`;
  const lines = mismatches.map(({ what, expected, actual }) => `${what}: expected ${expected}, got ${actual}`);
  const text = [`${file}:${line}`, ...lines, ...why].map(xmlText).join('\n');
  return `${head}>\n      <failure${attributes({ type: 'mismatch', message: lines[0] as string })}>${text}</failure>\n    </testcase>\n`;
}

function counts(results: readonly CaseResult[]): Readonly<Record<string, string>> {
  return { tests: String(results.length), failures: String(results.filter(({ mismatches }) => mismatches.length > 0).length), errors: '0', skipped: '0' };
}

function attributes(values: Readonly<Record<string, string>>): string {
  return Object.entries(values).map(([name, value]) => ` ${name}="${xmlText(value)}"`).join('');
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };

/** SECURITY(T-29): names and arguments were typed by others; no markup, and no character that XML cannot hold or a terminal would act on. */
export function xmlText(text: string): string {
  return inert(text.toWellFormed()).replace(/[\ufffe\uffff]/g, '\ufffd').replace(/[&<>"']/g, (char) => ENTITIES[char] as string);
}
