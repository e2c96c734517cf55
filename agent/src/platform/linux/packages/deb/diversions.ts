import { readRootFile } from '../root-files.ts';

/** One line of dpkg-divert(1): whoever ships `from` finds it at `to`, save `by`, the package that asked for it; `:` is the administrator. */
export type Diversion = { readonly from: string; readonly to: string; readonly by: string };

const MAX_BYTES = 4 * 1024 * 1024;

export function readDiversions(folder: string): readonly Diversion[] | undefined {
  const file = readRootFile(folder, 'diversions', MAX_BYTES);
  if (file === 'absent') return [];
  return file === undefined ? undefined : parseDiversions(file.bytes.toString('latin1'));
}

export function parseDiversions(text: string): readonly Diversion[] | undefined {
  const lines = text.split('\n');
  if (lines.pop() !== '' || lines.length % 3 !== 0) return undefined;
  const diversions: Diversion[] = [];
  for (let at = 0; at < lines.length; at += 3) {
    const [from, to, by] = lines.slice(at, at + 3) as [string, string, string];
    if (!from.startsWith('/') || !to.startsWith('/') || by === '') return undefined;
    diversions.push({ from, to, by });
  }
  return diversions;
}

/** How packages may list what lies at one of these paths, and who. */
export type Listing = { readonly path: string; readonly mayBe: (name: string) => boolean };

export function listingsOf(paths: readonly string[], diversions: readonly Diversion[]): readonly Listing[] {
  const direct = paths.map((path) => {
    const away = diversions.filter(({ from }) => from === path);
    return { path, mayBe: (name: string) => away.every(({ by }) => by === name) };
  });
  const diverted = diversions.filter(({ to }) => paths.includes(to)).map(({ from, by }) => ({ path: from, mayBe: (name: string) => name !== by }));
  return [...direct, ...diverted];
}
