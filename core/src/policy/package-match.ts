import { encodeUtf8 } from '../bytes.ts';
import { type ArgumentPattern, compilePattern, matchArgument } from './argument-pattern.ts';
import type { PackageFact } from './circumstances.ts';
import type { PackagePattern, VersionCondition } from './compiled.ts';
import { compareVersions } from './package-version.ts';
import { and, FALSE, TRUE, type Truth3, truthOf, UNKNOWN } from './truth.ts';

/** Each part apart, so that an explanation can name the one that failed. */
export type PackagePart = 'owner' | 'name' | 'version' | 'repository' | 'key' | 'unmodified';

/** Whether the file's owner is such a package. A file of no package is not. */
export function matchPackage(pattern: PackagePattern, owner: PackageFact | 'none' | undefined): Truth3 {
  let truth: Truth3 = TRUE;
  for (const [, each] of packageParts(pattern, owner)) {
    if (each === FALSE) return FALSE;
    truth = and(truth, each);
  }
  return truth;
}

export function packageParts(pattern: PackagePattern, owner: PackageFact | 'none' | undefined): readonly (readonly [PackagePart, Truth3])[] {
  if (owner === undefined) return [['owner', UNKNOWN]];
  if (owner === 'none') return [['owner', FALSE]];
  const { name, version, repository, key, unmodified } = pattern;
  const parts: [PackagePart, Truth3][] = [];
  if (name !== undefined) parts.push(['name', matchText(name, owner.name)]);
  if (version !== undefined) parts.push(['version', truthOf(version.every((condition) => matchVersion(condition, owner)))]);
  // SECURITY(T-16): a package of no signed repository, or signed by nobody, satisfies neither.
  if (repository !== undefined) parts.push(['repository', truthOf(repository.some((wanted) => owner.repositories.some((each) => matchText(wanted, each) === TRUE)))]);
  if (key !== undefined) parts.push(['key', truthOf(key.some((wanted) => owner.signedBy.includes(wanted)))]);
  if (unmodified !== undefined) parts.push(['unmodified', owner.unmodified === undefined ? UNKNOWN : truthOf(owner.unmodified === unmodified)]);
  return parts;
}

function matchVersion({ is, version }: VersionCondition, { manager, version: actual }: PackageFact): boolean {
  if (is === 'like') return matchText(version, actual) === TRUE;
  const order = compareVersions(manager, actual, version);
  switch (is) {
    case '<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>':
      return order > 0;
  }
}

const globs = new Map<string, ArgumentPattern | undefined>();
const MAX_GLOBS = 5000;

/** A glob over a text that is not a path of the caller's: unknown counts as no match of an allow and as a match of a deny. */
export function matchText(glob: string, text: string): Truth3 {
  let pattern = globs.get(glob);
  if (pattern === undefined) {
    const compiled = compilePattern(glob);
    if (!compiled.ok) return UNKNOWN;
    pattern = compiled.value;
    if (globs.size >= MAX_GLOBS) globs.clear();
    globs.set(glob, pattern);
  }
  return matchArgument(pattern, encodeUtf8(text));
}
