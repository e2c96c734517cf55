// What `npm run demo` shows: each step is checked, and the first that does not go as it must ends it. Run by tools/demo.mjs.
import { spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { projectRoot } from '../../../tools/node26.mjs';
import { openDoor } from './door.ts';
import { type Ran, worldNode, worldRepo } from './place.ts';
import { obstacle } from './root-only.ts';
import { adminPassword, serverFolder } from './server.ts';
import { createWorld, type World } from './world.ts';

const policyFolder = join(projectRoot, 'examples', 'policies');

class Unexpected extends Error {}

function say(text = ''): void {
  process.stdout.write(`${text}\n`);
}

let steps = 0;
function step(text: string): void {
  say(`\n${++steps}. ${text}`);
}

/** Shows a command as it would have been typed, and what came of it. */
function show(who: string, command: string, output: string): void {
  say(`     ${who}$ ${command}`);
  for (const line of output.trimEnd().split('\n')) say(`     ${line}`.trimEnd());
}

function must(holds: boolean, what: string, ran?: Ran): void {
  if (!holds) throw new Unexpected(`${what}: this is not what happened.${ran === undefined ? '' : ` Exit code ${ran.code}.\n${ran.stdout}${ran.stderr}`}`);
  say(`   ✔ ${what}`);
}

function examplePolicies(): Record<string, string> {
  const names = readdirSync(policyFolder).filter((name) => name.endsWith('.yaml') && !name.endsWith('.test.yaml'));
  return Object.fromEntries(names.map((name) => [name, readFileSync(join(policyFolder, name), 'utf8')]));
}

async function setUp(): Promise<World> {
  step('A server, and a machine enrolled with it');
  const world = await createWorld({ until: 'enrolled', serverConfig: 'tls: { names: [localhost] }' });
  await world.waitFor(async () => (await world.status()).manifest !== null, { what: 'the first policy' });
  const status = await world.belay(['status']);
  show('root', 'belay status', status.stdout);
  must((await world.status()).enrolled, 'The machine is enrolled', status);
  return world;
}

async function checkPolicies(world: World): Promise<void> {
  step('Before anything is applied: policies are checked, and tested like code');
  const folder = `${worldRepo}/examples/policies`;
  const checked = await world.belayctl(['policy', 'check', folder]);
  show('admin', 'belayctl policy check examples/policies', checked.stdout);
  must(checked.code === 0 && checked.stdout.includes('without findings'), 'No way to a root shell that nobody meant, no rule that never holds; what is accepted says why', checked);
  await world.writeFile('/root/careless.yaml', CARELESS);
  const careless = await world.belayctl(['policy', 'check', '/root/careless.yaml']);
  show('admin', 'belayctl policy check careless.yaml      # sudo find for everybody in operators', `${careless.stdout}${careless.stderr}`);
  must(careless.code !== 0 && careless.stdout.includes('escape-'), 'A rule for `find` is a rule for a root shell: found, with what to write instead', careless);
  const tested = await world.belayctl(['policy', 'test', folder]);
  show('admin', 'belayctl policy test examples/policies', tested.stdout.trimEnd().split('\n').slice(-6).join('\n'));
  must(tested.code === 0 && /[0-9]+ cases, all passed/.test(tested.stdout), 'Each example decides as its cases say', tested);
}

const CARELESS = `apiVersion: belay/v1
kind: Policy
metadata: { name: careless }
rules:
  - name: look for files
    who: ["group:operators"]
    run: [{ command: /usr/bin/find }]
    then: allow
`;

async function applyPolicies(world: World): Promise<void> {
  step(`The policies of examples/policies (${Object.keys(examplePolicies()).join(', ')})`);
  const startedAt = performance.now();
  await world.applyPolicies(examplePolicies());
  const listed = await world.belayctl(['policy', 'list']);
  show('admin', 'belayctl policy apply -f examples/policies && belayctl policy list', listed.stdout);
  must(listed.code === 0, `Signed, sent and in force on the machine ${Math.round(performance.now() - startedAt)} ms later`, listed);
}

async function elevate(world: World): Promise<void> {
  step('alice is a standard user, of the group "developers"');
  const allowed = await world.sudo('alice', ['id']);
  show('alice', 'sudo id', `${allowed.stdout}${allowed.stderr}`);
  must(allowed.code === 0 && allowed.stdout.startsWith('uid=0(root)'), 'Allowed by policy: it ran as root, without a password', allowed);

  const refused = await world.sudo('alice', ['cat', '/etc/shadow']);
  show('alice', 'sudo cat /etc/shadow', `${refused.stdout}${refused.stderr}`);
  must(refused.code === 1 && refused.stdout === '', 'No rule allows it: nothing ran', refused);

  const why = await world.runAs('alice', ['belay', 'why']);
  show('alice', 'belay why', why.stdout);
  must(why.code === 0 && why.stdout.includes('refused'), 'Why? is answered to whoever asked: what they may know', why);

  await world.shell('echo "user data in a log" >/var/log/app.log; chmod 0600 /var/log/app.log');
  const terminal = world.terminalAs('alice', ['sudo', 'cat', '/var/log/app.log']);
  await terminal.expect(/Belay #\d+: [^\n]*(why|reason)[^\n]*[:?] $/i);
  terminal.answer('ticket 4711: the nightly import fails');
  const end = await terminal.ended();
  show('alice', 'sudo cat /var/log/app.log', terminal.shown());
  must(end.code === 0 && terminal.shown().includes('user data in a log'), 'A reason was demanded, given and recorded: it ran');
}

const APPROVER = { name: 'olga', password: 'hold-the-rope-well' };

/** Somebody who may say yes: an account with a role, and no other right. */
async function makeApprover(world: World): Promise<void> {
  await world.writeFile('/root/approver-password', `${APPROVER.password}\n`, '0600');
  const made = await world.belayctl(['account', 'create', APPROVER.name, '--role', 'approver', '--password-file', '/root/approver-password']);
  must(made.code === 0, `${APPROVER.name} has an account and may approve`, made);
}

async function approve(world: World): Promise<void> {
  step('What policy does not allow by itself, a colleague can');
  await makeApprover(world);
  const terminal = world.terminalAs('alice', ['sudo', 'passwd', '--status', '--all']);
  await terminal.expect(/Waiting for it/i);
  const [waiting] = await world.waitFor(async () => {
    const found = await asApprover<readonly { readonly id: string; readonly command: string }[]>(world, ['request', 'list', '--state', 'pending', '--json']);
    return found.length > 0 ? found : undefined;
  }, { what: 'the request' }) as [{ readonly id: string; readonly command: string }];
  show(APPROVER.name, 'belayctl request list --state pending', `${waiting.id}  ${waiting.command}`);
  const startedAt = performance.now();
  await asApprover(world, ['request', 'approve', waiting.id, '--words', 'go on, and tell me how it went', '--json']);
  const end = await terminal.ended();
  const tookMs = Math.round(performance.now() - startedAt);
  show('alice', 'sudo passwd --status --all', lastLines(terminal.shown()));
  must(end.code === 0 && terminal.shown().includes(`approved by ${APPROVER.name}`), `The waiting sudo went on by itself (${tookMs} ms, the start of belayctl and its sign-in included)`);
}

/** What the live line was rewritten with in between is left out. */
function lastLines(shown: string): string {
  return shown.split('\n').map((line) => line.replace(/^.*\s{10,}/, '')).filter((line) => line.includes('Belay') || line.startsWith('root ')).join('\n');
}

/** belayctl with a sign-in of its own. */
async function asApprover<T>(world: World, args: readonly string[]): Promise<T> {
  const env = { XDG_CONFIG_HOME: '/root/approver', HOME: '/root/approver' };
  const signedIn = await world.belayctl(['login', '--server', 'https://belay-world:7445', '--user', APPROVER.name, '--ca', `${serverFolder}/pki/ca.pem`], { env, input: `${APPROVER.password}\n` });
  if (signedIn.code !== 0) throw new Unexpected(`${APPROVER.name} cannot sign in: ${signedIn.stderr}${signedIn.stdout}`);
  const ran = await world.belayctl(args, { env });
  if (ran.code !== 0) throw new Unexpected(`belayctl ${args.join(' ')} failed (${ran.code}): ${ran.stderr}${ran.stdout}`);
  return JSON.parse(ran.stdout) as T;
}

async function explain(world: World): Promise<void> {
  step('What IT sees of the refusal: every condition, and how near the nearest rule was');
  const explained = await world.belayctl(['policy', 'explain', '--user', 'alice', '--groups', 'developers', '--', '/usr/bin/cat', '/etc/shadow']);
  show('admin', 'belayctl policy explain --user alice --groups developers -- /usr/bin/cat /etc/shadow', explained.stdout.split('\n').slice(0, 14).join('\n'));
  must(explained.code === 0 && explained.stdout.startsWith('deny') && explained.stdout.includes('/var/log/*'), 'The same engine explains it: the argument was another', explained);
  const who = await world.belayctl(['policy', 'who-can', '/usr/bin/apt-get', 'update']);
  show('admin', 'belayctl policy who-can /usr/bin/apt-get update', who.stdout.split('\n').slice(0, 12).join('\n'));
  must(who.code === 0 && who.stdout.includes('developers'), 'Who can run a command is computed, not remembered', who);
}

async function prove(world: World): Promise<void> {
  await world.settled();
  step('What the security team sees');
  const events = await world.belayctl(['event', 'list']);
  show('soc', 'belayctl event list', events.stdout);
  const types = (await world.events(['--limit', '1000'])).map((event) => event['type']);
  const wanted = ['elevation.intent', 'elevation.outcome', 'elevation.denied'];
  must(events.code === 0 && wanted.every((type) => types.includes(type)), 'Each intent, outcome and refusal is in the central log', events);

  step('The proof');
  await world.shell('belayctl event export >/root/events.ndjson');
  const serverId = (await world.shell(`sha256sum ${serverFolder}/root.pub.der`)).slice(0, 64);
  const verified = await world.run(['belay-verify', '--server', serverId, '/root/events.ndjson']);
  show('auditor', 'belayctl event export > events.ndjson && belay-verify --server ID events.ndjson', verified.stdout);
  must(verified.code === 0, 'Every event is signed and chained, every one of the machine receipted, under the root key that the auditor knows', verified);
  await world.shell('sed 4d /root/events.ndjson >/root/forged.ndjson');
  const forged = await world.run(['belay-verify', '--server', serverId, '/root/forged.ndjson']);
  show('auditor', 'belay-verify --server ID events-with-a-line-deleted.ndjson', `${forged.stdout}${forged.stderr}`);
  must(forged.code !== 0, 'Delete one line of it, and the verifier says where', forged);
}

/** A request that nobody has answered yet, and the console to answer it in. */
async function leaveWaiting(world: World): Promise<void> {
  step('The console, with a request that waits for you');
  const asked = await world.runAs('alice', ['belay', 'request', '--uses', '2', '--for', '1h', '--', 'passwd', '--status', '--all']);
  show('alice', 'belay request --uses 2 --for 1h -- passwd --status --all', asked.stdout);
  must(asked.code === 0, 'Asked ahead: nothing runs now', asked);
  const page = await fetchInside(world, '/');
  must(page.includes('<div id="root">') || page.includes('<script'), 'The console is served by the server itself');
}

async function fetchInside(world: World, path: string): Promise<string> {
  const program = "const { get } = require('node:https'); get({ host: 'belay-world', port: 7445, path: process.argv[2], ca: require('node:fs').readFileSync(process.argv[1]) }, (answer) => answer.pipe(process.stdout)).on('error', (error) => { console.error(error.message); process.exit(1); });";
  const ran = await world.run([worldNode, '-e', program, `${serverFolder}/pki/ca.pem`, path]);
  if (ran.code !== 0) throw new Unexpected(`the console is not served: ${ran.stderr}`);
  return ran.stdout;
}

async function explore(world: World): Promise<void> {
  const door = await openDoor(world, 7445, 7445);
  say(`
The console: https://localhost:${door.port} (the server's certificate is its own: your browser will ask)
  ${APPROVER.name} / ${APPROVER.password}      may approve: alice's request waits under Requests
  admin / ${adminPassword}     everything else: devices, policies, people
Explore further: this is a shell as alice on that machine; type \`exit\` to end, and everything is gone.
  sudo -l                          what policy lets alice do
  sudo cat /var/log/app.log        asks why
  sudo -i                          refused, with a reason
  belay why                        why the last one was refused; belay list, belay status
alice's password is alice-rope. From another terminal, as root on your machine:
  nsenter -t ${world.hostPid()} -a bash     root in there: belayctl event tail, belayctl policy --help, /var/log/belay/
`);
  const child = spawn('nsenter', ['-t', String(world.hostPid()), '-m', '-u', '-i', '-n', '-p', 'sh', '-c', 'cd /home/alice && exec setpriv --reuid=alice --regid=alice --init-groups env -i HOME=/home/alice USER=alice LOGNAME=alice SHELL=/bin/bash LANG=C.UTF-8 TERM="$TERM" PATH=/usr/local/bin:/usr/bin:/bin script -qc bash /dev/null'], { stdio: 'inherit' });
  // Ctrl-C is for what runs in the shell.
  process.on('SIGINT', () => {});
  await new Promise((resolve) => { child.once('close', resolve); });
  await door.close();
}

async function main(): Promise<number> {
  const isOnce = process.argv.includes('--once');
  const reason = obstacle();
  if (reason !== undefined) {
    process.stderr.write(`belay: the demo ${reason}. It runs a machine of its own in namespaces, with its own users and sudo, and leaves yours as it is.\n`);
    return 1;
  }
  let world: World | undefined;
  try {
    world = await setUp();
    await checkPolicies(world);
    await applyPolicies(world);
    await elevate(world);
    await approve(world);
    await explain(world);
    await prove(world);
    await leaveWaiting(world);
    say('\nEvery step gave the expected result.');
    if (!isOnce) await explore(world);
    return 0;
  } catch (error) {
    process.stderr.write(`\n   ✘ ${(error as Error).message}\n`);
    return 1;
  } finally {
    await world?.close();
  }
}

process.exitCode = await main();
