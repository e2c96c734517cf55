import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { PolicyFile } from '@belay/core/policy-tools';
import { Ended } from '../exit-codes.ts';

const MAX_FILES = 1000;
const MAX_FILE = 1024 * 1024;

/** Files as given; of a folder every *.yaml and *.yml below it, hidden ones left out; "-" is stdin. */
export async function readPolicyFiles(paths: readonly string[]): Promise<readonly PolicyFile[]> {
  const files: PolicyFile[] = [];
  for (const path of paths) files.push(...(path === '-' ? [await fromStdin()] : fromPath(path)));
  if (files.length === 0) throw new Ended('usage', `No policy files (*.yaml, *.yml) in ${paths.join(', ')}.`);
  if (files.length > MAX_FILES) throw new Ended('usage', `These are ${files.length} files; at most ${MAX_FILES} at once.`);
  return files;
}

async function fromStdin(): Promise<PolicyFile> {
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(Buffer.from(chunk as Uint8Array));
  return { name: 'stdin.yaml', text: Buffer.concat(chunks).toString('utf8') };
}

function fromPath(path: string): readonly PolicyFile[] {
  try {
    if (!statSync(path).isDirectory()) return [read(path, path)];
    return below(path).toSorted().map((file) => read(file, relative(path, file)));
  } catch (error) {
    if (error instanceof Ended) throw error;
    throw new Ended('usage', `Cannot read ${path}: ${(error as Error).message}`);
  }
}

function below(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const file = join(folder, entry.name);
    if (entry.name.startsWith('.')) return [];
    if (entry.isDirectory()) return below(file);
    return /\.ya?ml$/.test(entry.name) ? [file] : [];
  });
}

function read(file: string, name: string): PolicyFile {
  const bytes = readFileSync(file);
  if (bytes.length > MAX_FILE) throw new Ended('usage', `${file} is larger than 1 MiB.`);
  try {
    return { name, text: new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(bytes) };
  } catch {
    throw new Ended('policyInvalid', `${file} is not UTF-8 text.`);
  }
}
