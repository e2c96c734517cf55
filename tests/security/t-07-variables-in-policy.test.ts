// T-07. Attacker: alice, who sets the variables that a policy's path is made of (CVE-2020-12612: a rule for %PROGRAMFILES%). Set-up: a
// program of hers at the place where such a variable would lead; a rule whose argument looks like a variable.
// Procedure: read policies whose paths hold variables, `~` or patterns; sign one all the same; then real sudo with the literal and the
// expanded text.
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import type { CompiledPolicy } from '@belay/core/policy';
import { describeRoot } from '../support/world/root-only.ts';
import { createPolicyBundles } from './attacker/policy-text.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: variables }
rules:
  - name: an argument that looks like a variable
    who: ["user:alice"]
    run: [{ command: /usr/bin/printf, args: ["<%s>", "$HOME/file", "%USERPROFILE%", "~/x"] }]
    then: allow
  - name: a path that could be a variable's
    who: ["user:alice"]
    run: [{ command: "/opt/HOME/tool" }]
    then: allow
`;

const variables = ['$HOME/bin/tool', '${HOME}/bin/tool', '~/bin/tool', '~alice/bin/tool', '%HOME%/bin/tool', 'bin/tool', './tool', 'tool', '/home/*/bin/tool', '/home/alice/bin/../bin/tool', '/home/alice//bin/tool', '/home/alice/bin/', ''];

describeRoot('T-07 variables in a policy', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.shell('mkdir -p "/opt/\\$HOME" && cp /usr/bin/id "/opt/\\$HOME/tool" && mkdir -p /home/alice/bin && cp /usr/bin/id /home/alice/bin/tool && chown -R alice:alice /home/alice/bin');
  });
  afterAll(async () => { await world?.close(); });

  test.each(variables.map((path) => [path]))('a rule for the command %j is an error that names the line and what to do', (path) => {
    const text = policy.replace('"/opt/HOME/tool"', () => JSON.stringify(path));
    expect(() => createPolicyBundles({ 'bad.yaml': text })).toThrow(/^bad\.yaml:1[0-9]:\d+: .+/);
  });

  test('an argument is the text that stands there, whatever her environment says', async () => {
    const env = { HOME: '/home/alice', USERPROFILE: 'x' };
    expect(await world.sudo('alice', ['-n', 'printf', '<%s>', '$HOME/file', '%USERPROFILE%', '~/x'], { env })).toMatchObject({ code: 0, stdout: '<$HOME/file><%USERPROFILE%><~/x>' });
    expect(await world.sudo('alice', ['-n', 'printf', '<%s>', '/home/alice/file', '%USERPROFILE%', '~/x'], { env })).toMatchObject({ code: 1, stdout: '' });
    expect(await world.sudo('alice', ['-n', 'printf', '<%s>', '$HOME/file', 'x', '~/x'], { env })).toMatchObject({ code: 1, stdout: '' });
  });

  test('in a bundle of a server that let it through, a dollar in a path is a character of that path', async () => {
    const change = (compiled: CompiledPolicy): CompiledPolicy => ({
      ...compiled,
      rules: compiled.rules.map((rule) => ({ ...rule, run: { ...rule.run, is: rule.run.is.map((target) => ({ ...target, command: target.command?.replace('/HOME/', '/$HOME/') })) } })),
    });
    await world.fleet.publishBundles(createPolicyBundles({ 'policy.yaml': policy }, change));
    for (const HOME of ['/home/alice', 'home/alice/bin', '../home/alice/bin']) {
      expect(await world.sudo('alice', ['-n', '/home/alice/bin/tool'], { env: { HOME } })).toMatchObject({ code: 1, stdout: '' });
      expect(await world.sudo('alice', ['-n', '/opt/home/alice/tool'], { env: { HOME } })).toMatchObject({ code: 1, stdout: '' });
    }
    expect(await world.sudo('alice', ['-n', '/opt/$HOME/tool', '-u'])).toMatchObject({ code: 0, stdout: '0\n' });
  });
});
