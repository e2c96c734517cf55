import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type CaseSuite, formatProblems, holdsCases, loadCaseFile, parsePolicyDocuments, type PolicyFile, type TestedPolicies, testedPolicies } from '../../core/src/policy-tools/index.ts';

/** A suite of this folder with its policies: as written, and as a device would get them. */
export type OwnSuite = { readonly suite: CaseSuite; readonly text: string; readonly policies: readonly PolicyFile[]; readonly tested: TestedPolicies };

/** Where they are; their names are relative to it. */
export const casesFolder = dirname(fileURLToPath(import.meta.url));

/** Every suite of this folder. Throws with every problem of a file. */
export function ownSuites(): readonly OwnSuite[] {
  return yamlBelow(casesFolder).filter(holdsCases).flatMap((file) => {
    const loaded = loadCaseFile(file);
    if (!loaded.ok) throw new Error(formatProblems(loaded.error));
    return loaded.value.map((suite) => {
      const policies = policyFilesOf(suite);
      return { suite, text: file.text, policies, tested: compiled(policies) };
    });
  });
}

/** Files of this folder that hold policies and no cases. */
export function policyFileNames(): readonly string[] {
  return yamlBelow(casesFolder).filter((file) => !holdsCases(file)).map(({ name }) => name);
}

function policyFilesOf(suite: CaseSuite): readonly PolicyFile[] {
  const folder = dirname(join(casesFolder, suite.file));
  const files = (suite.policies ?? ['.']).flatMap((name) => (name.endsWith('.yaml') ? [read(join(folder, name))] : yamlBelow(join(folder, name))));
  return files.filter((file) => !holdsCases(file));
}

function compiled(policies: readonly PolicyFile[]): TestedPolicies {
  const parsed = parsePolicyDocuments(policies);
  const tested = parsed.ok ? testedPolicies(parsed.value) : parsed;
  if (!tested.ok) throw new Error(formatProblems(tested.error));
  return tested.value;
}

function yamlBelow(folder: string): readonly PolicyFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.yaml')).sort().map((file) => read(join(folder, file)));
}

function read(file: string): PolicyFile {
  return { name: relative(casesFolder, file), text: readFileSync(file, 'utf8') };
}
