import { spawnSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import { type ByteString, encodeUtf8 } from '@belay/core/bytes';
import { askAheadLine, commandText, shellWord } from './command-text.ts';
import type { SudoRequest } from './sudo-request.ts';

const b = (text: string): ByteString => text as ByteString;

test.each(['plain', '', "it's", 'a b', '$(id)', '`id`', '\\', '\u001b[2J', 'new\nline', '\xff\xfe', '!x', '*', '~root', '#c', "'\\''\n", encodeUtf8('grün')])('a shell reads %j back to the same bytes', (word) => {
  const written = shellWord(b(word));
  expect(written).toMatch(/^[\x20-\x7e]+$/);
  const { stdout } = spawnSync('bash', ['-c', `printf %s ${written}`], { encoding: 'latin1' });
  expect(stdout).toBe(word);
});

test('a command is shown inert, word by word, and cut where it is long (T-29)', () => {
  expect(commandText([b('id'), b('a b'), b('\u001b[2J')])).toBe("id 'a b' '\\u001b[2J'");
  expect(commandText([b('x'.repeat(5000))])).toHaveLength(2001);
});

const sudo = (changes: Partial<SudoRequest> = {}): SudoRequest => ({
  loginShell: false, preserveEnvironment: false, preserveNames: [], directoryWanted: undefined, environmentAdded: [], runAsUser: undefined, runAsGroup: undefined, argv: [b('id'), b('-u')], ...changes,
}) as SudoRequest;

test.each<[string, string | undefined, Partial<SudoRequest>, string | undefined, boolean]>([
  ['a plain one', 'belay request -- id -u', {}, undefined, false],
  ['with a reason given ahead', "belay request --reason 'for a test' -- id -u", {}, 'for a test', true],
  ['where a reason is wanted', "belay request --reason '…' -- id -u", {}, undefined, true],
  ['as somebody', "belay request -u postgres -g '#7' -- id -u", { runAsUser: b('postgres'), runAsGroup: b('#7') }, undefined, false],
  ['what cannot be asked like that', undefined, { loginShell: true }, undefined, false],
  ['in another folder', undefined, { directoryWanted: b('/') }, undefined, false],
  ['what is too long', undefined, { argv: [b('x'.repeat(2000))] }, undefined, false],
])('the line to ask ahead: %s', (_, expected, changes, reason, isWanted) => expect(askAheadLine(sudo(changes), reason, isWanted)).toBe(expected));
