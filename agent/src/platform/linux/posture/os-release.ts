import { readText } from './read-text.ts';

export type OsRelease = { readonly osId: string | undefined; readonly osVersion: string | undefined };

/** os-release(5): the administrator's file before the vendor's. `root`: where the machine's file system starts. */
export async function readOsRelease(root: string = ''): Promise<OsRelease> {
  const own = await readText(`${root}/etc/os-release`);
  return parseOsRelease(own === '' ? ((await readText(`${root}/usr/lib/os-release`)) ?? '') : (own ?? ''));
}

/** The last assignment counts, as in the shell. A value that is not as the manual wants it is unknown. */
export function parseOsRelease(text: string): OsRelease {
  const values = new Map<string, string | undefined>();
  for (const line of text.split('\n')) {
    const [, name, value] = /^(ID|VERSION_ID)=(.*)$/.exec(line.trim()) ?? [];
    if (name !== undefined && value !== undefined) values.set(name, unquoted(value));
  }
  const valid = (value: string | undefined): string | undefined => (value !== undefined && /^[a-z0-9][a-z0-9._~+-]{0,63}$/.test(value) ? value : undefined);
  return { osId: valid(values.get('ID')), osVersion: valid(values.get('VERSION_ID')) };
}

/** Neither field may hold anything that would need an escape. */
function unquoted(value: string): string | undefined {
  const [, double, single, bare] = /^(?:"([^"\\$`]*)"|'([^']*)'|([^\s"'\\$`;&|<>()]*))$/.exec(value) ?? [];
  return double ?? single ?? bare;
}
