// onFailure.serverUnreachable, by real sudo: what only the server can sign, and that is new, is a sign of life; nothing else is.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openSecuredWorld, type SecuredWorld } from '../security/attacker/secured-world.ts';
import { describeRoot } from '../support/world.ts';

const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: work }
rules:
  - name: while the server is heard of
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-u] }]
    then: allow
    onFailure: { serverUnreachable: { after: 3s, then: deny } }
  - name: whether or not it is
    who: ["user:alice"]
    run: [{ command: /usr/bin/id, args: [-g] }]
    then: allow
`;

describeRoot('a server that is silent', () => {
  let world: SecuredWorld;
  beforeAll(async () => { world = await openSecuredWorld(policy); });
  afterAll(async () => await world?.close());

  const runs = async (flag: string): Promise<boolean> => (await world.sudo('alice', ['-n', 'id', flag])).code === 0;
  const comesBack = async (): Promise<true> => await world.waitFor(async () => {
    await world.reloadPolicy();
    return await runs('-u');
  }, { what: 'a new manifest to bring it back' });
  const isSilent = async (): Promise<boolean> => !(await runs('-u'));

  test('a rule that ends with its silence ends, others do not; a manifest that is new brings it back, an old one does not', async () => {
    const old = world.fleet.manifestEnvelope();
    await comesBack();
    await world.waitFor(isSilent, { what: 'the silence to be too long' });
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 1, stdout: '' });
    // One that was asked just before the silence was too long may have been denied at its commit, as policy's having changed.
    await world.eventOf(({ type, fields }) => type === 'elevation.denied' && fields['why'] === 'no-policy');
    expect(await runs('-g')).toBe(true);
    expect((await world.fleet.deliverManifest(old)).accepted).toBe(false);
    expect(await runs('-u')).toBe(false);
    await comesBack();
  });

  test('a restart does not shorten the silence', async () => {
    await world.waitFor(isSilent, { what: 'the silence to be too long' });
    await world.belayd.stop();
    await world.belayd.start();
    await world.fleet.reconnect();
    expect(await runs('-u')).toBe(false);
    await comesBack();
  });
});
