import type { ProgramEntry } from './entry.ts';
import { programOf } from './table.ts';

/** Nobody reads through a longer one: it counts as open. */
const MAX_LENGTH = 4_096;

/**
 * Does a command line or program text that is written out hand over a shell all the same (`--checkpoint-action=exec=sh`,
 * `-exec /bin/bash`)? Looked at are the words at which a command may begin, and paths; what a script does is not known.
 */
export function startsShell(text: string): boolean {
  return text.length > MAX_LENGTH || text.split(/[;|&\n]+/).some(hasShell);
}

const word = /(?:^|[\s('"`=:{,])(\S*[/])?([^\s'"`=:{}(),/]+)/g;
/** What may stand before a command without being one. */
const leading = /^\s*(?:(?:exec|command|builtin|eval|then|do|else|if|while|until|!)\s+|[A-Za-z_]\w*=\S*\s+)*/;

function hasShell(given: string): boolean {
  const command = given.replace(leading, '');
  const isWrapped = wrapsOthers(/^(?:\S*\/)?([^\s/]+)/.exec(command)?.[1]);
  for (const found of command.matchAll(word)) {
    const [whole, folder, name] = found as unknown as [string, string | undefined, string];
    const isBegun = isWrapped || /^['"`(=:{]/.test(whole) || found.index === 0;
    if (!isBegun && folder?.startsWith('/') !== true) continue;
    const entry = programOf(name);
    if (entry !== undefined && handsOver(entry) && !isFollowedByScript(entry, command.slice(found.index + whole.length))) return true;
  }
  return false;
}

function wrapsOthers(name: string | undefined): boolean {
  return name !== undefined && programOf(name)?.escapes.some(({ way }) => way.by === 'wraps') === true;
}

/** Started as it is, it takes commands from its user. */
function handsOver({ isEditor, escapes: [first] }: ProgramEntry): boolean {
  if (isEditor) return true;
  if (first?.gives !== 'shell' || first.sub !== undefined || first.except !== undefined) return false;
  const { by } = first.way;
  return by === 'always' || by === 'fewer' || (by === 'key' && first.unless === undefined);
}

function isFollowedByScript({ escapes: [first] }: ProgramEntry, rest: string): boolean {
  return first?.way.by === 'fewer' && /^\s+(?:-[A-Za-z]+\s+)*\/\S/.test(rest);
}
