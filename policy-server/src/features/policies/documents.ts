import { sha256 } from '@belay/core/node-crypto';
import { bundleDigest, type CompiledPolicy, encodeBundle } from '@belay/core/policy';
import { compilePolicy, documentNames, parsePolicyDocuments, type PolicyDocument, type PolicyFile, type PolicyProblem } from '@belay/core/policy-tools';
import { ok, type Result } from '@belay/core/result';
import type { Tables } from '../../store/index.ts';

/** A document of a version, before it has the version's number. */
export type Held = Omit<Tables['policies'], 'version'>;

/** A document to be published. Of what policies share there is nothing to compile: it goes into the policies that use it. */
export type Prepared = { readonly held: Held; readonly compiled: CompiledPolicy | undefined; readonly bundle: Uint8Array | undefined };
/** `kept`: untouched by the change. */
export type Next = { readonly kept: readonly Held[]; readonly prepared: readonly Prepared[] };

/**
 * What would be in force with these files laid over what is held. A policy whose sets or defaults change is compiled anew, from its
 * source; every error of every file is told at once, those of held policies included, which a change may break.
 */
export function nextDocuments(files: readonly PolicyFile[], held: readonly Held[]): Result<Next, readonly PolicyProblem[]> {
  const named = new Set(documentNames(files).map(({ kind, name }) => storedName(kind, name)));
  const others = held.filter(({ name }) => !named.has(name));
  const linked = others.filter((each) => isLibrary(each) || usesOf(each).length > 0);
  const parsed = parsePolicyDocuments(files, linked.map(({ file_name, source }) => ({ name: `${file_name} (in force)`, text: source })));
  if (!parsed.ok) return parsed;
  const fileNames = new Map(linked.map(({ name, file_name }) => [name, file_name]));
  const prepared = parsed.value.map((document) => prepare(document, fileNames.get(storedName(document.kind, document.name)) ?? document.file));
  return ok({ kept: others.filter((each) => !linked.includes(each)), prepared });
}

/** Policies go by their name; what they share by kind and name, which no policy can be called. */
export function storedName(kind: string, name: string): string {
  return kind === 'Policy' ? name : `${kind}/${name}`;
}

export function isLibrary({ name }: Pick<Held, 'name'>): boolean {
  return name.includes('/');
}

function usesOf({ summary }: Held): readonly string[] {
  return (JSON.parse(summary) as { readonly uses?: readonly string[] }).uses ?? [];
}

/** Devices that only watch are selected by documents of this kind; see `monitorSchema`. */
export function isMonitor({ name }: Pick<Held, 'name'>): boolean {
  return name.startsWith(storedName('Monitor', ''));
}

/** What stands in for a policy on a device that only watches. Undefined: the policy itself, for it holds a way back in, or watches anyway. */
export function watchingVariant(compiled: CompiledPolicy): Pick<Prepared, 'bundle'> & { readonly digest: Uint8Array } | undefined {
  if (compiled.mode === 'monitor' || compiled.rules.some(({ recovery }) => recovery)) return undefined;
  const bundle = encodeBundle({ ...compiled, mode: 'monitor' });
  return { bundle, digest: bundleDigest(bundle, sha256) };
}

function prepare({ kind, name, source, policy, watching, uses, description }: PolicyDocument, fileName: string): Prepared {
  const base = { name: storedName(kind, name), file_name: fileName, source };
  if (policy === undefined) {
    const summary = JSON.stringify({ kind, metadata: { name, description }, ...(watching === undefined ? {} : { targets: watching, uses }) });
    return { held: { ...base, digest: sha256(new TextEncoder().encode(source)), summary }, compiled: undefined, bundle: undefined };
  }
  const compiled = compilePolicy(policy);
  const bundle = encodeBundle(compiled);
  const summary = JSON.stringify({ kind, metadata: { name, description }, targets: compiled.targets, uses });
  return { held: { ...base, digest: bundleDigest(bundle, sha256), summary }, compiled, bundle };
}
