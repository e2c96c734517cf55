import { inertText } from '../events/event-row.ts';
import type { Notice, RequestFacts } from './notice.ts';

/** Plain text and simple HTML that say the same. */
export type Letter = { readonly subject: string; readonly text: string; readonly html: string; /** Letters about one thing are one conversation. */ readonly thread: string };
type Row = readonly [label: string, value: string];
type Content = { readonly subject: string; readonly lead: string; readonly rows: readonly Row[]; readonly request: RequestFacts };

const MAX_SUBJECT = 140;
const MAX_VALUE = 1000;

/** Undefined for what is told by no letter. `console`: where it is, as "https://belay.example.org:7445". */
export function letterOf(notice: Notice, console: string): Letter | undefined {
  const content = contentOf(notice);
  if (content === undefined) return undefined;
  const { request, lead } = content;
  // The link is where to look, and gives nothing: whoever opens it signs in and sees what they may.
  const link = `${console}/requests/${encodeURIComponent(request.id)}`;
  const rows = content.rows.map(([label, value]) => [label, inert(value, MAX_VALUE)] as const);
  return {
    subject: inert(content.subject, MAX_SUBJECT),
    text: `${lead}\n\n${rows.map(([label, value]) => `${`${label}:`.padEnd(12)}${value}`).join('\n')}\n\n${link}\n\n${FOOT}\n`,
    html: htmlOf(lead, rows, link),
    thread: request.id,
  };
}

const FOOT = 'What stands after a colon was written or done by others. Belay never asks for a password by e-mail.';

function contentOf(notice: Notice): Content | undefined {
  switch (notice.kind) {
    case 'request-filed':
      return { ...about(notice.request, 'asks for approval'), lead: 'A request waits for your answer.', rows: [...asked(notice.request), ['Until', timeText(notice.request.expiresAt)]] };
    case 'request-escalated':
      return { ...about(notice.request, 'still waits for approval'), lead: 'Nobody has answered this request yet; you may.', rows: [...asked(notice.request), ['Until', timeText(notice.request.expiresAt)]] };
    case 'request-answered':
      return { ...about(notice.request, `was ${ANSWERED[notice.state]}`), lead: `Your request was ${ANSWERED[notice.state]}.`, rows: [...asked(notice.request), ...given('By', notice.by.join(', ')), ...given('They said', notice.words)] };
    case 'emergency-opened':
      return {
        ...about(notice.request, 'uses an emergency rule'), lead: 'An emergency rule was approved. Everything done under it is recorded and reviewed afterwards.',
        rows: [...asked(notice.request), ...given('Approved by', notice.by.join(', ')), ['Until', timeText(notice.expiresAt)]],
      };
    case 'emergency-reviewed':
      return { ...about(notice.request, 'was reviewed'), lead: 'The emergency was looked at.', rows: [...asked(notice.request), ['By', notice.by], ['They said', notice.words]] };
    case 'device-silent':
    case 'device-returned':
    case 'test':
      return undefined;
  }
}

const ANSWERED = { approved: 'approved', denied: 'denied', cancelled: 'cancelled', expired: 'not answered in time' } as const;

function about(request: RequestFacts, what: string): Pick<Content, 'subject' | 'request'> {
  const emergency = request.emergency ? 'EMERGENCY: ' : '';
  return { subject: `${emergency}Belay #${request.number}: ${inert(who(request), 40)} on ${inert(request.device.name, 40)} ${what}`, request };
}

function who({ user, person }: RequestFacts): string {
  return person === null || person.name === user ? user : `${person.name} (${user})`;
}

function asked(request: RequestFacts): readonly Row[] {
  return [['Who', who(request)], ['Device', [request.device.name, ...request.alsoOn].join(', ')], ['Command', request.command], ['Run as', request.runAs], ...given('Reason', request.reason), ['Rules', request.rules.join(', ')]];
}

function given(label: string, value: string | null): readonly Row[] {
  return value === null || value === '' ? [] : [[label, value]];
}

/** SECURITY(T-42): no line end and no other control character of anybody's gets into a letter, nor a header of one. */
function inert(text: string, max: number): string {
  // Cut first: a megabyte of line ends is no work. A cut through a pair of surrogates is made inert too.
  const short = text.length <= max ? text : `${text.slice(0, max - 1)}…`;
  return inertText(short);
}

function timeText(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character] as string);
}

function htmlOf(lead: string, rows: readonly Row[], link: string): string {
  const lines = rows.map(([label, value]) => `<tr><th align="left" valign="top">${escaped(label)}</th><td><code>${escaped(value)}</code></td></tr>`).join('\n');
  return `<!doctype html>\n<html lang="en"><body>\n<p>${escaped(lead)}</p>\n<table cellpadding="4">\n${lines}\n</table>\n<p><a href="${escaped(link)}">Open it in the console</a></p>\n<p><small>${escaped(FOOT)}</small></p>\n</body></html>\n`;
}
