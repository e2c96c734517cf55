// T-25. Attacker: whoever can change the device's state on disk, or holds a grant key that was revoked. Set-up: a grant that alice asked
// for ahead, held by the device, used once of twice.
// Procedure: stop belayd, edit the grant, what is left of it, or its place, put in one that somebody else signed, or revoke the key that
// signed it; start belayd. Nothing runs that was not granted, a use that was made does not come back, and what was refused is on record.
import { generateEd25519 } from '@belay/core/node-crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Approver, createApprover } from '../support/approver.ts';
import { worldNode, worldRepo } from '../support/world/place.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { expectAnswer, makeFleetKeys, roleKeysEnvelope } from './attacker/own-fleet.ts';
import { withApproval } from './attacker/work-policies.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = withApproval('alice');
const keys = makeFleetKeys();
const stranger = generateEd25519();

describeRoot('T-25 grants on disk', () => {
  let world: SecuredWorld;
  let approver: Approver;
  let argument = 0;
  beforeAll(async () => {
    world = await openSecuredWorld(policy, { keys });
    approver = createApprover(world.fleet);
  });
  afterAll(async () => await world?.close());

  const runs = async () => (await world.sudo('alice', ['-n', 'id', '-u', '-z'.repeat(argument) || '-u'])).stderr.includes('somebody has to approve') ? 'asks' : 'runs';
  let granted: { readonly id: string; readonly envelope: Uint8Array };
  beforeEach(async () => {
    argument++;
    await world.runAs('alice', ['belay', 'request', '--uses', '2', '--', 'id', '-u', '-z'.repeat(argument)]);
    const grant = approver.grantFor(await approver.filed(), { uses: 2 });
    granted = { id: grant.id, envelope: approver.sealGrant(grant) };
    await approver.list([granted.envelope]);
    expect(await runs()).toBe('runs');
  });

  const editState = async (script: string): Promise<void> => {
    await world.belayd.stop();
    await world.shell(`cd /var/lib/belay && ${worldNode} --input-type=module -e "$BELAY_SCRIPT"`, {
      env: { BELAY_SCRIPT: `import Database from '${worldRepo}/node_modules/better-sqlite3/lib/index.js'; const db = new Database('state.db'); const row = db.prepare("select * from item where kind = 'grant'").get(); const put = db.prepare("update item set content = ? where kind = 'grant'"); ${script}; db.close();` },
    });
    await world.belayd.start();
    await world.fleet.reconnect();
  };

  test('a restart with nothing changed keeps it, and the use that was made', async () => {
    await editState('');
    expect([await runs(), await runs()]).toEqual(['runs', 'asks']);
  });

  test.each<[string, () => string]>([
    ['edited', () => 'row.content[row.content.length >> 1] ^= 1; put.run(row.content)'],
    ['cut short', () => 'put.run(row.content.subarray(0, 60))'],
    ['gone', () => "db.exec(\"delete from item where kind = 'grant'\")"],
    ['under another name', () => "db.exec(\"update item set name = 'g-other' where kind = 'grant'\")"],
    ['signed by somebody else', () => {
      const other = approver.sealGrant(approver.grantFor({ request: 9999, uid: 20001, user: 'alice', digest: new Uint8Array(32), session: undefined, approval: [], fields: {} }, { id: granted.id }), stranger);
      return `const at = row.content.indexOf(Buffer.from('${Buffer.from(granted.envelope).toString('hex')}', 'hex')); const other = Buffer.from('${Buffer.from(other).toString('hex')}', 'hex'); put.run(Buffer.concat([row.content.subarray(0, at), other]))`;
    }],
  ])('%s: it is not held', async (_, script) => {
    await editState(script());
    expect(await runs()).toBe('asks');
    // The uplink may say the same manifest again: nobody knows which uses were made.
    await approver.list([granted.envelope]);
    expect(await runs()).toBe('asks');
  });

  test('its signer revoked by the root key: it is over at once', async () => {
    expectAnswer(await world.fleet.uplink().ask({ case: 'roleKeys', value: { envelope: roleKeysEnvelope(keys, { version: 5, revoked: ['grant'] }) } }), 'done');
    expect(await runs()).toBe('asks');
    await world.eventOf(({ type, fields }) => type === 'policy.refused' && fields['what'] === 'grant' && fields['code'] === 'BELAY_E_SIGNATURE');
  });
});
