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
  for (let i = 0; i < 30; i++) await sudo.world.shell('setpriv --reuid=20001 --clear-groups sudo -n true || setpriv --reuid=alice --init-groups --regid=alice sudo -n true');
  const r = await sudo.world.run(['strace', '--seccomp-bpf', '-f', '-r', '-u', 'alice', 'sudo', '-n', 'true'], { cwd: '/' });
  console.log(r.stderr.slice(-90000));
} finally { await sudo.close(); }
