import { commandAs, type Place, type Ran, waitFor } from './place.ts';
import { commandOf } from './programs.ts';
import { createService } from './service.ts';

/** Another device beside a world's own: the same machine with an agent of its own, by a mount namespace and another name. */
export type SecondDevice = {
  readonly belay: (args: readonly string[], input?: string) => Promise<Ran>;
  readonly runAs: (user: string, argv: readonly string[]) => Promise<Ran>;
  readonly close: () => Promise<void>;
};

const settle = (name: string): string => `
  hostname ${name}
  for folder in /run/belay /etc/belay; do mount -t tmpfs -o mode=0755 belay-second $folder; done
  mount -t tmpfs -o mode=0700 belay-second /var/lib/belay
  mount -t tmpfs -o mode=0700 belay-second /var/lib/belay-uplink
  chown belay:belay /var/lib/belay-uplink
  echo ready
  exec cat`;

/** `token`: one to enrol with. */
export async function startSecondDevice(place: Place, name: string, token: string): Promise<SecondDevice> {
  // A process that stays holds the namespaces.
  const holder = place.spawn(['unshare', '--mount', '--uts', '--propagation', 'private', 'sh', '-ec', settle(name)]);
  await waitFor(() => holder.output().stdout.includes('ready'), { what: 'the namespaces of a second device' });
  const pid = await holder.pid;
  const there = (argv: readonly string[]): readonly string[] => ['nsenter', `--mount=/proc/${pid}/ns/mnt`, `--uts=/proc/${pid}/ns/uts`, '--', ...argv];
  const belay: SecondDevice['belay'] = (args, input) => place.run(there(commandOf('belay', args)), input === undefined ? {} : { input });
  const belayd = createService(place, {
    name: `belayd-${name}`, user: 'root', command: there(commandOf('belayd')),
    isReady: async () => (await place.run(there(['test', '-S', '/run/belay/belayd.sock', '-a', '-S', '/run/belay/uplink.sock']))).code === 0,
  });
  const uplink = createService(place, { name: `belay-uplink-${name}`, user: 'root', command: there(commandAs('belay', commandOf('belay-uplink', ['--retry-max', '1']))), isReady: () => Promise.resolve(true) });
  await belayd.start();
  await uplink.start();
  let said = '';
  const isEnrolled = async (): Promise<boolean> => {
    const { code, stdout, stderr } = await belay(['enroll', '-'], `${token}\n`);
    said = stderr + stdout;
    return code === 0;
  };
  // Until the uplink has found belayd nothing of the token is used.
  await waitFor(isEnrolled, { what: `${name} to be enrolled` }).catch((error: unknown) => {
    throw new Error(`${String(error)}\n${said}`, { cause: error });
  });
  return {
    belay,
    runAs: (user, argv) => place.run(there(commandAs(user, argv)), { cwd: '/' }),
    async close() {
      await uplink.stop();
      await belayd.stop();
      holder.endInput();
      await holder.ended;
    },
  };
}
