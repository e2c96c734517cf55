import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { PolicyFile } from '@belay/core/policy-tools';
import { Ended } from '../exit-codes.ts';

const MAX_FILES = 1000;
const MAX_FILE = 1024 * 1024;

/** What a file of a folder is called in messages. */
type Naming = (file: string, folder: string) => string;
const inFolder: Naming = (file, folder) => relative(folder, file);

/** Files as given; of a folder every *.yaml and *.yml below it, hidden ones and files of cases left out; "-" is stdin. */
export async function readPolicyFiles(paths: readonly string[], name: Naming = inFolder): Promise<readonly PolicyFile[]> {
  const files: PolicyFile[] = [];
  for (const path of paths) files.push(...(path === '-' ? [await fromStdin()] : await fromPath(path, name)));
  if (files.length === 0) throw new Ended('usage', `No policy files (*.yaml, *.yml) in ${paths.join(', ')}.`);
  if (files.length > MAX_FILES) throw new Ended('usage', `These are ${files.length} files; at most ${MAX_FILES} at once.`);
  return files;
}

async function fromStdin(): Promise<PolicyFile> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return { name: 'stdin.yaml', text: Buffer.concat(chunks).toString('utf8') };
}

async function fromPath(path: string, name: Naming): Promise<readonly PolicyFile[]> {
  return isFolder(path) ? withoutCases(filesBelow(path).map((file) => readYaml(file, name(file, path)))) : [readYaml(path)];
}

/** The policies of a folder may have their tests beside them. */
export async function withoutCases(files: readonly PolicyFile[]): Promise<readonly PolicyFile[]> {
  // Half of the time to start would be the CEL parser's, which most need not load.
  if (!files.some(({ text }) => text.includes('PolicyTest'))) return files;
  const { isCaseFile } = await import('@belay/core/policy-tools');
  return files.filter((file) => !isCaseFile(file));
}

export function isFolder(path: string): boolean {
  return reading(path, () => statSync(path).isDirectory());
}

/** Every *.yaml and *.yml below a folder, sorted; with `deep: false` only those in it. Hidden ones are left out. */
export function filesBelow(folder: string, deep = true): readonly string[] {
  return reading(folder, () => below(folder, deep).toSorted());
}

function reading<T>(path: string, act: () => T): T {
  try {
    return act();
  } catch (error) {
    if (error instanceof Ended) throw error;
    throw new Ended('usage', `Cannot read ${path}: ${(error as Error).message}`);
  }
}

function below(folder: string, deep: boolean): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = join(folder, entry.name);
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return deep ? below(file, deep) : [];
    return /\.ya?ml$/.test(entry.name) ? [file] : [];
  });
}

/** `name`: what it is called in messages. */
export function readYaml(file: string, name = file): PolicyFile {
  const bytes = reading(file, () => readFileSync(file));
  if (bytes.length > MAX_FILE) throw new Ended('usage', `${file} is larger than 1 MiB.`);
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes) };
  } catch {
    throw new Ended('policyInvalid', `${file} is not UTF-8 text.`);
  }
}
