// T-42. Attacker: a requester who chooses command, reason and names, and whoever can set an address of e-mail; they want a letter to say
// something else, to go to somebody else, or to carry a link or a picture of theirs. Set-up: a server with a real mail server; people
// who are told. Procedure: line ends, header names, HTML, ANSI, direction marks, lists of addresses in each of them. Each letter goes to
// the one address, has our headers only, one link, and shows what was written as what it is. The link opens nothing to a stranger.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { eventually } from '../support/fleet.ts';
import { contentOf, headerOf, startTold, type Told } from '../support/told.ts';

const nasty = [
  'x\r\nBcc: victim@example.org', 'x\nSubject: Approved\n\nApproved by the boss', '\r\n.\r\nMAIL FROM:<evil@example.org>\r\n', '=?utf-8?q?a=0aBcc:=20victim@example.org?=',
  '<script>alert(1)</script><img src="https://evil.example/p.gif"><a href="https://evil.example/">Approve</a>', '\u001b[2J\u001b]0;owned\u0007', '\u202egro.elpmaxe', 'a\u0000b', 'a\u2028b\u0085c', '\ud800', '"><style>*{display:none}</style>', "'; --",
];
let told: Told;
beforeAll(async () => {
  told = await startTold();
  await told.account('carol', [{ role: 'approver', groups: 'all' }]);
});
afterAll(() => told.close());

test.each(nasty)('%j in command, reason and names is what it is and no more', async (text) => {
  const before = told.mailbox().mails.length;
  const request = { ...told.request, user: text, person: { id: 'p', name: text }, command: text, reason: text, runAs: text, rules: [text], device: { ...told.request.device, name: text } };
  await told.record({ kind: 'request-filed', request, from: ['user:carol'] });
  const { raw, to, from } = await eventually(async () => told.mailbox().mails[before]);
  expect([from, to]).toEqual(['belay@example.org', ['carol@example.org']]);
  const names = raw.slice(0, raw.indexOf('\r\n\r\n')).replace(/\r\n[ \t]/g, ' ').split('\r\n').map((line) => line.slice(0, line.indexOf(':')).toLowerCase());
  expect(names.toSorted()).toEqual(['auto-submitted', 'content-type', 'date', 'from', 'message-id', 'mime-version', 'references', 'subject', 'to', 'x-auto-response-suppress', 'x-belay-notice']);
  expect(headerOf(raw, 'subject')).toMatch(/Belay|=\?UTF-8\?/);
  expect(headerOf(raw, 'to')).toBe('carol@example.org');
  const html = contentOf(raw).slice(contentOf(raw).indexOf('text/html'));
  expect([...html.matchAll(/<(?!\/?(?:html|body|p|table|tr|th|td|code|small|a|!doctype)\b)[a-z!/]/gi)]).toEqual([]);
  expect([...html.matchAll(/(?:href|src)="([^"]*)"/g)].map((match) => match[1])).toEqual(['https://belay.example.org:7445/requests/r-abcdefghij']);
  expect(contentOf(raw).replaceAll(/\r\n|\n/g, '')).not.toMatch(/[\p{Cc}\u2028\u2029\u202a-\u202e]/u);
  expect(told.mailbox().mails).toHaveLength(before + 1);
});

test.each(['a@example.org\r\nBcc: victim@example.org', 'a@example.org, victim@example.org', 'a@example.org;victim@example.org', '<a@example.org>', 'victim', '@example.org', 'a b@example.org', 'a@exam\nple.org', '"a"@example.org', `${'a'.repeat(300)}@example.org`])('%j is no address: nothing goes out', async (email) => {
  const before = told.mailbox().mails.length;
  const { db } = told.api.context.store;
  await db.updateTable('accounts').set({ email }).where('name', '=', 'carol').execute();
  await told.record({ kind: 'request-filed', request: told.request, from: ['user:carol'] });
  const row = await eventually(() => db.selectFrom('outbox').selectAll().where('channel', '=', 'email').where('target', '=', email).where('done_at', 'is not', null).executeTakeFirst());
  expect([row.outcome, row.last_error]).toEqual(['failed', 'the address is not one']);
  expect(told.mailbox().mails).toHaveLength(before);
});
