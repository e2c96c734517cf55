import { describe, expect, test } from '@jest/globals';
import { type ByteString, encodeUtf8 } from '../bytes.ts';
import type { Grant } from '../evidence/payloads.ts';
import type { ApprovalDemand } from '../policy/demands.ts';
import { approvalText } from './approval-text.ts';
import { exactScope, type GrantUse, isHolder, isInScope, isWellBound, mismatch, type Scope, scopeFault } from './covers.ts';

const colleague: ApprovalDemand = { from: ['role:approver'], count: 1, withinMs: 1000 };
const security: ApprovalDemand = { from: ['role:security'], count: 2, withinMs: 1000 };
const bytes = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const grant = (changes: Partial<Grant> = {}): Grant => ({
  server: bytes(1), device: 'd-1', id: 'g', request: 7, uid: 2001, user: 'alice', digest: bytes(2), met: [approvalText(colleague)], issuedAt: 0, expiresAt: 1, approvedBy: [], message: '', emergency: false, ...changes,
});
const ofId: Scope = { commands: [{ command: '/usr/bin/id', args: ['-u'] }], runAsUid: 0, runAsGid: 0 };
/** Asked on another device, so bound by name. */
const byName = (changes: Partial<Grant> = {}): Grant => {
  const { uid: _, digest: __, ...rest } = grant({ request: 0, scope: ofId });
  return { ...rest, ...changes };
};
const asking = (requester: object): Partial<GrantUse> => ({ request: request({ requester }), digest: bytes(9) });
const request = (changes: object = {}): GrantUse['request'] => ({
  deviceId: 'd-1', requester: { uid: 2001 }, executable: { resolved: '/usr/bin/id' }, args: ['-u'], runAs: { uid: 0, gid: 0 }, ...changes,
}) as unknown as GrantUse['request'];
const use = (changes: Partial<GrantUse> = {}): GrantUse => ({ request: request(), digest: bytes(2), session: bytes(3), ...changes });

describe('a grant stands for a request', () => {
  test.each<[string, string | undefined, Partial<Grant>, Partial<GrantUse>, readonly ApprovalDemand[]]>([
    ['that is the very one', undefined, {}, {}, [colleague]],
    ['not on another device (T-18)', 'device', {}, { request: request({ deviceId: 'd-2' }) }, [colleague]],
    ['not of another user (T-12)', 'user', {}, { request: request({ requester: { uid: 2002 } }) }, [colleague]],
    ['of the session that waited', undefined, { session: bytes(3) }, {}, [colleague]],
    ['not of another session (T-12)', 'session', { session: bytes(4) }, {}, [colleague]],
    ['not where nobody can tell the session', 'session', { session: bytes(3) }, { session: undefined }, [colleague]],
    ['not with another digest (T-18)', 'request', {}, { digest: bytes(9) }, [colleague]],
    ['not for an approval that it does not meet', 'approval', {}, {}, [security]],
    ['not for one of two', 'approval', {}, {}, [colleague, security]],
    ['for both, when both said yes', undefined, { met: [approvalText(security), approvalText(colleague)] }, {}, [colleague, security]],
    ['not when the demand has changed since', 'approval', {}, {}, [{ ...colleague, count: 2 }]],
    ['not when it is bound to nothing', 'request', { digest: undefined }, {}, [colleague]],
    ['not when it is bound to two things', 'request', { scope: { commands: [{ command: '/usr/bin/id' }], runAsUid: 0, runAsGid: 0 } }, {}, [colleague]],
    ['in its scope', undefined, { digest: undefined, scope: { commands: [{ command: '/usr/bin/id', args: ['-*'] }], runAsUid: 0, runAsGid: 0 } }, { digest: bytes(9) }, [colleague]],
  ])('%s', (_, expected, changes, of, demanded) => expect(mismatch(grant(changes), use(of), demanded)).toBe(expected));
});

describe('a grant that was asked on another device', () => {
  test.each<[string, string | undefined, Grant, Partial<GrantUse>]>([
    ['stands for whom its name is', undefined, byName(), asking({ uid: 3001, name: 'alice' })],
    ['not for the same number with another name (T-12)', 'user', byName(), asking({ uid: 2001, name: 'bob' })],
    ['not for a number without a name (T-12)', 'user', byName(), asking({ uid: 2001, name: undefined })],
    ['not for another spelling', 'user', byName(), asking({ uid: 3001, name: 'Alice' })],
    ['not for root, whatever root is called (T-12)', 'user', byName(), asking({ uid: 0, name: 'alice' })],
    ['not on another device still (T-18)', 'device', byName(), { ...asking({ uid: 3001, name: 'alice' }), request: request({ deviceId: 'd-2', requester: { uid: 3001, name: 'alice' } }) }],
    ['not for other arguments', 'request', byName(), { ...asking({}), request: request({ requester: { uid: 3001, name: 'alice' }, args: ['-g'] }) }],
    ['not for an approval that the rule here does not demand so', 'approval', byName({ met: [] }), asking({ uid: 3001, name: 'alice' })],
    ['not with a request of this device (T-18)', 'request', byName({ request: 7 }), asking({ uid: 3001, name: 'alice' })],
    ['not with a digest', 'request', { ...grant({ request: 0 }), uid: undefined }, { ...asking({ uid: 3001, name: 'alice' }), digest: bytes(2) }],
    ['not with a session', 'request', byName({ session: bytes(3) }), asking({ uid: 3001, name: 'alice' })],
    ['not as an emergency', 'request', byName({ emergency: true }), asking({ uid: 3001, name: 'alice' })],
    ['not with the number too', 'request', grant({ request: 0 }), {}],
  ])('%s', (_, expected, of, by) => expect(mismatch(of, use(by), [colleague])).toBe(expected));

  test('is nobody\'s where it names nobody, and a number is no name', () => {
    expect(['', '#2001'].map((user) => isWellBound(byName({ user })))).toEqual([false, false]);
    expect(isHolder({ user: '' }, { uid: 2001, name: undefined })).toBe(false);
  });
});

test.each<[string, boolean, Grant]>([
  ['a digest', true, grant()],
  ['a scope', true, grant({ digest: undefined, scope: ofId })],
  ['a digest and a session', true, grant({ session: bytes(3) })],
  ['a name and a scope', true, byName()],
  ['nothing', false, grant({ digest: undefined })],
  ['two things', false, grant({ scope: ofId })],
  ['a uid, without a request', false, grant({ request: 0, digest: undefined, scope: ofId })],
  ['a name and a request', false, byName({ request: 7 })],
  ['a name alone', false, byName({ scope: undefined })],
  ['a name and a digest', false, byName({ scope: undefined, digest: bytes(2) })],
  ['a name and a session', false, byName({ session: bytes(3) })],
  ['a name, as an emergency', false, byName({ emergency: true })],
])('bound by %s: %s', (_, expected, of) => expect(isWellBound(of)).toBe(expected));

describe('a scope', () => {
  const scope = (args: readonly string[] | undefined, changes: Partial<Scope> = {}): Scope => ({ commands: [{ command: '/usr/bin/systemctl', ...(args === undefined ? {} : { args: [...args] }) }], runAsUid: 0, runAsGid: 0, ...changes });
  const asked = (args: readonly string[], changes: object = {}) => request({ executable: { resolved: '/usr/bin/systemctl' }, args, ...changes });

  test.each<[string, boolean, Scope, ReturnType<typeof asked>]>([
    ['any arguments', true, scope(undefined), asked(['restart', 'x'])],
    ['matching ones', true, scope(['restart', '*']), asked(['restart', 'nginx'])],
    ['one more', false, scope(['restart', '*']), asked(['restart', 'nginx', 'sshd'])],
    ['another', false, scope(['restart', '*']), asked(['stop', 'nginx'])],
    ['none', false, scope([]), asked(['x'])],
    ['a path that climbs (T-05)', false, scope(['/var/log/*']), asked(['/var/log/../../etc/shadow'])],
    ['a pattern that cannot be read', false, scope(['**', 'x']), asked(['a', 'x'])],
    ['another command', false, scope(undefined), request()],
    ['another user', false, scope(undefined, { runAsUid: 1 }), asked([])],
    ['another group', false, scope(undefined, { runAsGid: 1 }), asked([])],
    ['bytes that only look like it', false, scope(undefined), asked([], { executable: { resolved: '/usr/bin/systemctl\u0000' } })],
    ['a path beyond ASCII, as bytes', true, { ...scope(undefined), commands: [{ command: '/opt/grün' }] }, asked([], { executable: { resolved: encodeUtf8('/opt/grün') } })],
    ['the same as text', false, { ...scope(undefined), commands: [{ command: '/opt/grün' }] }, asked([], { executable: { resolved: '/opt/grün' as ByteString } })],
  ])('%s: %s', (_, expected, of, what) => expect(isInScope(of, what)).toBe(expected));

  test('of the very arguments holds for these and no others, whatever is in them', () => {
    const args = ['restart', '*', '**', '\\*', '--file=/srv/**', '', 'grün'];
    const exact = exactScope('/usr/bin/systemctl', args, { uid: 0, gid: 0 });
    const bytesOf = (of: readonly string[]) => asked(of.map(encodeUtf8));
    expect(isInScope(exact, bytesOf(args))).toBe(true);
    for (const at of args.keys()) {
      expect(isInScope(exact, bytesOf(args.with(at, 'other')))).toBe(false);
      expect(isInScope(exact, bytesOf(args.toSpliced(at, 1)))).toBe(false);
    }
    expect(isInScope(exactScope('/usr/bin/systemctl', [], { uid: 0, gid: 0 }), asked(['x']))).toBe(false);
  });

  test('says what is wrong with a pattern', () => {
    expect(scopeFault(['restart', '*'])).toBeUndefined();
    expect(scopeFault(['**', 'x'])).toMatch(/nothing may follow it\. Move it/);
  });
});
