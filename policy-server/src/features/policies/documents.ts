import { parsePolicyFiles, type Policy, type PolicyFile } from '@belay/core/policy-tools';
import { parseAllDocuments } from 'yaml';

export type SourcedPolicy = { readonly policy: Policy; readonly source: string };

/** The policies of a file that is known to be good, each with its own part of the text: that is what changes with it. */
export function policiesWithSource(file: PolicyFile): readonly SourcedPolicy[] {
  const whole = parse(file);
  if (whole.length === 1) return whole.map((policy) => ({ policy, source: file.text }));
  const parts = partsOf(file.text);
  return whole.map((policy, index) => ({ policy, source: parts.length === whole.length ? (parts[index] as string) : file.text }));
}

/** Each document with the comments before it. */
function partsOf(text: string): readonly string[] {
  const documents = parseAllDocuments(text);
  if (!Array.isArray(documents)) return [];
  let from = 0;
  const parts: string[] = [];
  for (const document of documents) {
    const part = text.slice(from, document.range[2]).replace(/^(\s*(---|\.\.\.)[ \t]*\r?\n)+/, '').replace(/\n\.\.\.\s*$/, '').trimEnd();
    from = document.range[2];
    if (document.contents !== null) parts.push(`${part}\n`);
  }
  return parts;
}

function parse(file: PolicyFile): readonly Policy[] {
  const parsed = parsePolicyFiles([file]);
  if (!parsed.ok) throw new Error('a file that parsed among others does not parse alone');
  return parsed.value;
}
