// Every suite on a live agent: real belayd, real sudo, a fleet whose keys the test holds.
import { bundleDigest, encodeBundle, rulePaths } from '../../../core/src/policy/index.ts';
import { sha256 } from '../../../core/node/crypto.ts';
import { decodeUtf8 } from '../../../core/src/bytes.ts';
import { caseSets, type PolicyCase } from '../../../core/src/policy-tools/index.ts';
import { expectAnswer, openOwnFleet, type OwnFleet } from '../../security/attacker/own-fleet.ts';
import { makeKey, trustKey } from '../../support/packages.ts';
import { createWorld, type World as TestWorld, worldNode } from '../../support/world.ts';
import type { OwnSuite } from '../suites.ts';
import { conductScript, OWN, type RanCase, readOutput, type Running, SSH_PORT } from './conduct.ts';
import { type Accounts, accountsOf, accountsScript, furnishScript, furnitureOf, namesAsked, PROGRAM, programDigests, restoreScript, settleTools } from './machine.ts';
import { ownerIn, packageScript, packagesOf, WARM } from './packages.ts';
import { expected, isObserved, type LiveEvent, type Seen, seen } from './observed.ts';
import { type Machine, type Phase, type Plan, planOf, SILENT_MS } from './translation.ts';

export type LiveCase = { readonly own: OwnSuite; readonly policyCase: PolicyCase; readonly plan: Plan; readonly result: { readonly seen: Seen; readonly expected: Seen } | undefined };

type Planned = { readonly number: number; readonly own: OwnSuite; readonly policyCase: PolicyCase; readonly plan: Plan };
type Live = Planned & { readonly plan: Extract<Plan, { kind: 'live' }> };

/** All in one world. Cases that cannot be made so are told with the reason. */
export async function runLive(suites: readonly OwnSuite[]): Promise<readonly LiveCase[]> {
  const world = await createWorld({ until: 'plugin', agentConfig: 'sudo: { pamAccount: false, pamSession: false }\n' });
  try {
    const { machine, fleet } = await openMachine(world, suites);
    let number = 0;
    const planned = suites.flatMap((own) => {
      const sets = caseSets(own.suite, own.tested.map(({ policy }) => policy));
      const paths = rulePaths(sets.monitored);
      return own.suite.cases.map((policyCase): Planned => ({ number: number++, own, policyCase, plan: planOf({ world: own.suite.world, sets, paths }, policyCase, machine) }));
    });
    const ran = new Map<number, RanCase>();
    for (const own of suites) {
      for (const [key, each] of await runSuite(world, fleet, own, planned.filter((one) => one.own === own && one.plan.kind === 'live') as Live[])) ran.set(key, each);
    }
    return await results(world, fleet, planned, ran);
  } catch (error) {
    throw new Error(`${(error as Error).message}\n${await world.belayd.log().catch(() => '')}`, { cause: error });
  } finally {
    await world.close();
  }
}

async function openMachine(world: TestWorld, suites: readonly OwnSuite[]): Promise<{ readonly machine: Machine; readonly fleet: OwnFleet }> {
  await world.shell(settleTools());
  const digests = await programDigests(world.shell);
  const programMd5 = (await world.shell(`md5sum ${PROGRAM}`)).slice(0, 32);
  const packages = packagesOf(suites.map(({ suite }) => suite));
  await world.shell(`cp ${PROGRAM} ${WARM.path}`);
  const key = await makeKey(world, 'repository');
  await trustKey(world, 'repository', key);
  await world.shell(packageScript(packages, programMd5, key.home));
  world.spawn([worldNode, '-e', `require('node:net').createServer(() => {}).listen(${SSH_PORT}, '0.0.0.0')`]);
  await world.waitFor(async () => (await world.run(['bash', '-c', `exec 2>/dev/null; : </dev/tcp/127.0.0.1/${SSH_PORT}`])).code === 0, { what: 'somebody to log in from' });
  await world.belayd.start();
  const fleet = await openOwnFleet(world);
  await knowPackages(world, fleet);
  const { posture } = JSON.parse((await world.belay(['status', '--json'])).stdout) as { readonly posture: Readonly<Record<string, unknown>> };
  const above = new Set(suites.flatMap(({ suite }) => suite.cases.flatMap((each) => [...(each.above ?? []), ...(each.login === 'ssh' ? ['/usr/sbin/sshd'] : [])])));
  return {
    fleet,
    machine: {
      deviceId: fleet.device,
      posture: Object.fromEntries(Object.entries(posture).filter(([, value]) => value !== null && value !== '')),
      ownerOf: (path) => ownerIn(packages, path, key.fingerprint),
      programSha256: (path) => (above.has(path) ? digests.shell : digests.program),
      above: [...OWN],
      isOwnAddress: (address) => address.startsWith('127.'),
    },
  };
}

/** A package of the test's own: once belayd knows it, it knows all. */
async function knowPackages(world: TestWorld, fleet: OwnFleet): Promise<void> {
  await fleet.publish({ 'warm.yaml': `apiVersion: belay/v1\nkind: Policy\nmetadata: { name: warm }\nrules:\n  - { name: warm, who: any, run: [{ package: ${WARM.name} }], device: { os: [debian] }, then: allow }\n` });
  await world.waitFor(async () => (await world.sudo('alice', ['-n', WARM.path])).code === 0, { what: 'the packages to be known' });
}

async function runSuite(world: TestWorld, fleet: OwnFleet, own: OwnSuite, planned: readonly Live[]): Promise<ReadonlyMap<number, RanCase>> {
  if (planned.length === 0) return new Map();
  const { monitored } = caseSets(own.suite, own.tested.map(({ policy }) => policy));
  const cases = planned.map(({ policyCase }) => policyCase);
  const accounts = accountsOf(own.suite, namesAsked(own.suite, monitored));
  const furniture = furnitureOf({ ...own.suite, cases }, rulePaths(monitored).map((path) => decodeUtf8(path) ?? ''));
  await run(world, `${accountsScript(accounts)}${furnishScript(furniture)}`);
  await publish(fleet, own);
  const ran = new Map<number, RanCase>();
  for (const phase of ['now', 'silent', 'expired'] as const) {
    const inPhase = planned.filter(({ plan }) => plan.phase === phase);
    if (inPhase.length === 0) continue;
    await enter(world, fleet, own, phase);
    for (const [number, each] of await conduct(world, inPhase, accounts)) ran.set(number, each);
  }
  await run(world, restoreScript(furniture));
  return ran;
}

/** A script of any bytes, run by root. Answers what it said. */
async function run(world: TestWorld, bytes: string): Promise<string> {
  const process = world.spawn(['sh', '-s'], { cwd: '/' });
  process.write(Buffer.from(bytes, 'latin1'));
  process.endInput();
  const { code } = await process.ended;
  const { stdout, stderr } = process.output();
  if (code !== 0) throw new Error(`a script of the world failed (${code}): ${stderr}`);
  return stdout;
}

const SHELLS = 4;

async function conduct(world: TestWorld, planned: readonly Live[], accounts: Accounts): Promise<ReadonlyMap<number, RanCase>> {
  const running = planned.map(({ number, plan }): Running => ({ number, ask: plan.ask, passesEnvironment: plan.keepsEnvironment }));
  const shares = Array.from({ length: SHELLS }, (_, share) => running.filter((_one, index) => index % SHELLS === share)).filter((share) => share.length > 0);
  const outputs = await Promise.all(shares.map((share) => run(world, conductScript(share, accounts))));
  return new Map(outputs.flatMap((output) => [...readOutput(output)]));
}

/** Above what enrolling took. */
let lastNumber = 1000;
/** Long enough to be taken. */
const SOON_MS = 2000;

/** The policies that are for the suite's device, on a device of its groups and labels. */
async function publish(fleet: OwnFleet, { suite, tested }: OwnSuite, expiresAt?: number): Promise<void> {
  const { monitored } = caseSets(suite, tested.map(({ policy }) => policy));
  const { groups = [], labels = {}, name = 'laptop-7' } = suite.world.device ?? {};
  const bundles = new Map(monitored.policies.map((policy) => [hex(bundleDigest(encodeBundle(policy), sha256)), encodeBundle(policy)]));
  const number = ++lastNumber;
  const answer = await fleet.deliverManifest(fleet.manifestEnvelope({
    number, groups: [...groups], labels, name, bundles: [...bundles.keys()].map((digest) => Buffer.from(digest, 'hex')), ...(expiresAt === undefined ? {} : { expiresAt }),
  }));
  if (!answer.accepted) throw new Error(`belayd refused the manifest: ${answer.code} ${answer.message}`);
  for (const digest of answer.bundlesWanted) expectAnswer(await fleet.uplink().ask({ case: 'bundle', value: { digest, content: bundles.get(hex(digest)) ?? new Uint8Array() } }), 'done');
  heardAt = Date.now();
}

let heardAt = 0;
const EVENTS: ReadonlySet<string> = new Set(['elevation.intent', 'elevation.denied', 'elevation.observed']);

function hasOwnContent({ suite: { world } }: OwnSuite, { run: [command = ''] }: PolicyCase): boolean {
  const file = world.files?.[world.links?.[command] ?? command];
  return typeof file === 'object' && typeof file.content === 'string';
}

function hex(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

async function enter(world: TestWorld, fleet: OwnFleet, own: OwnSuite, phase: Phase): Promise<void> {
  if (phase === 'silent') await world.waitFor(() => Date.now() > heardAt + SILENT_MS, { what: 'the server to have been silent' });
  if (phase !== 'expired') return;
  const expiresAt = Date.now() + SOON_MS;
  await publish(fleet, own, expiresAt);
  await world.waitFor(() => Date.now() > expiresAt, { what: 'the manifest to expire' });
}

async function results(world: TestWorld, fleet: OwnFleet, planned: readonly Planned[], ran: ReadonlyMap<number, RanCase>): Promise<readonly LiveCase[]> {
  let bySession = new Map<unknown, LiveEvent[]>();
  const isComplete = async (): Promise<boolean> => {
    bySession = Map.groupBy((await fleet.events()).filter(({ type }) => EVENTS.has(type)), ({ fields }) => fields['sessionId']);
    return planned.every(({ number, plan }) => plan.kind === 'left-out' || (bySession.get(ran.get(number)?.session)?.length ?? 0) >= (isObserved(plan) ? 2 : 1));
  };
  // What has none is told by its own test.
  await world.waitFor(isComplete, { what: 'an event of every case', timeoutMs: 20_000 }).catch(() => undefined);
  return planned.map(({ number, own, policyCase, plan }) => {
    const each = ran.get(number);
    if (plan.kind === 'left-out') return { own, policyCase, plan, result: undefined };
    const wanted = expected(policyCase, own.suite.world, plan);
    const got = each === undefined ? { ...wanted, decision: 'it did not run' } : seen(bySession.get(each.session) ?? [], { ...each, isNoProgram: hasOwnContent(own, policyCase) }, plan.decision);
    return { own, policyCase, plan, result: { seen: got, expected: wanted } };
  });
}
