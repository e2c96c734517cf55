// The world of a security test: real sudo with the plugin, real belayd, and a fleet whose keys the test holds (own-fleet.ts).
import { createWorld, type World, type WorldOptions } from '../../support/world.ts';
import { type FleetKeys, openOwnFleet, type OwnFleet, type SecurityEvent } from './own-fleet.ts';

export type SecuredWorld = Omit<World, 'events'> & {
  readonly fleet: OwnFleet;
  /** Everything in the device's journal. */
  readonly events: () => Promise<readonly SecurityEvent[]>;
  /** Waits for an event; answers the newest that is like this. */
  readonly eventOf: (isWanted: (event: SecurityEvent) => boolean) => Promise<SecurityEvent>;
  /** The policy again, under a new number: belayd looks anew at the files that it names. */
  readonly reloadPolicy: () => Promise<void>;
};

export async function openSecuredWorld(policy: string, options: Pick<WorldOptions, 'agentConfig'> & { readonly keys?: FleetKeys; /** The agent's state is on a disk of its own, at /var/lib/belay. */ readonly ownDisk?: boolean } = {}): Promise<SecuredWorld> {
  const { keys, ownDisk, ...rest } = options;
  const world = await createWorld({ ...rest, until: 'plugin' });
  try {
    if (ownDisk === true) await world.shell('mount -t tmpfs -o size=64m,mode=0700 belay-disk /var/lib/belay');
    await world.belayd.start();
    const fleet = await openOwnFleet(world, keys);
    await fleet.publish({ 'policy.yaml': policy });
    // Not a copy: a world without a server has a `server` that throws when it is read.
    return Object.assign(Object.create(world) as World, {
      fleet,
      events: fleet.events,
      eventOf: async (isWanted: (event: SecurityEvent) => boolean) =>
        await world.waitFor(async () => (await fleet.events()).findLast(isWanted), { what: 'an event' }),
      reloadPolicy: fleet.publishAgain,
    });
  } catch (error) {
    const log = await world.belayd.log().catch(() => '');
    await world.close();
    throw new Error(`${(error as Error).message}\n${log}`, { cause: error });
  }
}
