import { expect, test } from '@jest/globals';
import type { ByteString } from '@belay/core/bytes';
import type { Actor } from '../platform/platform.ts';
import { type EnvironmentParts, readVariables, type Variables } from './environment.ts';
import type { SudoRequest } from './sudo-request.ts';

const bytes = (text: string): ByteString => text as ByteString;
const actor = (realUid: number): Actor => ({ pid: 1, realUid, realGid: realUid, groups: [realUid], effectiveUid: 0, loginSession: { sessionId: 1, leaderStart: 1, terminal: 0 } });
const account = { name: 'root', uid: 0, gid: 0, home: bytes('/root'), shell: bytes('/bin/bash') };
const parts = (uid = 2001): EnvironmentParts => ({ account, actor: actor(uid), requesterName: 'alice', command: bytes('/usr/bin/id'), args: [bytes('-u')] });
const empty: SudoRequest = {
  mode: 'run', runAsUser: undefined, runAsGroup: undefined, loginShell: false, preserveEnvironment: false, preserveNames: [], nonInteractive: false, directoryWanted: undefined,
  argv: [bytes('id')], environment: [], environmentAdded: [], typedPath: bytes('/usr/bin/id'), executableFd: 3, listUser: undefined, fileModeMask: 0o22, listLong: false,
  ignoreCachedReauth: false, pamAvailable: true, startsAtOnce: false, records: true,
};

function read(changes: { readonly environment?: readonly string[]; readonly added?: readonly string[]; readonly names?: readonly string[]; readonly preserve?: boolean }, uid?: number): Variables {
  const request = { ...empty, environment: (changes.environment ?? []).map(bytes), environmentAdded: (changes.added ?? []).map(bytes), preserveNames: (changes.names ?? []).map(bytes), preserveEnvironment: changes.preserve ?? false };
  return readVariables(request, parts(uid));
}

const build = (...args: Parameters<typeof read>): readonly string[] => read(...args).usual;
const asked = (...args: Parameters<typeof read>): readonly string[] => read(...args).asked;

const rebuilt = [
  'HOME=/root', 'LOGNAME=root', 'MAIL=/var/mail/root', 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin', 'SHELL=/bin/bash',
  'SUDO_COMMAND=/usr/bin/id -u', 'SUDO_GID=2001', 'SUDO_UID=2001', 'SUDO_USER=alice', 'TERM=unknown', 'USER=root',
];

test('nothing of the caller\'s gets in but what is listed', () => {
  expect(build({})).toEqual(rebuilt);
  // T-19
  const hostile = ['LD_PRELOAD=/tmp/x.so', 'BASH_ENV=/tmp/x', 'BASH_FUNC_id%%=() { sh; }', 'PYTHONPATH=/tmp', 'PERL5OPT=-Mx', 'NODE_OPTIONS=-r x', 'GIT_PAGER=x', 'PAGER=x', 'TZ=:/etc/shadow', 'PATH=/tmp', 'HOME=/tmp', 'SUDO_USER=root', 'USER=bob', '=x', 'novalue', 'IFS=x', 'GCONV_PATH=/tmp'];
  expect(build({ environment: hostile })).toEqual(rebuilt);
});

test('terminal, language and display are kept while their values are plain', () => {
  const kept = ['TERM=xterm-256color', 'LANG=de_DE.UTF-8', 'LC_ALL=C.UTF-8', 'DISPLAY=:0', 'COLORTERM=truecolor'];
  expect(build({ environment: kept })).toEqual([...rebuilt.filter((entry) => !entry.startsWith('TERM=')), ...kept].sort());
  const broken = ['TERM=/tmp/x', 'LANG=%n', 'LC_ALL=../x', 'LC_x=1', 'DISPLAY=$(id)', 'LS_COLORS=() { :; }', 'TERM=a\nb'];
  expect(build({ environment: broken })).toEqual(rebuilt);
});

test('what is asked for and is not among the usual is told by its name', () => {
  expect(asked({ environment: ['FOO=1'], names: ['FOO'] })).toEqual(['FOO']);
  expect(asked({ environment: ['FOO=1', 'HOME=/x', 'TERM=xterm'], preserve: true })).toEqual(['FOO']);
  expect(asked({ environment: ['FOO=1'] })).toEqual([]);
  expect(asked({ added: ['LD_PRELOAD=/tmp/x', 'LANG=/tmp/x', 'PATH=/tmp', 'LANG=C'] })).toEqual(['LD_PRELOAD', 'LANG', 'PATH']);
  expect(asked({ added: ['A\u001b[31m=x'] })).toEqual(['A\u001b[31m']);
});

test('the caller\'s other variables are what a rule may keep; what is set anew for the command is not among them', () => {
  const { others } = read({ environment: ['FOO=1', 'LANG=/tmp/x', 'TERM=xterm', 'HOME=/x', 'BELAY_REASON=x'], added: ['FOO=2', 'BAR=', 'LANG=C', 'SUDO_USER=root'] });
  expect([...others]).toEqual([['FOO', '2'], ['LANG', '/tmp/x'], ['BAR', '']]);
});

test('what is on the list may be asked for', () => {
  expect(build({ environment: ['HOME=/x', 'TERM=xterm', 'PWD=/x'], preserve: true })).toContain('TERM=xterm');
  expect(build({ added: ['DEBIAN_FRONTEND=noninteractive', 'LANG=C'] })).toEqual(expect.arrayContaining(['DEBIAN_FRONTEND=noninteractive', 'LANG=C']));
  expect(asked({ added: ['DEBIAN_FRONTEND=Evil::Module'] })).toEqual(['DEBIAN_FRONTEND']);
});

test('uid 0 keeps what it asks for: it could set it anyway', () => {
  expect(build({ environment: ['FOO=1', 'BAR=2', 'PATH=/opt/bin'], names: ['FOO', 'PATH'], added: ['LD_X=1'] }, 0)).toEqual(expect.arrayContaining(['FOO=1', 'PATH=/opt/bin', 'LD_X=1']));
  expect(build({ environment: ['FOO=1', 'BAR=2'], names: ['FOO'] }, 0)).not.toContain('BAR=2');
});
