/** Whether a path leads through a folder that is a link into /usr on the systems of today (file-hierarchy(7)). */
export function isMerged(path: string): boolean {
  return /^\/(?:bin|sbin|lib|lib64)\//.test(path);
}

/** The other name that such a link gives to a file; undefined: none. */
export function otherName(path: string): string | undefined {
  if (isMerged(path)) return `/usr${path}`;
  const below = path.startsWith('/usr/') ? path.slice('/usr'.length) : '';
  return isMerged(below) ? below : undefined;
}
