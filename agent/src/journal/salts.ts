import type { RandomBytes } from '@belay/core/crypto';
import { randomBytes } from '@belay/core/node-crypto';

const AT_ONCE = 4096;

/** Random bytes, drawn in larger pieces: each draw costs a system call, and an event has several salts. Nothing is handed out twice. */
export function createSalts(random: RandomBytes = randomBytes): RandomBytes {
  let pool = new Uint8Array();
  let used = 0;
  return (count) => {
    if (count > AT_ONCE) return random(count);
    if (used + count > pool.length) {
      pool = new Uint8Array(random(AT_ONCE));
      used = 0;
    }
    const salt = pool.slice(used, used + count);
    pool.fill(0, used, used + count);
    used += count;
    return salt;
  };
}
