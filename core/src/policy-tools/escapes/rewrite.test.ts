import { expect, test } from '@jest/globals';
import { type EscapeGuards, type Rewrite, rewriteFor } from './index.ts';

const spelled = (rewrite: Rewrite): string => {
  switch (rewrite.kind) {
    case 'arguments':
      return [rewrite.command, ...rewrite.args].join(' ') + (rewrite.children === undefined ? '' : ' [children: check]');
    case 'children':
      return '[children: check]';
    case 'deny':
      return rewrite.message;
  }
};

function rewritten(line: string, guards: EscapeGuards = {}): readonly string[] {
  const [command, ...args] = line.split(' ') as [string, ...string[]];
  return rewriteFor({ command, args }, guards).map(spelled);
}

test.each<[string, readonly string[]]>([
  ['/usr/bin/vim /etc/hosts', ['Use `belay edit FILE`.']],
  ['/usr/bin/less /var/log/x', ['/usr/bin/cat /var/log/NAME.log']],
  ['/usr/bin/systemctl status x.service', ['/usr/bin/systemctl --no-pager status x.service', '/usr/bin/systemctl --no-pager status NAME.service', '[children: check]']],
  ['/usr/bin/systemctl restart *', ['/usr/bin/systemctl restart NAME.service']],
  ['/usr/bin/journalctl -u x', ['/usr/bin/journalctl --no-pager -u x', '[children: check]']],
  ['/usr/bin/git -C /srv/x log', ['/usr/bin/git --no-pager -C /srv/x log', '[children: check]']],
  ['/usr/bin/apt-get update *', ['/usr/bin/apt-get update -- *', '/usr/bin/apt-get update', '[children: check]']],
  ['/usr/bin/apt-get -o * update', ['/usr/bin/apt-get update', '[children: check]']],
  ['/usr/bin/grep * /var/log/x', ['/usr/bin/grep -- * /var/log/x', '/usr/bin/grep -- PATTERN /var/log/NAME.log']],
  ['/usr/bin/grep x *', ['/usr/bin/grep -- PATTERN /var/log/NAME.log']],
  ['/usr/bin/docker run **', ['Ask for the task, not for this program.']],
  ['/usr/bin/nice /usr/bin/vim', ['/usr/bin/nice -n 10 /usr/local/sbin/NAME', '[children: check]']],
  ['/usr/bin/make install', ['/usr/bin/make -C /srv/NAME install [children: check]']],
  ['/usr/bin/cat /var/log/x', []],
  ['/usr/local/sbin/own **', []],
])('%s', (line, expected) => {
  expect(rewritten(line)).toEqual(expected);
});

test('with children held already, only what is still open is answered', () => {
  expect(rewritten('/usr/bin/systemctl status x.service', { children: 'check' })).toEqual([]);
  expect(rewritten('/usr/bin/find /srv/x **', { children: 'check' })).toEqual(['/usr/bin/find /var/log/NAME -type f -name *.gz -print', '/usr/bin/find /var/cache/NAME -type f -mtime +7 -print']);
});

test('every rewrite says why, in a sentence', () => {
  const reasons = ['vim', 'less', 'find', 'git', 'make', 'nice', 'docker'].flatMap((command) => rewriteFor({ command })).map(({ reason }) => reason);
  expect(reasons.filter((reason) => !/^[A-Z].*\.$/.test(reason))).toEqual([]);
});
