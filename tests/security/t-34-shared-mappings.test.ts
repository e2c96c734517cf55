// T-34. Attacker: alice, who opened a file for writing while it was hers and keeps a descriptor and a shared mapping of it; then root
// took the file over, so that its owner and mode are above suspicion (and its ctime does not tell of later writes through the mapping).
// Set-up: a program pinned by SHA-256. Procedure: her process flips one byte through the mapping, and through the descriptor, as fast as
// it can, while real sudo runs the program: the hashed bytes run, or nothing.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { describeRoot } from '../support/world/root-only.ts';
import { rounds } from './attacker/attacker.ts';
import { openSecuredWorld, type SecuredWorld } from './attacker/secured-world.ts';

const good = '#!/bin/sh\necho GOOD as $(id -u)\n';
const digest = createHash('sha256').update(good).digest('hex');

const policy = `
apiVersion: belay/v1
kind: Policy
metadata: { name: mapped }
rules:
  - name: by content
    who: ["user:alice"]
    run: [{ command: /opt/mapped/tool, sha256: ["${digest}"] }]
    then: allow
`;

// Maps the file and writes through the mapping (or the descriptor) until it is told to stop, or steadily the content that it is told.
const flipper = `
import koffi from '/opt/belay/repo/node_modules/koffi/index.js';
import { openSync, writeSync } from 'node:fs';
const [, , file, way] = process.argv;
const fd = openSync(file, 'r+');
const libc = koffi.load('libc.so.6');
const mmap = libc.func('void *mmap(void *, size_t, int, int, int, long)');
const map = mmap(null, 4096, 3, 1, fd, 0);
const words = [Buffer.from('GOOD'), Buffer.from('EVIL')];
const at = 15; // after "#!/bin/sh\\necho "
const target = koffi.address(map) + BigInt(at);
const copy = libc.func('memcpy', 'void *', ['uintptr_t', 'const void *', 'size_t']);
const write = (word) => (way === 'mapping' ? copy(target, word, 4) : writeSync(fd, word, 0, 4, at));
process.stdout.write('ready\\n');
let isFlipping = false;
process.stdin.on('data', (data) => {
  const order = data.toString().trim();
  isFlipping = order === 'flip';
  if (order === 'evil') write(words[1]);
  if (order === 'good') write(words[0]);
  process.stdout.write(order + '\\n');
  if (isFlipping) flip();
});
function flip() {
  for (let i = 0; i < 1001; i += 1) write(words[i & 1]);
  if (isFlipping) setTimeout(flip, 0);
}
`;

describeRoot('T-34 writes through a shared mapping', () => {
  let world: SecuredWorld;
  beforeAll(async () => {
    world = await openSecuredWorld(policy);
    await world.writeFile('/opt/attacker/flipper.mjs', flipper);
    await world.shell('chmod 755 /opt/attacker');
  });
  afterAll(async () => { await world?.close(); });

  test.each([['mapping'], ['descriptor']])('through her %s: what was hashed runs, or nothing', async (way) => {
    await world.writeFile('/opt/mapped/tool', good, '0755');
    await world.shell('chown alice /opt/mapped/tool');
    const attacker = world.spawnAs('alice', ['/opt/belay/bin/node', '/opt/attacker/flipper.mjs', '/opt/mapped/tool', way]);
    const heard = (text: string): Promise<true> => world.waitFor(() => {
      if (attacker.hasEnded()) throw new Error(attacker.output().stderr);
      return attacker.output().stdout.endsWith(`${text}\n`);
    }, { what: `the attacker to be ${text}` });
    await heard('ready');
    await world.shell('chown root:root /opt/mapped/tool');
    expect(await world.sudo('alice', ['-n', '/opt/mapped/tool'])).toMatchObject({ code: 0, stdout: 'GOOD as 0\n' });

    // Her write is real, and no cache of hashes hides it.
    attacker.write('evil\n');
    await heard('evil');
    expect(await world.readFile('/opt/mapped/tool')).toContain('EVIL');
    expect(await world.sudo('alice', ['-n', '/opt/mapped/tool'])).toMatchObject({ code: 1, stdout: '' });
    attacker.write('good\n');
    await heard('good');
    expect(await world.sudo('alice', ['-n', '/opt/mapped/tool'])).toMatchObject({ code: 0, stdout: 'GOOD as 0\n' });

    attacker.write('flip\n');
    await heard('flip');
    const count = rounds(100, 10_000);
    const seen = await world.runAs('alice', ['bash', '-c', `for i in $(seq ${count}); do sudo -n /opt/mapped/tool 2>/dev/null || echo refused; done | sort -u`], { timeoutMs: 30_000 + count * 2000 });
    attacker.signal('SIGKILL');
    await attacker.ended;
    expect(seen.stdout.split('\n').filter((line) => !['', 'refused', 'GOOD as 0'].includes(line))).toEqual([]);
    expect(seen.stdout).not.toBe('');
  });
});
