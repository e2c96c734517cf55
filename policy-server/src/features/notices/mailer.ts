import { readFileSync } from 'node:fs';
import { getCACertificates } from 'node:tls';
import { createTransport } from 'nodemailer';
import type { ServerConfig } from '../../config/schema.ts';
import type { Delivery, Outcome } from './delivery.ts';
import { letterOf } from './letter.ts';
import type { Notice } from './notice.ts';

export interface Mailer {
  deliver(delivery: Delivery): Promise<Outcome>;
  close(): void;
}
export type MailerDeps = { readonly smtp: ServerConfig['smtp']; readonly console: string; readonly clock: () => number };

const CONNECTIONS = 4;
const TIMEOUT_MS = 10_000;
const ADDRESS = /^[^\s\p{C}<>@",;:\\()[\]]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?$/u;

/** Undefined when no mail server is configured. Throws when the password or the authorities cannot be read. */
export function createMailer({ smtp, console, clock }: MailerDeps): Mailer | undefined {
  const { host, from } = smtp;
  if (host === undefined || from === undefined) return undefined;
  const transport = createTransport({ ...connectionOf(smtp, host), pool: true, maxConnections: CONNECTIONS });
  const domain = from.replace(/^.*@/, '').replace(/>$/, '');
  return {
    async deliver({ id, target, payload, createdAt }) {
      const notice = JSON.parse(payload) as Notice;
      const letter = letterOf(notice, console);
      if (letter === undefined || isTooLate(notice, clock())) return { kind: 'dropped' };
      // SECURITY(T-42): one plain address, or none: never a list, never a second header.
      if (!ADDRESS.test(target)) return { kind: 'refused', why: 'the address is not one' };
      const { subject, text, html, thread } = letter;
      try {
        await transport.sendMail({
          from, to: { name: '', address: target }, subject, text, html, date: new Date(createdAt), messageId: `<${id}@${domain}>`, references: `<${thread}@${domain}>`,
          // No out-of-office answers, and a stable id besides the message's.
          headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All', 'X-Belay-Notice': id },
          disableFileAccess: true, disableUrlAccess: true,
        });
        return { kind: 'delivered' };
      } catch (error) {
        return outcomeOf(error);
      }
    },
    close: () => transport.close(),
  };
}

/** After it nobody can answer: a letter that asks for it would only confuse. */
function isTooLate(notice: Notice, now: number): boolean {
  return (notice.kind === 'request-filed' || notice.kind === 'request-escalated') && notice.request.expiresAt <= now;
}

function connectionOf({ port, tls, user, passwordFile, authorities }: MailerDeps['smtp'], rawHost: string) {
  const host = rawHost.replace(/^\[(.*)\]$/, '$1');
  return {
    host, port, secure: tls === 'required', requireTLS: tls === 'starttls', ignoreTLS: tls === 'none',
    connectionTimeout: TIMEOUT_MS, greetingTimeout: TIMEOUT_MS, socketTimeout: TIMEOUT_MS, dnsTimeout: TIMEOUT_MS,
    tls: { minVersion: 'TLSv1.2' as const, ...(authorities === undefined ? {} : { ca: [...getCACertificates(), readFileSync(authorities, 'utf8')] }) },
    ...(user === undefined || passwordFile === undefined ? {} : { auth: { user, pass: (readFileSync(passwordFile, 'utf8').split('\n')[0] as string).trim() } }),
  };
}

/** A mail server that refuses this letter or this address for good says so with 5xx; anything else may pass. */
function outcomeOf(error: unknown): Outcome {
  const { code, responseCode } = error as { code?: unknown; responseCode?: unknown };
  const what = typeof code === 'string' && /^[A-Z0-9_]{1,64}$/.test(code) ? code : 'the connection failed';
  const why = typeof responseCode === 'number' ? `${what}, answered ${responseCode}` : what;
  const isForGood = (code === 'EENVELOPE' || code === 'EMESSAGE') && typeof responseCode === 'number' && responseCode >= 500;
  return { kind: isForGood ? 'refused' : 'failed', why };
}
