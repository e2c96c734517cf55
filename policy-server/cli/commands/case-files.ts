import { dirname, join, resolve } from 'node:path';
import type { CaseSuite, PolicyFile, PolicyProblem, TestedPolicies } from '@belay/core/policy-tools';
import { Ended } from '../exit-codes.ts';
import { filesBelow, isFolder, readYaml, withoutCases } from './policy-files.ts';

export type Tested = { readonly suite: CaseSuite; readonly tested: TestedPolicies };
/** Either every suite with its policies, or every problem of every file. */
export type LoadedCases = { readonly suites: readonly Tested[]; readonly problems: readonly PolicyProblem[] };

/** Files of cases as given, and those below folders, each with the policies it names. */
export async function loadCases(paths: readonly string[]): Promise<LoadedCases> {
  const { loadCaseFile } = await import('@belay/core/policy-tools');
  const read = (await readCaseFiles(paths)).map((file) => loadCaseFile(file));
  const faults = read.flatMap((each) => (each.ok ? [] : each.error));
  const suites = read.flatMap((each) => (each.ok ? each.value : []));
  const known: Known = new Map();
  const loaded: Tested[] = [];
  const problems = new Map(faults.map((each) => [JSON.stringify(each), each]));
  for (const suite of suites) {
    const policies = await policiesOf(suite, known);
    if (Array.isArray(policies)) loaded.push({ suite, tested: policies });
    else for (const each of (policies as Faulty).problems) problems.set(JSON.stringify(each), each);
  }
  return { suites: loaded, problems: [...problems.values()] };
}

/** Files of cases as given, and those below folders. */
export async function readCaseFiles(paths: readonly string[]): Promise<readonly PolicyFile[]> {
  const files = (await Promise.all(paths.map(caseFilesOf))).flat();
  if (files.length === 0) throw new Ended('usage', `No files of cases (kind: PolicyTest) in ${paths.join(', ')}.`);
  return files;
}

async function caseFilesOf(path: string): Promise<readonly PolicyFile[]> {
  if (!isFolder(path)) return [readYaml(path)];
  const { holdsCases } = await import('@belay/core/policy-tools');
  return filesBelow(path).map((file) => readYaml(file)).filter(holdsCases);
}

type Faulty = { readonly problems: readonly PolicyProblem[] };
/** By the files they are in: suites of one folder mostly share their policies. */
type Known = Map<string, TestedPolicies | Faulty>;

async function policiesOf(suite: CaseSuite, known: Known): Promise<TestedPolicies | Faulty> {
  const files = await policyFilesOf(suite);
  const key = JSON.stringify(files.map(({ name }) => resolve(name)));
  const found = known.get(key);
  if (found !== undefined) return found;
  const { parsePolicyDocuments, testedPolicies } = await import('@belay/core/policy-tools');
  const parsed = parsePolicyDocuments(files);
  const tested = parsed.ok ? testedPolicies(parsed.value) : parsed;
  const policies = tested.ok ? tested.value : { problems: tested.error };
  known.set(key, policies);
  return policies;
}

/** A file that is named is taken as it is; those that are found in a folder are looked at first. */
async function policyFilesOf({ file, policies }: CaseSuite): Promise<readonly PolicyFile[]> {
  const folder = dirname(file);
  const read = (paths: readonly string[]): readonly PolicyFile[] => paths.map((path) => readYaml(path));
  const parts = policies === undefined ? [await withoutCases(read(filesBelow(folder, false)))] : await Promise.all(policies.map(async (name) => {
    const path = join(folder, name);
    return isFolder(path) ? withoutCases(read(filesBelow(path))) : read([path]);
  }));
  const files = [...new Map(parts.flat().map((each) => [each.name, each])).values()];
  if (files.length === 0) throw new Ended('usage', `${file}: there are no policy files beside it; name them under policies.`);
  return files;
}
