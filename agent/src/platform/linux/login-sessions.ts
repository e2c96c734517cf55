import { readdirSync } from 'node:fs';
import type { LoginOrigin } from '@belay/core/policy';
import { readSession } from './lineage.ts';

/** What logind says of one session; see sd-login(3) and pam_systemd(8). */
export type Session = ReadonlyMap<string, string>;

const MAX_SESSIONS = 1024;
const SSH_SERVICES: ReadonlySet<string | undefined> = new Set(['sshd', 'ssh', 'dropbear']);
const GRAPHICAL: ReadonlySet<string | undefined> = new Set(['x11', 'wayland', 'mir']);
/** Virtual consoles, serial lines and the consoles of hypervisors. Not `pts/…`: who is behind one of those, logind does not say. */
const TERMINAL_OF_MACHINE = /^(?:tty[A-Z]*[0-9]+|ttymxc[0-9]+|ttysclp[0-9]+|sclp_line[0-9]+|hvc[0-9]+|hvsi[0-9]+|xvc[0-9]+|console)$/;

/** Every session of a user's, those that are about to end too. Undefined: one of them cannot be read, or there are too many. */
export function sessionsOfUser(folder: string, uid: number): readonly Session[] | undefined {
  try {
    // Beside the sessions lie the pipes by which logind sees their end.
    const names = readdirSync(folder).filter((name) => /^[A-Za-z0-9]{1,32}$/.test(name));
    if (names.length > MAX_SESSIONS) return undefined;
    const sessions = names.map((name) => readSession(folder, name));
    if (sessions.some((session) => session?.get('UID') === undefined)) return undefined;
    return sessions.filter((session): session is Session => session?.get('UID') === `${uid}`);
  } catch {
    return undefined;
  }
}

/** A session that a person has: not a greeter's, a lock screen's, a user manager's. */
export function isOfPerson(session: Session): boolean {
  return session.get('CLASS')?.startsWith('user') === true;
}

/** How a session came about. Undefined: in none of these ways as far as can be told: a greeter's, one over another network protocol. */
export function kindOf(session: Session): LoginOrigin['kind'] | undefined {
  if (session.get('CLASS')?.startsWith('background') === true) return 'service';
  if (!isOfPerson(session)) return undefined;
  // Not by REMOTE: a connection from this machine itself is none to logind.
  if (SSH_SERVICES.has(session.get('SERVICE'))) return 'ssh';
  if (session.get('REMOTE') !== '0') return undefined;
  // A remote desktop may say it is local, but it has no seat.
  if (GRAPHICAL.has(session.get('TYPE'))) return (session.get('SEAT') ?? '') === '' ? undefined : 'desktop';
  return session.get('TYPE') === 'tty' && TERMINAL_OF_MACHINE.test(session.get('TTY') ?? '') ? 'console' : undefined;
}
