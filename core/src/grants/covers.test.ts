import { describe, expect, test } from '@jest/globals';
import { type ByteString, encodeUtf8 } from '../bytes.ts';
import type { Grant } from '../evidence/payloads.ts';
import type { ApprovalDemand } from '../policy/demands.ts';
import { approvalText } from './approval-text.ts';
import { type GrantUse, isInScope, mismatch, type Scope, scopeFault } from './covers.ts';

const colleague: ApprovalDemand = { from: ['role:approver'], count: 1, withinMs: 1000 };
const security: ApprovalDemand = { from: ['role:security'], count: 2, withinMs: 1000 };
const bytes = (fill: number): Uint8Array => new Uint8Array(32).fill(fill);
const grant = (changes: Partial<Grant> = {}): Grant => ({
  server: bytes(1), device: 'd-1', id: 'g', request: 7, uid: 2001, user: 'alice', digest: bytes(2), met: [approvalText(colleague)], issuedAt: 0, expiresAt: 1, approvedBy: [], message: '', emergency: false, ...changes,
});
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

  test('says what is wrong with a pattern', () => {
    expect(scopeFault(['restart', '*'])).toBeUndefined();
    expect(scopeFault(['**', 'x'])).toMatch(/nothing may follow it\. Move it/);
  });
});
