import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { ByteString } from '@belay/core/bytes';
import type { Decision, Obligations } from '@belay/core/policy';
import type { Variables } from './environment.ts';
import { decideConsistently, firstUnkept, isKept, keepVariables, setVariables, unsettable } from './kept-variables.ts';

const entries = (...list: readonly string[]): readonly ByteString[] => list as readonly ByteString[];
const variables = (others: Readonly<Record<string, string>>, usual = ['PATH=/bin', 'TERM=xterm']): Variables => ({ usual: entries(...usual), others: new Map(Object.entries(others)), asked: [] });
const STEERING = ['LD_PRELOAD', 'GCONV_PATH', 'BASH_ENV', 'ENV', 'IFS', 'PYTHONPATH', 'PERL5OPT', 'NODE_OPTIONS', 'GIT_SSH_COMMAND', 'PAGER', 'TZ', 'LESSOPEN', 'EDITOR', 'GLIBC_TUNABLES', 'MALLOC_TRACE', 'XDG_CONFIG_HOME'];
const NEVER = ['PATH', 'HOME', 'SHELL', 'USER', 'LOGNAME', 'MAIL', 'PWD', 'SUDO_USER', 'SUDO_EDITOR', 'BELAY_REASON', 'BASH_FUNC_id', 'BASH_FUNC_id%%', '_'];

describe('which variables a pattern keeps', () => {
  test('a name keeps that one, a beginning all that begin so', () => {
    expect(isKept(['KUBECONFIG'], 'KUBECONFIG', '/x')).toBe(true);
    expect(isKept(['KUBECONFIG'], 'KUBECONFIG2', '/x')).toBe(false);
    expect(isKept(['AWS_*'], 'AWS_PROFILE', 'x')).toBe(true);
    expect(isKept(['AWS_*'], 'MY_AWS_PROFILE', 'x')).toBe(false);
    expect(isKept([], 'KUBECONFIG', '/x')).toBe(false);
  });

  test('SECURITY(T-19): what steers a loader, a shell or an interpreter is kept by its own name alone, or by its family\'s', () => {
    for (const name of STEERING) {
      expect({ name, kept: isKept([name], name, 'x') }).toEqual({ name, kept: true });
      expect({ name, kept: isKept([`${name[0]}*`], name, 'x') }).toEqual({ name, kept: false });
    }
    expect(isKept(['PYTHON*'], 'PYTHONPATH', 'x')).toBe(true);
    expect(isKept(['PYT*'], 'PYTHONPATH', 'x')).toBe(false);
  });

  test('SECURITY(T-19): who somebody is, where programs are looked for and functions for shells are kept by nothing', () => {
    for (const name of NEVER) expect({ name, kept: isKept([name, `${name[0]}*`, 'BASH_*', 'SUDO_*'], name, 'x') }).toEqual({ name, kept: false });
    expect(isKept(['ANY'], 'ANY', '() { sh; }')).toBe(false);
    expect(isKept(['ANY'], 'ANY', '\u00ff')).toBe(false);
  });

  test('a locale that a pattern keeps must still be plain; one that is named may be anything', () => {
    expect(isKept(['LC_*'], 'LC_ALL', '../../evil')).toBe(false);
    expect(isKept(['LC_*'], 'LC_x', 'C')).toBe(true);
    expect(isKept(['LC_ALL'], 'LC_ALL', '/opt/locale')).toBe(true);
  });

  test('whatever the patterns, nothing of those comes in, and nothing that was usual goes', () => {
    const name = fc.oneof(fc.constantFrom(...NEVER), fc.stringMatching(/^[A-Z_]{1,6}$/));
    const pattern = fc.oneof(name, name.map((text) => `${text.slice(0, 3)}*`));
    fc.assert(fc.property(fc.dictionary(name, fc.string()), fc.array(pattern), (others, patterns) => {
      const kept = keepVariables(variables(others, ['USUAL=1']), patterns);
      const names = kept.map((entry) => entry.slice(0, entry.indexOf('=')));
      expect(names.filter((each) => NEVER.includes(each))).toEqual([]);
      expect(kept).toContain('USUAL=1');
      expect(new Set(names).size).toBe(names.length);
    }));
  });
});

test('what was asked for must be there, with the value that was asked for', () => {
  const asked = { ...variables({ LANG: '/tmp/x', FOO: '1' }), asked: ['FOO', 'LANG'] };
  expect(firstUnkept(asked, entries('FOO=1', 'LANG=C'))).toBe('LANG');
  expect(firstUnkept(asked, entries('FOO=1', 'LANG=/tmp/x'))).toBeUndefined();
  expect(firstUnkept({ ...asked, asked: ['PATH'] }, entries('PATH=/bin'))).toBe('PATH');
});

test('a rule sets over what was kept, as UTF-8, and not what is never its own to set', () => {
  expect(setVariables(entries('A=1', 'B=2'), [['B', 'ü'], ['C', '']])).toEqual(['A=1', 'B=\u00c3\u00bc', 'C=']);
  expect(unsettable([['HOME', '/srv'], ['DEBUG', '1']])).toEqual([]);
  expect(unsettable([['PATH', '/x'], ['SUDO_USER', 'x'], ['BELAY_REASON', 'x'], ['A-B', 'x']])).toEqual(['PATH', 'SUDO_USER', 'BELAY_REASON', 'A-B']);
});

describe('an environment that decides and follows from the decision', () => {
  const allow = (...keep: readonly string[]): Decision => ({ kind: 'allow', by: [], message: undefined, obligations: { environment: { keep, set: [] } } as unknown as Obligations });
  const deny: Decision = { kind: 'deny', reason: { kind: 'no-rule' } };
  const has = (env: readonly string[], entry: string): boolean => env.includes(entry);

  test('without patterns it is decided once, on the usual one', () => {
    const seen: (readonly string[])[] = [];
    const { env } = decideConsistently(variables({ FOO: '1' }), [], (given) => (seen.push(given), allow()));
    expect([seen.length, env]).toEqual([1, ['PATH=/bin', 'TERM=xterm']]);
  });

  test('a rule may ask for a variable that it keeps itself', () => {
    const decideOn = (env: readonly string[]): Decision => (has(env, 'FOO=1') ? allow('FOO') : deny);
    expect(decideConsistently(variables({ FOO: '1' }), ['FOO'], decideOn)).toMatchObject({ decision: { kind: 'allow' }, env: ['FOO=1', 'PATH=/bin', 'TERM=xterm'] });
    expect(decideConsistently(variables({ FOO: '2' }), ['FOO'], decideOn)).toMatchObject({ decision: { kind: 'deny' } });
  });

  test('a rule that keeps less than another would is decided on what it keeps', () => {
    const decideOn = (env: readonly string[]): Decision => (has(env, 'BAR=1') ? allow('FOO') : has(env, 'FOO=1') ? allow('FOO') : deny);
    expect(decideConsistently(variables({ FOO: '1', BAR: '1' }), ['FOO', 'BAR'], decideOn).env).toEqual(['FOO=1', 'PATH=/bin', 'TERM=xterm']);
  });

  test('a deny of what would not be kept denies nothing; of what is kept it denies', () => {
    const denied = (env: readonly string[]): boolean => has(env, 'FOO=1');
    expect(decideConsistently(variables({ FOO: '1' }), ['FOO'], (env) => (denied(env) ? deny : allow())).decision.kind).toBe('allow');
    expect(decideConsistently(variables({ FOO: '1' }), ['FOO'], (env) => (denied(env) ? deny : allow('FOO'))).decision.kind).toBe('deny');
  });

  test('rules that go round in circles allow nothing', () => {
    const decideOn = (env: readonly string[]): Decision => (has(env, 'FOO=1') ? allow() : allow('FOO'));
    expect(decideConsistently(variables({ FOO: '1' }), ['FOO'], decideOn).decision).toEqual(deny);
  });
});
