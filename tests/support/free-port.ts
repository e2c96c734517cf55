import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

/** Below what Linux gives out by itself (ip_local_port_range): whoever listens here, ends and listens again finds it free. */
const [LOWEST, HIGHEST] = [20_000, 32_768];

export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(LOWEST, HIGHEST);
    const isFree = await new Promise<boolean>((resolve) => {
      const server = createServer().once('error', () => resolve(false));
      server.listen(port, '127.0.0.1', () => void server.close(() => resolve(true)));
    });
    if (isFree) return port;
  }
}
