import { expect, test } from '@jest/globals';
import { fixEnvironment, type StartFacts, startRefusals } from './start-checks.ts';

const good: StartFacts = { effectiveUid: 0, execArguments: ['--disable-sigusr1'], environment: { PATH: '/bin' }, ptraceScope: 1, handlesWork: true };

test('root with the protecting flag on a kernel that has what is needed may start', () => {
  expect(startRefusals(good)).toEqual([]);
  expect(startRefusals({ ...good, ptraceScope: undefined })).toEqual([]);
});

test.each([
  ['another user', { effectiveUid: 1000 }, /must run as root/],
  ['no flag', { execArguments: [] }, /--disable-sigusr1/],
  ['a debugger', { execArguments: ['--disable-sigusr1', '--inspect-brk=0'] }, /--inspect-brk=0/],
  ['NODE_OPTIONS', { environment: { NODE_OPTIONS: '--require /tmp/x' } }, /NODE_OPTIONS/],
  ['LD_PRELOAD', { environment: { LD_PRELOAD: '/tmp/x.so' } }, /LD_PRELOAD/],
  ['ptrace_scope 3', { ptraceScope: 3, handlesWork: false }, /ptrace_scope is 3.*set it to 2/],
  ['an old kernel', { handlesWork: false }, /Linux 5.6/],
] as const)('with %s it refuses and says what to do', (_name, change, said) => {
  expect(startRefusals({ ...good, ...change }).join('\n')).toMatch(said);
});

test('what it was started with is gone afterwards', () => {
  const environment: NodeJS.ProcessEnv = { TZ: 'x', SECRET: 'y', PATH: '/tmp' };
  fixEnvironment(environment);
  expect(environment).toEqual({ PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', HOME: '/', NO_COLOR: '1' });
});
