// T-25. Attacker: whoever can change policy on its way (the uplink, the network, a stolen old copy) or on the device's disk, or holds a
// role key that was revoked. Set-up: a device with a policy in force that allows alice one program; an evil policy that allows anything.
// Procedure: deliver manifests, bundles and key lists that are edited, cut, held back, wrongly signed or meant for somebody else; then
// stop belayd, edit its state file and start it again. What is refused is refused with its reason on record, and the last good policy
// stays; evil never comes into force.
import { generateEd25519 } from '@belay/core/node-crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { worldNode, worldRepo } from '../support/world/place.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { expectAnswer, makeFleetKeys, type OwnFleet, roleKeysEnvelope } from './attacker/own-fleet.ts';
import { createPolicyBundles } from './attacker/policy-text.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: good }
rules:
  - name: id
    who: ["user:alice"]
    run: [{ command: /usr/bin/id }]
    then: allow
`;
const evil = policy.replace('name: good', 'name: evil').replace('[{ command: /usr/bin/id }]', 'any');
const year = 365 * 24 * 60 * 60 * 1000;
const keys = makeFleetKeys();
const stranger = generateEd25519();
const [[evilDigest, evilBundle]] = [...createPolicyBundles({ 'evil.yaml': evil })] as [[string, Uint8Array]];
const evilBundles = [Buffer.from(evilDigest, 'hex')];

describeRoot('T-25 policy on its way and on disk', () => {
  let world: SecuredWorld;
  let fleet: OwnFleet;
  beforeAll(async () => {
    world = await openSecuredWorld(policy, { keys });
    fleet = world.fleet;
    await fleet.publishAgain();
  });
  afterAll(async () => { await world?.close(); });

  async function theGoodPolicyHolds(): Promise<void> {
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    await nothingElseRuns();
  }

  async function nothingElseRuns(): Promise<void> {
    expect(await world.sudo('alice', ['-n', 'whoami'])).toMatchObject({ code: 1, stdout: '' });
  }

  const newer = () => ({ number: fleet.newest().number + 1, bundles: evilBundles });
  const edited = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
  const foreign = makeFleetKeys();

  const manifests: readonly (readonly [string, () => Uint8Array, RegExp])[] = [
    ['with one bit of its payload changed', () => edited(fleet.manifestEnvelope(newer()), 60), /MALFORMED|SIGNATURE/],
    ['with one bit of its signature changed', () => edited(fleet.manifestEnvelope(newer()), fleet.manifestEnvelope(newer()).length - 1), /MALFORMED|SIGNATURE/],
    ['cut short', () => fleet.manifestEnvelope(newer()).subarray(0, -10), /MALFORMED/],
    ['that is empty', () => new Uint8Array(), /MALFORMED/],
    ['with something after it', () => Buffer.concat([fleet.manifestEnvelope(newer()), Buffer.from([0])]), /MALFORMED/],
    ['signed by a stranger', () => fleet.manifestEnvelope(newer(), { keyId: 'policy-1', key: stranger }), /SIGNATURE/],
    ['signed by a key nobody knows', () => fleet.manifestEnvelope(newer(), { keyId: 'policy-9', key: stranger }), /SIGNATURE/],
    ['signed by the receipt key', () => fleet.manifestEnvelope(newer(), { keyId: 'receipt-1', key: keys.roles.receipt }), /SIGNATURE/],
    ['signed by the receipt key in the policy key\'s name', () => fleet.manifestEnvelope(newer(), { keyId: 'policy-1', key: keys.roles.receipt }), /SIGNATURE/],
    ['of another server', () => fleet.manifestEnvelope({ ...newer(), server: foreign.serverId }), /SIGNATURE|SERVER/],
    ['for another device', () => fleet.manifestEnvelope({ ...newer(), device: 'd-aaaaaaaaaaaaaaaaaaaaaaaaaa' }), /WRONG_DEVICE/],
    ['for no device', () => fleet.manifestEnvelope({ ...newer(), device: '' }), /WRONG_DEVICE/],
    ['held back and replayed', () => fleet.manifestEnvelope({ ...newer(), number: fleet.newest().number - 1 }), /STALE/],
    ['of an older epoch with a high number', () => fleet.manifestEnvelope({ ...newer(), number: 1_000_000, epoch: 0 }), /STALE/],
    ['that has expired', () => fleet.manifestEnvelope({ ...newer(), issuedAt: Date.now() - year, expiresAt: Date.now() - 1000 }), /EXPIRED/],
    ['from the future', () => fleet.manifestEnvelope({ ...newer(), issuedAt: Date.now() + year, expiresAt: Date.now() + 2 * year }), /NOT_YET_VALID/],
    ['that needs what this agent cannot do', () => fleet.manifestEnvelope({ ...newer(), features: ['time-travel'] }), /FEATURE/],
    ['with grants, which this agent cannot check', () => fleet.manifestEnvelope({ ...newer(), grants: [Buffer.from('x')] }), /FEATURE/],
  ];

  test.each(manifests)('a manifest %s is refused', async (_name, envelope, code) => {
    const answer = await fleet.deliverManifest(envelope());
    expect({ accepted: answer.accepted, inForce: answer.inForce }).toEqual({ accepted: false, inForce: false });
    expect(answer.code).toMatch(code);
    await fleet.uplink().ask({ case: 'bundle', value: { digest: evilBundles[0] as Uint8Array, content: evilBundle } });
    await theGoodPolicyHolds();
    expect((await world.eventOf((event) => event.type === 'policy.refused')).fields).toMatchObject({ what: 'manifest', code: answer.code });
  });

  test('a bundle that is not what the manifest named is refused, and the manifest waits with the old one in force', async () => {
    const other = createPolicyBundles({ 'policy.yaml': policy.replace('name: id', 'name: still id') });
    const [digest, bundle] = [...other][0] as [string, Uint8Array];
    const wanted = Buffer.from(digest, 'hex');
    const number = fleet.newest().number + 1;
    const answer = await fleet.deliverManifest(fleet.manifestEnvelope({ number, bundles: [wanted] }));
    expect(answer).toMatchObject({ accepted: true, inForce: false });
    for (const content of [evilBundle, edited(bundle, bundle.length - 1), bundle.subarray(0, -1), new Uint8Array(), Buffer.concat([bundle, Buffer.from([0])])]) {
      expect((await fleet.uplink().ask({ case: 'bundle', value: { digest: wanted, content } }))?.case).toBe('refusal');
    }
    await theGoodPolicyHolds();
    expectAnswer(await fleet.uplink().ask({ case: 'bundle', value: { digest: wanted, content: bundle } }), 'done');
    await world.waitFor(async () => (await world.status()).manifest?.number === number, { what: 'the true bundle to bring it into force' });
    await theGoodPolicyHolds();
    expect((await fleet.deliverManifest(fleet.manifestEnvelope({ number: number + 1 }))).accepted).toBe(true);
  });

  test('a key list that the root key did not sign, or an older one, is refused', async () => {
    const mine = { id: 'policy-evil', role: 'policy' as const, public: stranger.publicKey, notBefore: 0, notAfter: Date.now() + year, revoked: false };
    const lists: readonly Uint8Array[] = [
      roleKeysEnvelope(keys, { version: 9, more: [mine], signedBy: stranger }),
      roleKeysEnvelope(keys, { version: 9, more: [mine], signedBy: keys.roles.policy }),
      edited(roleKeysEnvelope(keys, { version: 9, more: [mine] }), 80),
      roleKeysEnvelope({ ...foreign, roles: keys.roles }, { version: 9, more: [mine] }),
      roleKeysEnvelope(keys, { version: 0, more: [mine] }),
    ];
    for (const envelope of lists) expect((await fleet.uplink().ask({ case: 'roleKeys', value: { envelope } }))?.case).toBe('refusal');
    const signedByMine = await fleet.deliverManifest(fleet.manifestEnvelope({ ...newer(), number: 500 }, { keyId: 'policy-evil', key: stranger }));
    expect(signedByMine).toMatchObject({ accepted: false, code: 'BELAY_E_SIGNATURE' });
    await theGoodPolicyHolds();
  });

  const editState = async (script: string): Promise<void> => {
    await world.belayd.stop();
    await world.shell(`cd /var/lib/belay && ${worldNode} --input-type=module -e "$BELAY_SCRIPT"`, {
      env: { BELAY_SCRIPT: `import Database from '${worldRepo}/node_modules/better-sqlite3/lib/index.js'; const db = new Database('state.db'); ${script}; db.close();` },
    });
    await world.belayd.start();
  };
  const heal = async (): Promise<void> => {
    await fleet.reconnect();
    await fleet.publish({ 'policy.yaml': policy });
    await theGoodPolicyHolds();
  };

  test('a restart with nothing changed has the policy in force without anybody\'s help', async () => {
    await fleet.publish({ 'policy.yaml': policy });
    await world.belayd.kill();
    await world.belayd.start();
    await theGoodPolicyHolds();
    await fleet.reconnect();
  });

  const edits: Readonly<Record<string, string>> = {
    'a bundle edited': 'const row = db.prepare("select * from bundle").get(); row.content[row.content.length >> 1] ^= 1; db.prepare("update bundle set content = ? where digest = ?").run(row.content, row.digest)',
    'a bundle cut short': 'const row = db.prepare("select * from bundle").get(); db.prepare("update bundle set content = ?").run(row.content.subarray(0, -5))',
    'the bundle replaced by evil': `db.prepare("update bundle set content = ?").run(Buffer.from('${Buffer.from(evilBundle).toString('hex')}', 'hex'))`,
    'the bundle gone': 'db.exec("delete from bundle")',
    'the manifest edited': 'const row = db.prepare("select content from value where name = \'manifest\'").get(); row.content[row.content.length >> 1] ^= 1; db.prepare("update value set content = ? where name = \'manifest\'").run(row.content)',
    'the manifest cut short': 'const row = db.prepare("select content from value where name = \'manifest\'").get(); db.prepare("update value set content = ? where name = \'manifest\'").run(row.content.subarray(0, 40))',
    'the key list edited': 'const row = db.prepare("select content from value where name = \'role-keys\'").get(); row.content[row.content.length >> 1] ^= 1; db.prepare("update value set content = ? where name = \'role-keys\'").run(row.content)',
  };

  test.each(Object.entries(edits))('%s on disk: nothing is allowed by it, and the server\'s next word heals it', async (_name, edit) => {
    await editState(edit);
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 1, stdout: '' });
    await nothingElseRuns();
    if (edit.includes('role-keys')) {
      await fleet.reconnect();
      expectAnswer(await fleet.uplink().ask({ case: 'roleKeys', value: { envelope: roleKeysEnvelope(keys) } }), 'done');
    }
    await heal();
  });

  test('a policy key that the root key has revoked is nobody\'s any more, on the way and on disk', async () => {
    const next = generateEd25519();
    const more = [{ id: 'policy-2', role: 'policy' as const, public: next.publicKey, notBefore: 0, notAfter: Date.now() + year, revoked: false }];
    expectAnswer(await fleet.uplink().ask({ case: 'roleKeys', value: { envelope: roleKeysEnvelope(keys, { version: 5, revoked: ['policy'], more }) } }), 'done');
    const number = fleet.newest().number + 10;
    expect(await fleet.deliverManifest(fleet.manifestEnvelope({ number }))).toMatchObject({ accepted: false, code: 'BELAY_E_SIGNATURE' });
    expect((await fleet.uplink().ask({ case: 'roleKeys', value: { envelope: roleKeysEnvelope(keys, { version: 4 }) } }))?.case).toBe('refusal');
    expect(await fleet.deliverManifest(fleet.manifestEnvelope({ number }))).toMatchObject({ accepted: false, code: 'BELAY_E_SIGNATURE' });
    expect(await fleet.deliverManifest(fleet.manifestEnvelope({ number }, { keyId: 'policy-2', key: next }))).toMatchObject({ accepted: true, inForce: true });
    await theGoodPolicyHolds();
  });

  test('a state file of noise is put aside: belayd starts, denies, and is there to be enrolled', async () => {
    await world.belayd.stop();
    await world.shell('head -c 20000 /dev/urandom >/var/lib/belay/state.db; rm -f /var/lib/belay/state.db-wal /var/lib/belay/state.db-shm');
    await world.belayd.start();
    expect(await world.sudo('alice', ['-n', 'id', '-u'])).toMatchObject({ code: 1, stdout: '' });
    expect(await world.run(['sudo', '-n', 'id', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
    const { enrolled, problems } = await world.status();
    expect({ enrolled, isSaid: problems.some((problem) => problem.includes('enrol')) }).toEqual({ enrolled: false, isSaid: true });
  });
});
