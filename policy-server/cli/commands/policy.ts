import type { Command } from 'commander';
import { createApi } from '../api.ts';
import { define, group, type OutputOptions, print, running } from '../command.ts';
import { Ended, type ExitName } from '../exit-codes.ts';
import { details, inert, inertLines, table, timeText } from '../text.ts';
import { addPolicyCheck } from './policy-check.ts';
import { addPolicyExplain } from './policy-explain.ts';
import { readPolicyFiles } from './policy-files.ts';
import { addPolicyTest } from './policy-test.ts';
import { addPolicyWhoCan } from './policy-who-can.ts';
import { collect, wholeNumber } from './token.ts';

type Change = { readonly name: string; readonly change: 'added' | 'changed' | 'removed' | 'unchanged'; readonly diff: string };
type Applied = { readonly version: number; readonly published: boolean; readonly changes: readonly Change[] };
type Summary = { readonly kind: string; readonly name: string; readonly fileName: string; readonly digest: string; readonly description: string };
type Version = { readonly version: number; readonly createdAt: number; readonly createdBy: string; readonly comment: string; readonly rollbackOf: number | null };
type ApplyOptions = OutputOptions & { file: readonly string[]; dryRun?: true; prune?: true; base?: number; comment?: string; exitCode?: true };

export function addPolicies(program: Command): void {
  const policy = group(program, 'policy', 'What the fleet may do: versions of a set of policies.');
  const files = ['-f, --file <path>', 'a policy file, a folder of them, or "-" for stdin; repeatable', collect] as const;
  define(policy, 'apply', 'Publish policies: all or nothing, in force on connected devices within a second.', [
    'belayctl policy apply -f policies/ --dry-run      what would change',
    'belayctl policy apply -f policies/ --comment "OPS-211: printers"',
    'belayctl policy apply -f policies/ --prune        the folder is the whole truth: remove what it lacks',
  ])
    .requiredOption(...files)
    .option('--dry-run', 'check and show the difference; publish nothing')
    .option('--prune', 'remove the policies that the files do not have')
    .option('--base <version>', 'refuse when another version than this is in force by now', wholeNumber)
    .option('--comment <text>', 'why; kept with the version')
    .option('--exit-code', 'with --dry-run: end with 10 when something would change')
    .addHelpText('after', '\nPolicies are known by metadata.name, sets and defaults by kind and name: those in the files are added or replaced, the others\nstay (see --prune). What uses a set or defaults that change is compiled anew.\nEvery error of every file is listed, with file, line and column; then nothing is applied. A change that would leave\nthe fleet without its recovery rule is refused.')
    .action(running(apply));
  addPolicyCheck(policy);
  addPolicyTest(policy);
  addPolicyExplain(policy);
  addPolicyWhoCan(policy);
  define(policy, 'list', 'List the policies in force, or those of an older version.', []).option('--version <number>', 'of this version', wholeNumber).action(running(list));
  define(policy, 'show', 'Print a policy as it was written.', ['belayctl policy show developers > developers.yaml']).argument('<name>').option('--version <number>', 'of this version', wholeNumber).action(running(show));
  define(policy, 'versions', 'List versions, newest first: who published what, when and why.', []).option('--limit <number>', 'how many', wholeNumber, 50).action(running(versions));
  define(policy, 'diff', 'The difference between two versions, or between one and the version in force.', ['belayctl policy diff 11', 'belayctl policy diff 11 12'])
    .argument('<from>', 'version', wholeNumber).argument('[to]', 'version; the one in force when left out', wholeNumber).option('--exit-code', 'end with 10 when there is a difference').action(running(diff));
  define(policy, 'rollback', "Publish an old version's content again, under a new number.", ['belayctl policy rollback 11 --comment "12 broke the build hosts"'])
    .argument('<version>', 'from `policy versions`', wholeNumber).option('--comment <text>', 'why; kept with the version').action(running(rollback));
}

async function apply({ file, dryRun, prune, base, comment, exitCode, ...options }: ApplyOptions): Promise<ExitName> {
  const files = await readPolicyFiles(file);
  const applied = await createApi().post<Applied>('/policies/apply', {
    files, ...(comment === undefined ? {} : { comment }), ...(dryRun === undefined ? {} : { dryRun }), ...(prune === undefined ? {} : { prune }), ...(base === undefined ? {} : { baseVersion: base }),
  });
  const differs = applied.changes.some(({ change }) => change !== 'unchanged');
  print(options, applied, () => {
    if (dryRun === true) return differs ? `${diffText(applied.changes)}${countText(applied.changes)} against version ${applied.version}; nothing was published.\n` : `Nothing would change: version ${applied.version} is the same.\n`;
    return appliedText(applied);
  });
  return dryRun === true && exitCode === true && differs ? 'different' : 'done';
}

function appliedText({ version, published, changes }: Applied): string {
  if (!published) return `Nothing to do: version ${version}, in force, is the same.\n`;
  const lines = changes.filter(({ change }) => change !== 'unchanged').map(({ name, change }) => `  ${change.padEnd(8)} ${inert(name)}\n`);
  return `${lines.join('')}Version ${version} is published.\n`;
}

function countText(changes: readonly Change[]): string {
  return (['added', 'changed', 'removed'] as const).map((kind) => `${changes.filter(({ change }) => change === kind).length} ${kind}`).join(', ');
}

function diffText(changes: readonly Change[]): string {
  return changes.filter(({ change }) => change !== 'unchanged').map(({ name, change, diff }) => `${change}: ${inert(name)}\n${inertLines(diff)}`).join('\n');
}

async function list({ version, ...options }: OutputOptions & { version?: number }): Promise<void> {
  const listed = await createApi().get<{ version: number; policies: readonly Summary[] }>('/policies', { version });
  print(options, listed, () => `${table(listed.policies, [
    { title: 'NAME', of: ({ name }) => name }, { title: 'KIND', of: ({ kind }) => kind }, { title: 'FILE', of: ({ fileName }) => fileName }, { title: 'DIGEST', of: ({ digest }) => digest.slice(0, 12) }, { title: 'DESCRIPTION', of: ({ description }) => description },
  ])}Version ${listed.version}\n`);
}

async function show(name: string, { version, ...options }: OutputOptions & { version?: number }): Promise<void> {
  const shown = await createApi().get<Summary & { version: number; source: string }>(`/policies/${encodeURIComponent(name)}`, { version });
  // To a file or another program it goes as it is; on a terminal it is made inert.
  print(options, shown, () => (process.stdout.isTTY ? `${details([['Policy', shown.name], ['Version', String(shown.version)], ['File', shown.fileName]])}\n${inertLines(shown.source)}` : shown.source));
}

async function versions({ limit, ...options }: OutputOptions & { limit: number }): Promise<void> {
  const shown = await createApi().all<Version>('/policy-versions', 'versions', {}, limit);
  print(options, shown, () => table(shown, [
    { title: 'VERSION', of: ({ version }) => String(version) }, { title: 'PUBLISHED', of: ({ createdAt }) => timeText(createdAt) }, { title: 'BY', of: ({ createdBy }) => createdBy },
    { title: 'ROLLBACK OF', of: ({ rollbackOf }) => (rollbackOf === null ? '' : String(rollbackOf)) }, { title: 'COMMENT', of: ({ comment }) => comment },
  ]));
}

async function diff(from: number, to: number | undefined, { exitCode, ...options }: OutputOptions & { exitCode?: true }): Promise<ExitName> {
  const api = createApi();
  const until = to ?? (await api.get<{ version: number }>('/policies')).version;
  const { changes } = await api.get<{ changes: readonly Change[] }>(`/policy-versions/${from}/diff/${until}`);
  const differs = changes.some(({ change }) => change !== 'unchanged');
  print(options, changes, () => (differs ? diffText(changes) : `Versions ${from} and ${until} are the same.\n`));
  return exitCode === true && differs ? 'different' : 'done';
}

async function rollback(version: number, { comment = '', ...options }: OutputOptions & { comment?: string }): Promise<void> {
  if (version < 1) throw new Ended('usage', 'Versions count from 1.');
  const applied = await createApi().post<Applied>(`/policy-versions/${version}/rollback`, { comment });
  print(options, applied, () => appliedText(applied));
}
