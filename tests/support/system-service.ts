// A world whose processes of root's are those of a service of the system, as systemd would have them: there a parent can be told.
import { existsSync, mkdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Place } from './world/place.ts';

/** The hierarchy in which systemd keeps services. */
export function hierarchy(): string {
  return ['/sys/fs/cgroup/systemd', '/sys/fs/cgroup'].find((folder) => existsSync(join(folder, 'cgroup.procs'))) ?? '/sys/fs/cgroup';
}

/** Whatever is started in the world from now on is in the service. To be called with what it answers once the world is closed. */
export async function becomeSystemService(place: Place): Promise<() => void> {
  const folders = [join(hierarchy(), 'system.slice')];
  folders.push(join(folders[0] as string, `belay-world-${process.pid}-${place.hostPid()}.service`));
  const made = folders.filter((folder) => !existsSync(folder));
  for (const folder of made) mkdirSync(folder);
  // Children of the world's pid 1: what starts everything else.
  await place.shell(`for pid in $(cat /proc/1/task/1/children); do echo $pid >${folders[1]}/cgroup.procs; done`);
  return () => {
    for (const folder of made.toReversed()) {
      try {
        rmdirSync(folder);
      } catch {
        // Another world's service is in it.
      }
    }
  };
}
