import { describe, expect, test } from '@jest/globals';
import type { Grant } from '@belay/core/evidence';
import type { Approvals } from './filing.ts';
import { holdingsOf, type HoldingsDeps, isGrantOf } from './holdings.ts';

const names = new Map([[0, 'root'], [3001, 'alice'], [3002, 'bob']]);
const scope = { commands: [{ command: '/usr/bin/id', args: ['-u'] }], runAsUid: 0, runAsGid: 0 };
const grant = (changes: Partial<Grant>): Grant => ({
  server: new Uint8Array(32), device: 'd-1', id: 'g', request: 7, uid: 3001, user: 'alice', scope, met: [], issuedAt: 0, expiresAt: 1, approvedBy: [], message: '', emergency: false, ...changes,
});
const byName = (id: string, user: string): Grant => {
  const { uid: _, ...rest } = grant({ id, user, request: 0 });
  return rest;
};

function depsOf(grants: readonly Grant[]): HoldingsDeps {
  const held = grants.map((each) => ({ grant: each, envelope: new Uint8Array(), acceptedAt: 0, command: '', budget: { usesLeft: 2, bootId: 'one', deadlineMs: 60_000 } }));
  const approvals = { grants: { all: () => held, stateOf: () => 'live' }, requests: { all: () => [] }, sessions: { countUnder: () => 0 } } as unknown as Approvals;
  const accounts = {
    userById: (uid: number) => (names.has(uid) ? { name: names.get(uid), uid } : undefined),
    userByName: (name: string) => [...names].map(([uid, of]) => ({ uid, name: of })).find((each) => each.name === name),
  };
  return { platform: { clock: { bootId: 'one', boot: () => 0 }, accounts } as unknown as HoldingsDeps['platform'], approvals: () => approvals };
}

describe('a grant that is bound by name', () => {
  test('is his to whom this device gives the name, and root sees it (T-09)', () => {
    const deps = depsOf([]);
    const [alices, roots, nobodys] = [byName('a', 'alice'), byName('r', 'root'), byName('n', 'zoe')];
    const of = (uid: number | undefined) => [alices, roots, nobodys].map((each) => isGrantOf(uid, each, deps));
    expect([of(3001), of(3002), of(4000), of(0), of(undefined)]).toEqual([[true, false, false], [false, false, false], [false, false, false], [false, false, false], [true, true, true]]);
  });

  test('is shown with the number that its name has here, and without a request', () => {
    const deps = depsOf([grant({ id: 'own' }), byName('a', 'alice'), byName('n', 'zoe')]);
    expect(holdingsOf(3001, deps).grants).toMatchObject([{ grant: 'own', request: 7n, uid: 3001 }, { grant: 'a', request: 0n, uid: 3001, user: 'alice', command: '/usr/bin/id -u', usesLeft: 2 }]);
    expect(holdingsOf(3002, deps).grants).toEqual([]);
    expect(holdingsOf(undefined, deps).grants?.at(-1)).not.toHaveProperty('uid');
  });
});
