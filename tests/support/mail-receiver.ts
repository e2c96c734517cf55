/** A real SMTP server as a process of its own: what it takes it prints, a line of JSON each. Started by mailbox.ts. */
import { readFileSync } from 'node:fs';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { SMTPServer, type SMTPServerSession } from 'smtp-server';

export type ReceiverOptions = {
  readonly port: number;
  readonly tls: 'required' | 'starttls' | 'none';
  /** PEM files. */
  readonly key: string;
  readonly cert: string;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  /** Local parts of addresses that are refused for good. */
  readonly unknown: readonly string[];
};

const options = JSON.parse(process.argv[2] ?? '{}') as ReceiverOptions;
const print = (value: unknown): void => void process.stdout.write(`${JSON.stringify(value)}\n`);

async function take(stream: Readable, { envelope: { mailFrom, rcptTo }, secure }: SMTPServerSession): Promise<void> {
  const raw = await text(stream);
  print({ from: mailFrom === false ? '' : mailFrom.address, to: rcptTo.map(({ address }) => address), secure, raw });
}

const server = new SMTPServer({
  secure: options.tls === 'required', key: readFileSync(options.key), cert: readFileSync(options.cert),  authOptional: options.user === undefined, disabledCommands: [...(options.user === undefined ? ['AUTH'] : []), ...(options.tls === 'none' ? ['STARTTLS'] : [])], logger: false,
  onAuth({ username, password }, _session, done) {
    if (username === options.user && password === options.password) done(null, { user: username });
    else done(new Error('wrong'));
  },
  onRcptTo({ address }, _session, done) {
    if (options.unknown.includes(address.split('@')[0] as string)) done(Object.assign(new Error('no such user'), { responseCode: 550 }));
    else done();
  },
  onData(stream, session, done) {
    take(stream, session).then(() => setImmediate(done), (error: unknown) => setImmediate(done, error as Error));
  },
});
server.on('error', (error: Error) => print({ error: error.message }));
server.listen(options.port, '127.0.0.1', () => print({ port: (server.server.address() as { port: number }).port }));
