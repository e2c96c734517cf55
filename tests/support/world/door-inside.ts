// The world's side of a door (door.ts): runs in its network and connects each socket that it is handed to the port that was named.
import { connect, type Socket } from 'node:net';

const port = Number(process.argv[2]);

process.on('message', (_message, handle) => {
  const outside = handle as Socket | undefined;
  if (outside === undefined) return;
  const inside = connect(port, '127.0.0.1');
  for (const [from, to] of [[outside, inside], [inside, outside]] as const) {
    from.on('error', () => to.destroy());
    from.on('close', () => to.destroy());
    from.pipe(to);
  }
});
process.on('disconnect', () => process.exit(0));
