// Debian packages without changing the machine: the named packages and those of their dependencies that the machine lacks
// are fetched with apt-get (its state, lists and cache in a folder of ours) and unpacked into a tree, which a test lays over
// /usr inside `unshare -m`. Nothing is installed, no maintainer script runs, the machine's lists stay as they are.
//
//   node tools/debian.mjs                 prepares the wanted packages, prints the tree's folder
//   node tools/debian.mjs run COMMAND …   runs a command with the tree laid over /usr
//
// Plain JavaScript for Node 20 or later, no dependencies.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  copyFileSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, utimesSync,
  writeFileSync,
} from 'node:fs';
import { homedir } from 'node:os';
import { basename, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { withLock } from './lock.mjs';

/** What the suite needs from Debian whatever the machine has; sudo_plugin.h comes with sudo. */
export const wantedAlways = ['sudo', 'libpam0g-dev', 'libpam-modules', 'libpam-runtime', 'make', 'postgresql', 'rpm', 'gnupg'];
/** A compiler is a large download, so only for machines without one. */
export const wantedWithoutCompiler = ['gcc', 'libc6-dev'];

/** What the console is driven with, in a tree of its own: it is large, and most tests do not need it. */
export const wantedBrowser = ['chromium', 'fonts-inter', 'fonts-jetbrains-mono', 'fonts-noto-mono', 'fonts-liberation'];

const layoutVersion = 2;
const dpkgStatus = '/var/lib/dpkg/status';
const machineLists = '/var/lib/apt/lists';
const lockTimeoutMs = 15 * 60_000;
const listsGoodForMs = 6 * 60 * 60_000;
const unusedTreeGoodForMs = 14 * 24 * 60 * 60_000;
const commandTimeoutMs = 10 * 60_000;

export function wantedPackages() {
  const hasCompiler = isOnPath('cc') && existsSync('/usr/include/stdio.h');
  return hasCompiler ? [...wantedAlways] : [...wantedAlways, ...wantedWithoutCompiler];
}

function isOnPath(program) {
  return (process.env.PATH ?? '/usr/bin:/bin').split(':').some((folder) => existsSync(join(folder || '.', program)));
}

function isRoot() {
  return process.getuid?.() === 0;
}

function cacheFolder() {
  return join(process.env.BELAY_CACHE || join(process.env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'belay'), 'debian');
}

/** The tree depends on what the machine already has: another dpkg state is another tree. */
function treeName(names) {
  const hash = createHash('sha256');
  hash.update(JSON.stringify([layoutVersion, process.arch, isRoot(), [...new Set(names)].sort()]));
  hash.update(readFileSync(dpkgStatus));
  return hash.digest('hex').slice(0, 24);
}

function run(file, args, env = {}) {
  const result = spawnSync(file, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: commandTimeoutMs,
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive', ...env },
  });
  if (result.status === 0) return result.stdout;
  const said = `${result.stderr ?? ''}${result.error?.message ?? ''}`.trim().split('\n').slice(-8).join('\n');
  throw new Error(`${basename(file)} ${args.slice(0, 3).join(' ')} failed (${result.status ?? result.signal}):\n${said}`);
}

/**
 * apt's settings for our own folders. The machine's Acquire settings (proxies) are kept; its hooks are not, as some of them
 * empty the machine's cache.
 */
function writeAptSettings(base, archives) {
  const acquire = run('apt-config', ['dump']).split('\n').filter((line) => line.startsWith('Acquire::'));
  const file = join(base, 'apt.conf');
  for (const folder of [join(base, 'lists', 'partial'), join(archives, 'partial')]) mkdirSync(folder, { recursive: true });
  const settings = {
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::main': '/dev/null',
    'Dir::State': base,
    'Dir::State::lists': join(base, 'lists'),
    'Dir::State::status': dpkgStatus,
    'Dir::State::extended_states': join(base, 'extended_states'),
    'Dir::Cache': base,
    'Dir::Cache::archives': archives,
    'Dir::Cache::pkgcache': '',
    'Dir::Cache::srcpkgcache': '',
    'Dir::Log': base,
    'Debug::NoLocking': 'true',
    // Our folder may lie where apt's own user cannot go.
    'APT::Sandbox::User': '',
    'APT::Install-Recommends': 'false',
    'APT::Get::Assume-Yes': 'true',
    'Acquire::Languages': 'none',
    'Acquire::Retries': '3',
  };
  const ours = Object.entries(settings).map(([name, value]) => `${name} "${value}";`);
  writeFileSync(file, `${[...acquire, ...ours].join('\n')}\n`);
  return { APT_CONFIG: file };
}

/** The machine's lists are a good start: an update then fetches only what has changed. */
function seedLists(base) {
  const lists = join(base, 'lists');
  if (readdirSync(lists).length > 1 || !existsSync(machineLists)) return;
  for (const entry of readdirSync(machineLists, { withFileTypes: true })) {
    if (!entry.isFile() || entry.name === 'lock') continue;
    try {
      copyFileSync(join(machineLists, entry.name), join(lists, entry.name));
    } catch {
      // Unreadable to this user: apt-get fetches it.
    }
  }
}

function updateLists(base, aptEnvironment) {
  const stamp = join(base, 'updated');
  run('apt-get', ['update', '-q'], aptEnvironment);
  writeFileSync(stamp, '');
}

function listsAreFresh(base) {
  const updated = statSync(join(base, 'updated'), { throwIfNoEntry: false })?.mtimeMs;
  return updated !== undefined && Date.now() - updated < listsGoodForMs;
}

function download(base, archives, names) {
  const aptEnvironment = writeAptSettings(base, archives);
  seedLists(base);
  const fetchAll = () => run('apt-get', ['install', '--download-only', '-q', ...names], aptEnvironment);
  if (listsAreFresh(base)) {
    try {
      fetchAll();
      return;
    } catch {
      // The lists may name releases which have gone from the mirror since: once more with new ones.
    }
  }
  updateLists(base, aptEnvironment);
  fetchAll();
}

/** On a merged-/usr machine packages that still ship /lib or /bin must land in the part that gets laid over /usr. */
function linkMergedFolders(root) {
  for (const name of ['bin', 'sbin', 'lib', 'lib32', 'lib64', 'libx32']) {
    if (!lstatSync(`/${name}`, { throwIfNoEntry: false })?.isSymbolicLink()) continue;
    mkdirSync(join(root, 'usr', name), { recursive: true });
    symlinkSync(join('usr', name), join(root, name));
  }
}

function unpack(archives, root) {
  mkdirSync(root, { recursive: true });
  linkMergedFolders(root);
  const packages = readdirSync(archives).filter((file) => file.endsWith('.deb')).sort();
  // Not `dpkg-deb -x`: it replaces our links by folders. -p keeps the setuid bits.
  const script = 'dpkg-deb --fsys-tarfile "$1" >"$3" && tar -xpf "$3" --keep-directory-symlink -C "$2"';
  for (const file of packages) run('sh', ['-c', script, 'sh', join(archives, file), root, join(archives, 'unpacked.tar')]);
  return packages;
}

function removeUnusedTrees(base, keep) {
  for (const entry of readdirSync(base, { withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name === keep || !/^[0-9a-f]{24}(\.partial)?$/.test(entry.name)) continue;
    const used = statSync(join(base, entry.name, 'packages'), { throwIfNoEntry: false })?.mtimeMs ?? 0;
    if (Date.now() - used > unusedTreeGoodForMs) rmSync(join(base, entry.name), { recursive: true, force: true });
  }
}

function prepare(base, name, names) {
  for (const tool of ['apt-get', 'apt-config', 'dpkg-deb']) {
    if (!isOnPath(tool)) throw new Error(`${tool} is missing: only Debian and its descendants can provide ${names.join(', ')} this way`);
  }
  process.stderr.write(`belay: fetching Debian packages (${names.join(', ')}) into ${base}\n`);
  const partial = join(base, `${name}.partial`);
  rmSync(partial, { recursive: true, force: true });
  const archives = join(partial, 'archives');
  download(base, archives, names);
  const packages = unpack(archives, join(partial, 'root'));
  rmSync(archives, { recursive: true, force: true });
  writeFileSync(join(partial, 'packages'), `${packages.join('\n')}\n`);
  rmSync(join(base, name), { recursive: true, force: true });
  renameSync(partial, join(base, name));
  removeUnusedTrees(base, name);
  if (!isRoot()) process.stderr.write('belay: not root, so the setuid programs in the tree (sudo) do not elevate\n');
}

/**
 * Makes sure that the packages are unpacked and answers the tree's folder (it holds usr/, etc/, …). Packages which the machine
 * has installed in their newest version are not in the tree. Throws with apt's own words when they cannot be had.
 */
export function ensureDebian(names = wantedPackages()) {
  if (!existsSync(dpkgStatus)) throw new Error('this machine is not Debian (no dpkg status): install the packages by its own means');
  const base = cacheFolder();
  const name = treeName(names);
  const done = join(base, name, 'packages');
  if (!existsSync(done)) {
    mkdirSync(base, { recursive: true });
    withLock(join(base, 'lock'), lockTimeoutMs, () => {
      if (!existsSync(done)) prepare(base, name, names);
    });
  }
  try {
    const now = new Date();
    utimesSync(done, now, now);
  } catch {
    // Somebody else's cache; the time only keeps it from being cleaned up.
  }
  return join(base, name, 'root');
}

/** The command line that runs `command` in a mount namespace of its own, with the tree laid over /usr. */
export function withTree(root, command) {
  const script = 'mount -t overlay belay-debian -o "lowerdir=$1/usr:/usr" /usr && shift && exec "$@"';
  const namespace = isRoot() ? ['-m'] : ['--map-root-user', '-m'];
  return ['unshare', ...namespace, '--propagation', 'private', 'sh', '-c', script, 'sh', root, ...command];
}

function main([verb, ...command]) {
  const root = ensureDebian();
  if (verb !== 'run') {
    process.stdout.write(`${root}\n`);
    return 0;
  }
  const [file, ...args] = withTree(root, command);
  return spawnSync(file, args, { stdio: 'inherit' }).status ?? 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  try {
    process.exitCode = main(process.argv.slice(2));
  } catch (error) {
    process.stderr.write(`belay: ${error.message}\n`);
    process.exitCode = 1;
  }
}
