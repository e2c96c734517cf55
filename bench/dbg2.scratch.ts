import { openSudoWorld, withoutPam } from './support/sudo-world.ts';
const policy = `apiVersion: belay/v1
kind: Policy
metadata: { name: bench }
rules:
  - name: nothing but true
    who: ["user:alice"]
    run: [{ command: /usr/bin/true, args: [] }]
    then: allow
`;
const sudo = await openSudoWorld({ 'bench.yaml': policy });
try {
  if (process.argv[2] === 'nopam') await sudo.restart(withoutPam);
  await sudo.measure('alice ALL=(root) NOPASSWD: /usr/bin/true\n', 300);
  console.log(await sudo.world.shell('cat /var/log/times'));
} finally { await sudo.close(); }
