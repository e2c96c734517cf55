// Runs inside a world as the attacker and does what attacker.ts says: one JSON object a line in, one out. Plain JavaScript with
// nothing to import but Node, because the user it runs as may not be able to read the repository.
import { closeSync, openSync } from 'node:fs';
import { connect } from 'node:net';
import { createInterface } from 'node:readline';

const sockets = new Map();
const held = [];

function say(message) {
  process.stdout.write(`${JSON.stringify(message)}\n`);
}

function open({ id, path }) {
  const socket = connect(path);
  sockets.set(id, socket);
  socket.once('connect', () => say({ is: 'open', id }));
  socket.on('data', (data) => say({ is: 'data', id, hex: data.toString('hex') }));
  let why;
  socket.on('error', (error) => { why = error.code; });
  socket.once('close', () => {
    sockets.delete(id);
    say({ is: 'closed', id, why });
  });
}

/** As many connections as are given at once, all kept; says how many the other side let live. */
async function flood({ id, path, count }) {
  const outcomes = { open: 0, refused: 0 };
  const one = () => new Promise((resolve) => {
    const socket = connect(path);
    socket.on('error', () => {});
    socket.once('data', () => { outcomes.open += 1; held.push(socket); resolve(); });
    socket.once('close', () => { outcomes.refused += 1; resolve(); });
  });
  for (let left = count; left > 0; left -= 100) await Promise.all(Array.from({ length: Math.min(100, left) }, one));
  say({ is: 'done', id, ...outcomes });
}

const orders = {
  open,
  flood: (order) => void flood(order),
  send: ({ id, hex }) => sockets.get(id)?.write(Buffer.from(hex, 'hex')),
  end: ({ id }) => sockets.get(id)?.end(),
  destroy: ({ id }) => sockets.get(id)?.destroy(),
  release: ({ id }) => {
    for (const socket of held.splice(0)) socket.destroy();
    say({ is: 'done', id });
  },
  file: ({ id, path }) => {
    try {
      say({ is: 'done', id, fd: openSync(path, 'r') });
    } catch (error) {
      say({ is: 'done', id, error: error.code });
    }
  },
  'close-file': ({ id, fd }) => {
    closeSync(fd);
    say({ is: 'done', id });
  },
};

createInterface({ input: process.stdin }).on('line', (line) => {
  const order = JSON.parse(line);
  orders[order.do](order);
}).once('close', () => process.exit(0));
say({ is: 'ready' });
