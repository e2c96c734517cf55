// Agents that are connected and have nothing to say: enrolled, each with a stream of its own over mutual TLS. Run inside a world; says
// "connected N" when all are, and stays until its input ends.
import { readFileSync } from 'node:fs';
import { EnrollmentService } from '@belay/proto/fleet';
import { createGrpcClient } from '@belay/proto/grpc';
import { ChannelCredentials } from '@grpc/grpc-js';
import { enrol, fleetClient, openSync } from '../../tests/support/fleet.ts';

const [caFile = '', token = '', enrollment = '', fleet = '', count = '0'] = process.argv.slice(2);
const ca = readFileSync(caFile, 'utf8');
const AT_ONCE = 8;

async function connect(): Promise<void> {
  const device = await enrol({ enrollment: () => createGrpcClient(EnrollmentService, enrollment, ChannelCredentials.createSsl(Buffer.from(ca))) }, token);
  const stream = openSync(fleetClient({ ca, fleet: { fleetAddress: fleet } }, device));
  stream.report({ agentVersion: 'bench', deviceTimeMs: BigInt(Date.now()) });
  void stream.ended.then((error) => {
    process.stderr.write(`an agent was disconnected: ${error.message}\n`);
    process.exit(1);
  });
  await stream.next((message) => message.case === 'manifest');
}

let left = Number(count);
async function work(): Promise<void> {
  while (left-- > 0) await connect();
}
await Promise.all(Array.from({ length: AT_ONCE }, work));
process.stdout.write(`connected ${count}\n`);
process.stdin.resume().on('end', () => process.exit(0));
