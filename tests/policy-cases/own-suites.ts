import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CaseSuite, formatProblems, holdsCases, loadCaseFile, parsePolicyDocuments, type PolicyFile, type TestedPolicies, testedPolicies } from '../../core/src/policy-tools/index.ts';

/** Where our own files of cases are. Names of files are relative to it. */
export const casesFolder = dirname(fileURLToPath(import.meta.url));

export type OwnSuite = { readonly suite: CaseSuite; readonly tested: TestedPolicies; readonly policyFiles: readonly PolicyFile[] };

/** Every suite of ours with the policies it names, for whoever runs them: the engine, belayctl, a server, a live agent. */
export function ownSuites(): readonly OwnSuite[] {
  return filesBelow(casesFolder).filter(holdsCases).flatMap(suitesOf).map((suite) => {
    const policyFiles = policyFilesOf(suite);
    return { suite, policyFiles, tested: policiesIn(policyFiles) };
  });
}

/** Files that hold policies and no cases. */
export function policyFileNames(): readonly string[] {
  return filesBelow(casesFolder).filter((file) => !holdsCases(file)).map(({ name }) => name);
}

function filesBelow(folder: string): readonly PolicyFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml')).sort().map((file) => read(join(folder, file)));
}

function read(file: string): PolicyFile {
  return { name: relative(casesFolder, file), text: readFileSync(file, 'utf8') };
}

function suitesOf(file: PolicyFile): readonly CaseSuite[] {
  const loaded = loadCaseFile(file);
  if (!loaded.ok) throw new Error(formatProblems(loaded.error));
  return loaded.value;
}

function policyFilesOf({ file, policies = [] }: CaseSuite): readonly PolicyFile[] {
  const folder = dirname(join(casesFolder, file));
  const named = policies.flatMap((name) => (name.endsWith('.yaml') ? [read(join(folder, name))] : filesBelow(join(folder, name))));
  return named.filter((each) => !holdsCases(each));
}

function policiesIn(files: readonly PolicyFile[]): TestedPolicies {
  const parsed = parsePolicyDocuments(files);
  if (!parsed.ok) throw new Error(formatProblems(parsed.error));
  const tested = testedPolicies(parsed.value);
  if (!tested.ok) throw new Error(formatProblems(tested.error));
  return tested.value;
}
