import { expect, test } from '@jest/globals';
import { spawnSync } from 'node:child_process';
import { exitCodes, exitCodesHelp } from './exit-codes.ts';
import { ageOf, inert } from './text.ts';
import { nodeArguments } from '../../tests/support/programs.ts';

function belay(args: readonly string[], input = '') {
  const { status, stdout, stderr } = spawnSync(process.execPath, nodeArguments('belay', args), { encoding: 'utf8', input });
  return { code: status, stdout, stderr };
}

test('help names every exit code once', () => {
  const documented = [...exitCodesHelp.matchAll(/^ {2}(\d+) /gm)].map((match) => Number(match[1]));
  expect(documented).toEqual(Object.values(exitCodes).toSorted((a, b) => a - b));
  expect(belay(['--help']).stdout).toContain(exitCodesHelp);
});

test.each([
  ['nothing at all', [], exitCodes.usage],
  ['an unknown command', ['bogus'], exitCodes.usage],
  ['an unknown option', ['status', '--bogus'], exitCodes.usage],
  ['a shell without completion', ['completion', 'tcsh'], exitCodes.usage],
  ['the version', ['version'], exitCodes.done],
  ['a belayd that is not there', ['status', '--socket', '/nonexistent/belayd.sock'], exitCodes.unreachable],
  ['why, and a belayd that is not there', ['why', '217', '--socket', '/nonexistent/belayd.sock'], exitCodes.unreachable],
  ['why -- COMMAND, and a belayd that is not there', ['why', '--socket', '/nonexistent/belayd.sock', '--', 'true', '--version'], exitCodes.unreachable],
  ['list, and a belayd that is not there', ['list', '--socket', '/nonexistent/belayd.sock'], exitCodes.unreachable],
  ['why of what is no number', ['why', 'apt-get'], exitCodes.usage],
  ['why of two numbers', ['why', '1', '2'], exitCodes.usage],
  ['why of a negative number', ['why', '-1'], exitCodes.usage],
  ['why -- without a command', ['why', '--'], exitCodes.usage],
  ['request without a command', ['request'], exitCodes.usage],
  ['request of a command without the dashes', ['request', 'id'], exitCodes.usage],
  ['request with a time that is none', ['request', '--for', 'ages', '--', 'id'], exitCodes.usage],
  ['request with uses that are none', ['request', '--uses', '0', '--', 'id'], exitCodes.usage],
  ['request --cancel of what is no number', ['request', '--cancel', 'x'], exitCodes.usage],
  ['request with devices that are not said', ['request', '--also-on'], exitCodes.usage],
  ['request --cancel with a command', ['request', '--cancel', '1', '--', 'id'], exitCodes.usage],
  ['request, and a belayd that is not there', ['request', '--socket', '/nonexistent/belayd.sock', '--', 'id'], exitCodes.unreachable],
  ['end of nothing', ['end'], exitCodes.usage],
  ['end of one and of all', ['end', '--all', 'g'], exitCodes.usage],
  ['end, and a belayd that is not there', ['end', '--all', '--socket', '/nonexistent/belayd.sock'], exitCodes.unreachable],
  ['status --watch, and a belayd that is not there', ['status', '--watch', '--socket', '/nonexistent/belayd.sock'], exitCodes.unreachable],
  ['--as without a command', ['why', '--as', 'bob', '217'], exitCodes.usage],
])('%s ends with its code', (_, args, code) => {
  const ran = belay(args);
  expect(ran.code).toBe(code);
  if (code !== exitCodes.done) expect(ran.stderr).not.toBe('');
});

test.each(['bash', 'zsh', 'fish'])('completion for %s names every command and its options', (shell) => {
  const { code, stdout } = belay(['completion', shell]);
  expect(code).toBe(0);
  for (const word of ['why', 'list', 'request', 'end', 'cancel', 'any-arguments', 'also-on', 'watch', 'enroll', 'unenroll', 'status', 'version', 'completion', 'token-file', 'json', 'verbose', 'user']) expect(stdout).toContain(word);
});

test('the completion for bash is valid shell', () => {
  expect(spawnSync('bash', ['-n'], { input: belay(['completion', 'bash']).stdout }).status).toBe(0);
});

test('what comes from elsewhere cannot act on a terminal (T-29)', () => {
  expect(inert('a\u001b[31mb\r\nc\u202Ed\u2028e\u0085f')).toBe('a\u{FFFD}[31mb\u{FFFD}\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}f');
  expect(inert('Ünïcode, 語 and spaces')).toBe('Ünïcode, 語 and spaces');
});

test('who means a command and leaves out the dashes is told how to ask', () => {
  expect(belay(['why', 'apt-get', 'update']).stderr).toContain('belay why -- apt-get update');
});

test('ages are told as people tell them', () => {
  expect([-5, 0, 119_000, 120_000, 7_199_000, 7_200_000, 172_800_000].map(ageOf)).toEqual(['0 s', '0 s', '119 s', '2 min', '120 min', '2 h', '2 days']);
});
