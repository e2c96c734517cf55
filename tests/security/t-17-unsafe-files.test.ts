// T-17. Attacker: alice, who can write the file that a rule allows, or a folder above it, or the interpreter it names. Set-up: one
// program per kind of weakness, each allowed by its path; the same program kept safely as the control.
// Procedure: real sudo on each; then make each safe and see it allowed, so that the weakness is what made the difference.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

/** Name → where, how it is made weak, how it is made safe. */
const weaknesses = [
  ['hers', '/home/alice/tool', 'chown alice:alice /home/alice/tool', 'false'],
  ['root\'s in her folder', '/home/alice/roots/tool', 'chown root:root /home/alice/roots /home/alice/roots/tool', 'chown root:root /home/alice; chmod 0755 /home/alice'],
  ['writable by her group', '/opt/group/tool', 'chgrp developers /opt/group/tool; chmod 0775 /opt/group/tool', 'chmod 0755 /opt/group/tool'],
  ['writable by anybody', '/opt/anybody/tool', 'chmod 0757 /opt/anybody/tool', 'chmod 0755 /opt/anybody/tool'],
  ['in a folder of her group\'s', '/opt/folder/tool', 'chgrp developers /opt/folder; chmod 0775 /opt/folder', 'chmod 0755 /opt/folder'],
  ['in a sticky folder', '/opt/sticky/tool', 'chmod 1777 /opt/sticky', 'chmod 0755 /opt/sticky'],
  ['below a folder of hers', '/opt/above/of/roots/tool', 'chown alice /opt/above/of', 'chown root /opt/above/of'],
  ['owned by another user', '/opt/bobs/tool', 'chown bob /opt/bobs/tool', 'chown root /opt/bobs/tool'],
  ['a script whose interpreter is hers', '/opt/script/tool', 'cp /bin/sh /home/alice/sh; chown alice /home/alice/sh; printf "#!/home/alice/sh\\necho 0\\n" >/opt/script/tool', 'printf "#!/bin/sh\\necho 0\\n" >/opt/script/tool'],
  ['a script whose interpreter\'s folder is hers', '/opt/script2/tool', 'mkdir -p /opt/hers; cp /bin/sh /opt/hers/sh; chown alice /opt/hers; printf "#!/opt/hers/sh\\necho 0\\n" >/opt/script2/tool', 'chown root /opt/hers'],
  ['a script of a script that is hers', '/opt/script3/tool', 'printf "#!/home/alice/sh\\n" >/opt/script3/middle; chmod 755 /opt/script3/middle; printf "#!/opt/script3/middle\\necho 0\\n" >/opt/script3/tool', 'printf "#!/bin/sh\\necho 0\\n" >/opt/script3/tool'],
  ['a script with a relative interpreter', '/opt/script4/tool', 'printf "#!sh\\necho 0\\n" >/opt/script4/tool', 'printf "#!/bin/sh\\necho 0\\n" >/opt/script4/tool'],
  ['behind a link of hers', '/opt/linked/tool', 'rm /opt/linked/tool; ln -s /home/alice/hers /opt/linked/tool; cp /usr/bin/id /home/alice/hers; chown alice /home/alice/hers', 'rm /opt/linked/tool; cp /usr/bin/id /opt/linked/tool'],
] as const;

const rules = weaknesses.map(([name, path]) => `  - { name: ${JSON.stringify(name)}, who: ["user:alice"], run: [{ command: ${path} }], then: allow }`);
const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: tools }
rules:
${rules.join('\n')}
  - { name: everything of carol's, who: ["user:carol"], run: any, then: allow }
`;

describeRoot('T-17 unsafe files', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    for (const [, path, weaken] of weaknesses) await world.shell(`mkdir -p "$(dirname ${path})" && cp /usr/bin/id ${path} && chmod 0755 ${path} && { ${weaken}; }`);
    await world.reloadPolicy();
  });
  afterAll(async () => { await world?.close(); });

  test.each(weaknesses.map(([name, path]) => [name, path]))('a program that is %s does not run, though %s is allowed', async (_name, path) => {
    expect(await world.sudo('alice', ['-n', path, '-u'])).toMatchObject({ code: 1, stdout: '' });
    const denied = await world.eventOf((event) => event.type === 'elevation.denied' && isCommand(event.fields['command'], path));
    expect(denied.fields['why']).toBe('unsafe-file');
  });

  test('a rule for anything does not hold for it either', async () => {
    for (const [, path] of weaknesses.filter(([, path]) => path.startsWith('/opt/'))) {
      expect({ path, ...(await world.sudo('carol', ['-n', path, '-u'])) }).toMatchObject({ path, code: 1, stdout: '' });
    }
  });

  test.each(weaknesses.filter(([, , , mend]) => mend !== 'false').map(([name, path, , mend]) => [name, path, mend]))('once what was %s is safe, %s runs', async (_name, path, mend) => {
    await world.shell(mend);
    await world.reloadPolicy();
    expect(await world.sudo('alice', ['-n', path, '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
  });

  function isCommand(command: unknown, path: string): boolean {
    return ArrayBuffer.isView(command) && [path, '/home/alice/hers'].includes(Buffer.from(command as Uint8Array).toString());
  }
});
