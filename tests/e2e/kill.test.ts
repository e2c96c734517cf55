// kill -9 of every process at random moments while people elevate: nothing receipted is lost, nothing denied runs, and the
// chain verifies afterwards.
import { afterEach, expect, test } from '@jest/globals';
import { createWorld, describeRoot, type Service, type World } from '../support/world.ts';

const isSoak = process.env.BELAY_SOAK === '1';
/** Of each process. */
const kills = isSoak ? 50 : 4;
const timeoutMs = isSoak ? 60 * 60_000 : 480_000;
const longestCalmMs = 600;

describeRoot('kill -9 at random moments during a load of elevations', () => {
  let world: World | undefined;
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  test.each(['sqlite', 'postgres'] as const)('of belayd, the uplink and the server (%s)', async (database) => {
    const here = (world = await createWorld({ database }));
    await here.shell('install -d -m 0777 /tmp/denied');
    const load = startLoad(here);
    const seen = new Map<string, string>();
    for (const service of shuffled([here.belayd, here.uplink, here.server].flatMap((one) => Array<Service>(kills).fill(one)))) {
      await new Promise((resolve) => setTimeout(resolve, Math.random() * longestCalmMs));
      // What the server shows, it has receipted or is about to: from then on it may not go.
      if (Math.random() < 0.3) remember(seen, await here.events(['--limit', '1000']).catch(() => []));
      await service.kill();
      await service.start();
    }
    const ran = await load.stop();
    await here.settled({ timeoutMs: 90_000 });

    const events = await allEvents(here);
    const known = new Map(events.map((event) => [event.id, event.content]));
    const lost = [...seen].filter(([id, content]) => known.get(id) !== content);
    const intents = events.filter((event) => event.type === 'elevation.intent').length;
    expect({ lost, denied: await here.shell('ls /tmp/denied'), faults: events.filter((event) => event.type.startsWith('evidence.') && event.type !== 'evidence.checkpoint') })
      .toEqual({ lost: [], denied: '', faults: [] });
    if (isSoak) process.stderr.write(`${JSON.stringify({ kills: kills * 3, ran, intents, events: events.length, seen: seen.size })}\n`);
    // Every command that ran had its intent written before it.
    expect(intents).toBeGreaterThanOrEqual(Number((await here.shell('ls /tmp | grep -c ^allowed- || true')).trim()));
    expect(ran.succeeded).toBeGreaterThan(0);

    await here.shell('belayctl event export > /tmp/export.ndjson');
    expect(await here.run(['belay-verify', '/tmp/export.ndjson'])).toMatchObject({ code: 0 });
  }, timeoutMs);
});

/** Alice elevates what she may and bob what he may not, three at a time, until stopped. */
function startLoad(world: World): { readonly stop: () => Promise<{ readonly succeeded: number }> } {
  let isStopped = false;
  let succeeded = 0;
  let round = 0;
  const work = async (): Promise<void> => {
    while (!isStopped) {
      const number = ++round;
      const [allowed, denied] = await Promise.all([
        world.sudo('alice', ['-n', 'touch', `/tmp/allowed-${number}`]),
        world.sudo('bob', ['-n', 'touch', `/tmp/denied/${number}`]),
      ]);
      if (allowed.code === 0) succeeded++;
      if (denied.code === 0) throw new Error('bob was allowed');
    }
  };
  const workers = Promise.all([work(), work(), work()]);
  return {
    stop: async () => {
      isStopped = true;
      await workers;
      return { succeeded };
    },
  };
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items.map((item) => ({ item, at: Math.random() })).sort((a, b) => a.at - b.at).map(({ item }) => item);
}

type Known = { readonly id: string; readonly content: string; readonly type: string };

function remember(seen: Map<string, string>, events: readonly Readonly<Record<string, unknown>>[]): void {
  for (const event of events) seen.set(idOf(event), contentOf(event));
}

async function allEvents(world: World): Promise<readonly Known[]> {
  const events = await world.events(['--limit', '100000']);
  return events.map((event) => ({ id: idOf(event), content: contentOf(event), type: String(event['type']) }));
}

function idOf(event: Readonly<Record<string, unknown>>): string {
  return `${String(event['chain'])}/${String(event['seq'])}`;
}

function contentOf(event: Readonly<Record<string, unknown>>): string {
  return JSON.stringify([event['type'], event['deviceTime'], event['request'], event['fields']]);
}
