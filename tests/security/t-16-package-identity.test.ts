// T-16. Attacker: whoever can get a package or a file of some name onto a device: by another repository, by hand, or by changing what a
// package brought (CVE-2020-12614: a publisher's name was enough). Set-up: a program of a package of a signed repository, and a rule
// that names package, repository and key; another repository, which the machine's apt believes as well and which calls itself the same.
// Procedure: change one thing at a time and run it with real sudo; with every change it is refused, and put right it runs again.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Deb, buildDeb, fetchRepository, installDeb, makeKey, type SigningKey, trustKey } from '../support/packages.ts';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const path = '/usr/bin/acme-tool';
const policyFor = (key: string): string => `
apiVersion: belay/v1
kind: Policy
metadata: { name: packages }
rules:
  - name: what acme packs
    who: ["user:alice"]
    run: [{ package: { name: acme-tool, repository: Acme/stable, key: "${key}" }, args: ["**"] }]
    then: allow
`;
const nothing = 'apiVersion: belay/v1\nkind: Policy\nmetadata: { name: packages }\nrules:\n  - name: nothing\n    run: any\n    then: deny\n';

describeRoot('T-16 whose package it is', () => {
  let world: SecuredWorld;
  let acme: SigningKey;
  let other: SigningKey;
  let genuine: Deb;
  let lists: { readonly list: string; readonly release: string };
  beforeAll(async () => {
    world = await openSecuredWorld(nothing);
    acme = await makeKey(world, 'acme');
    other = await makeKey(world, 'other');
    await trustKey(world, 'acme', acme);
    await trustKey(world, 'other', other);
    genuine = await buildDeb(world, { name: 'acme-tool', version: '1.0', path, says: 'genuine' });
    await installDeb(world, genuine);
    lists = await fetchRepository(world, { host: 'acme.example', origin: 'Acme', debs: [genuine], key: acme });
    await world.fleet.publish({ 'policy.yaml': policyFor(acme.fingerprint) });
    await comesTo('genuine');
  });
  afterAll(async () => { await world?.close(); });

  const run = async (file = path): Promise<string> => {
    const ran = await world.sudo('alice', ['-n', file]);
    return ran.code === 0 ? ran.stdout.trim() : 'refused';
  };

  /** What belayd knows of packages follows the databases within a moment. */
  async function comesTo(wanted: string, file = path): Promise<void> {
    await world.waitFor(async () => (await run(file)) === wanted, { what: `${file} to be ${wanted}` });
  }

  test('a file that was changed on disk is not what was packed', async () => {
    for (const change of [`printf '#' >>${path}`, `cp -p ${path} ${path}.kept; printf '#!/bin/sh\\necho evil\\n' >${path}`, `printf '#!/bin/sh\\necho evil\\n' >${path}.new; chmod 0755 ${path}.new; mv ${path}.new ${path}`]) {
      await world.shell(change);
      expect({ change, ran: await run() }).toEqual({ change, ran: 'refused' });
      await installDeb(world, genuine);
      await comesTo('genuine');
    }
  });

  test('the same bytes elsewhere, or under another name, are no package\'s', async () => {
    await world.shell(`cp -p ${path} /opt/acme-tool; ln -f ${path} /usr/bin/acme-alias`);
    expect(await run('/opt/acme-tool')).toBe('refused');
    expect(await run('/usr/bin/acme-alias')).toBe('refused');
    await world.shell('rm /opt/acme-tool /usr/bin/acme-alias');
    await comesTo('genuine');
  });

  test('a package of that name that no repository offers is somebody\'s own', async () => {
    await installDeb(world, await buildDeb(world, { name: 'acme-tool', version: '1.1', path, says: 'local' }));
    expect(await run()).toBe('refused');
    await installDeb(world, genuine);
    await comesTo('genuine');
  });

  test('a repository that calls itself the same, signed by another key that the machine believes, is another', async () => {
    const theirs = await buildDeb(world, { name: 'acme-tool', version: '2.0', path, says: 'theirs' });
    await fetchRepository(world, { host: 'other.example', origin: 'Acme', debs: [theirs], key: other });
    await installDeb(world, theirs);
    expect(await run()).toBe('refused');
    // That it is known of, and only the key is wrong: a rule that names that key lets it run.
    await world.fleet.publish({ 'policy.yaml': policyFor(other.fingerprint) });
    await comesTo('theirs');
    await world.fleet.publish({ 'policy.yaml': policyFor(acme.fingerprint) });
    expect(await run()).toBe('refused');
    await installDeb(world, genuine);
    await comesTo('genuine');
  });

  test('a list that was added to after it was signed, or a Release whose signature is not of its text, offers nothing', async () => {
    const forged = await buildDeb(world, { name: 'acme-tool', version: '3.0', path, says: 'forged' });
    await world.shell(`cp -p ${lists.list} /root/list; cp -p ${lists.release} /root/release`);
    await installDeb(world, forged);
    for (const change of [`{ dpkg-deb -f ${forged.file}; echo; } >>${lists.list}`, `sed -i 's/^Origin: .*/Origin: Acme/; s/^Date: .*/Date: now/' ${lists.release}`]) {
      await world.shell(change);
      expect({ change, ran: await run() }).toEqual({ change, ran: 'refused' });
      await world.shell(`cp -p /root/list ${lists.list}; cp -p /root/release ${lists.release}`);
    }
    await installDeb(world, genuine);
    await comesTo('genuine');
  });

  test('a Release that was damaged, and mended in its place, vouches again', async () => {
    await world.shell(`cp -p ${lists.release} /root/release; sed -i 's/^Date: .*/Date: now/' ${lists.release}`);
    // What was known holds for a minute: a restart has nothing of that, so it is the damaged one that belayd knows then.
    await world.belayd.stop();
    await world.belayd.start();
    await world.fleet.reconnect();
    // Refused it is before the lists are read, too: that they have been read is what has to be waited for.
    await world.waitFor(async () => (await world.belay(['why', '--user', 'alice', '--', path])).stdout.includes('from no repository'), { what: 'the damaged Release to be read' });
    expect(await run()).toBe('refused');
    await world.shell(`cp -p /root/release ${lists.release}`);
    await comesTo('genuine');
  });

  test('a database or a key ring that others can write says nothing', async () => {
    for (const [weaken, mend] of [
      ['chmod 0777 /var/lib/dpkg/info', 'chmod 0755 /var/lib/dpkg/info'],
      ['chown alice /var/lib/dpkg/status', 'chown root /var/lib/dpkg/status'],
      ['chown alice /var/lib/dpkg', 'chown root /var/lib/dpkg'],
    ] as const) {
      await world.shell(weaken);
      await comesTo('refused');
      await world.shell(mend);
      await comesTo('genuine');
    }
  });

  test('without its key the repository vouches for nothing', async () => {
    await world.shell('mv /etc/apt/trusted.gpg.d/acme.gpg /root/acme.gpg; touch /var/lib/apt/lists');
    // What was known holds for a minute, while lists are read anew: a restart has nothing of that.
    await world.belayd.stop();
    await world.belayd.start();
    await world.fleet.reconnect();
    expect(await run()).toBe('refused');
    await world.shell('mv /root/acme.gpg /etc/apt/trusted.gpg.d/acme.gpg');
    await comesTo('genuine');
  });
});
