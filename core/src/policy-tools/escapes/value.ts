import type { Judged } from './entry.ts';
import { startsShell } from './line.ts';
import { headOf, literalOf, OPEN, type Symbols } from './symbols.ts';

/**
 * Does a written value leave it to the requester which file, program or host is meant?
 *
 * A path is held fast when it is absolute, no folder on the way is one that ordinary users write (they would put a link
 * there), and a wildcard in it stays within a folder that holds nothing the whole system rests on. A relative path
 * never is: the working directory is the requester's.
 */
export function leavesOpen(judged: Judged, symbols: Symbols): boolean {
  switch (judged) {
    case 'any':
      return true;
    case 'text':
      return literalOf(symbols) === undefined;
    case 'line': {
      const literal = literalOf(symbols);
      return literal === undefined || startsShell(literal);
    }
    case 'name':
      return literalOf(symbols) === undefined && (headOf(symbols).length < 2 || symbols.includes(OPEN));
    case 'target':
      return !isPathHeld(symbols) || isDecisive(literalOf(symbols) ?? headOf(symbols));
    case 'code':
      return isStandardInput(literalOf(symbols)) || !isPathHeld(symbols);
    case 'file':
      return !isPathHeld(symbols);
    case 'slash':
      return mayHoldSlash(symbols) && !isPathHeld(symbols);
    case 'scheme':
      return literalOf(symbols) === undefined && !/^(?:https?|ftps?):\/\/[^/]/i.test(headOf(symbols));
  }
}

function isStandardInput(literal: string | undefined): boolean {
  return literal !== undefined && (literal === '-' || ['/dev/stdin', '/dev/tty', '/dev/console'].includes(normal(literal)));
}

function mayHoldSlash(symbols: Symbols): boolean {
  return symbols.some((symbol) => symbol === OPEN || symbol === '/');
}

export function isPathHeld(symbols: Symbols): boolean {
  const literal = literalOf(symbols);
  if (literal === '-') return true;
  if (literal !== undefined) return literal.startsWith('/') && !isBelow(normal(literal), shared);
  const head = headOf(symbols);
  if (!head.startsWith('/')) return false;
  const folder = normal(head.slice(0, head.lastIndexOf('/')));
  if (folder === '/' || shared.includes(folder) || isBelow(folder, shared) || isBelow(folder, vital) || vital.includes(folder)) return false;
  return !crossesFolders(symbols, head.length) ? !roots.includes(folder) : !roots.some((root) => root === folder || root.startsWith(`${folder}/`));
}

/** A wildcard may name something in a folder further down. */
function crossesFolders(symbols: Symbols, from: number): boolean {
  return symbols.includes(OPEN) || symbols.includes('/', from);
}

/** Written by ordinary users, or, as /proc/self, whatever the reader makes of it. */
const shared = ['/home', '/tmp', '/var/tmp', '/dev/shm', '/dev/fd', '/run/user', '/run/lock', '/var/lock', '/var/crash', '/var/mail', '/var/spool/mail', '/media', '/proc/self', '/proc/thread-self', '/run/media'];

/** Any file below these is enough to become root, or tells what only root may know. */
const vital = [
  '/bin', '/sbin', '/lib', '/lib32', '/lib64', '/libx32', '/boot', '/dev', '/proc', '/sys', '/root', '/usr/bin', '/usr/sbin', '/usr/lib', '/usr/lib32', '/usr/lib64',
  '/usr/libexec', '/usr/local/bin', '/usr/local/sbin', '/usr/local/lib', '/etc/apt', '/etc/belay', '/etc/cron.d', '/etc/cron.daily', '/etc/cron.hourly',
  '/etc/cron.monthly', '/etc/cron.weekly', '/etc/dbus-1', '/etc/init.d', '/etc/ld.so.conf.d', '/etc/modprobe.d', '/etc/pam.d', '/etc/polkit-1', '/etc/profile.d',
  '/etc/security', '/etc/ssh', '/etc/ssl/private', '/etc/pki', '/etc/sudoers.d', '/etc/systemd', '/etc/udev', '/etc/xdg', '/run/systemd', '/run/udev',
  '/var/lib/belay', '/var/lib/dpkg', '/var/lib/rpm', '/var/spool/cron', '/var/lib/docker', '/var/lib/containers', '/var/lib/private', '/etc/NetworkManager', '/etc/kernel', '/etc/grub.d',
  '/etc/default', '/etc/logrotate.d', '/etc/alternatives', '/etc/modules-load.d', '/etc/binfmt.d', '/etc/sysctl.d', '/etc/tmpfiles.d', '/etc/environment.d',
];

/** Their own files are as good, but folders further down may be harmless. */
const roots = ['/', '/etc', '/usr', '/usr/local', '/usr/share', '/var', '/var/lib', '/var/spool', '/var/backups', '/run', '/opt', '/srv', '/mnt', ...vital, ...shared];

/** Whoever says what is in these is root soon. */
const decisive = [
  ...vital.filter((folder) => !['/dev', '/proc', '/sys'].includes(folder)), '/proc/sys/kernel', '/proc/sysrq-trigger', '/sys/kernel',
  '/etc/passwd', '/etc/shadow', '/etc/group', '/etc/gshadow', '/etc/sudoers', '/etc/doas.conf', '/etc/crontab', '/etc/anacrontab', '/etc/ld.so.preload', '/etc/ld.so.conf',
  '/etc/profile', '/etc/bash.bashrc', '/etc/bashrc', '/etc/zshrc', '/etc/environment', '/etc/fstab', '/etc/exports', '/etc/inittab', '/etc/rc.local', '/etc/hosts.equiv',
  '/etc/nsswitch.conf', '/etc/subuid', '/etc/subgid', '/etc/login.defs', '/etc/sysctl.conf', '/etc/logrotate.conf', '/etc/modules',
];

function isDecisive(path: string): boolean {
  const plain = normal(path);
  return decisive.includes(plain) || isBelow(plain, decisive);
}

function isBelow(path: string, folders: readonly string[]): boolean {
  for (let at = path.indexOf('/', 1); at > 0; at = path.indexOf('/', at + 1)) if (folders.includes(path.slice(0, at))) return true;
  return false;
}

function normal(path: string): string {
  const kept: string[] = [];
  for (const part of path.split('/')) {
    if (part === '..') kept.pop();
    else if (part !== '' && part !== '.') kept.push(part);
  }
  return `/${kept.join('/')}`;
}
