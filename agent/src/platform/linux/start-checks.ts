import { readFileSync } from 'node:fs';
import { closeSync, openSync } from 'node:fs';
import { pidfdAlive, pidfdGetfd, pidfdOpen } from './libc.ts';

/** What belayd's own process is like. Handed in, so that each refusal can be shown to happen. */
export type StartFacts = {
  readonly effectiveUid: number;
  readonly execArguments: readonly string[];
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** kernel.yama.ptrace_scope; undefined: no Yama. */
  readonly ptraceScope: number | undefined;
  readonly handlesWork: boolean;
};

export function readStartFacts(): StartFacts {
  return {
    effectiveUid: process.geteuid?.() ?? -1,
    execArguments: process.execArgv,
    environment: process.env,
    ptraceScope: readPtraceScope(),
    handlesWork: handlesWork(),
  };
}

function readPtraceScope(): number | undefined {
  try {
    return Number(readFileSync('/proc/sys/kernel/yama/ptrace_scope', 'latin1'));
  } catch {
    return undefined;
  }
}

/** pidfd_open(2) and pidfd_getfd(2), tried on ourselves. */
function handlesWork(): boolean {
  const pidfd = pidfdOpen(process.pid);
  if (pidfd < 0) return false;
  const file = openSync('/dev/null', 'r');
  const copy = pidfdGetfd(pidfd, file);
  const works = copy >= 0 && pidfdAlive(pidfd);
  if (copy >= 0) closeSync(copy);
  closeSync(file);
  closeSync(pidfd);
  return works;
}

/** Variables that change what a Node process loads, runs or trusts. */
const UNSAFE_VARIABLE = /^(NODE_|LD_|GCONV_PATH$|OPENSSL_)/;

/** Why belayd must not start; each says what to do. Empty: it may. */
export function startRefusals(facts: StartFacts): readonly string[] {
  const refusals: string[] = [];
  if (facts.effectiveUid !== 0) refusals.push('belayd must run as root: start it with systemctl start belayd.');
  // SECURITY(T-35): otherwise any signal opens an inspector port that every local user may attach to.
  if (!facts.execArguments.includes('--disable-sigusr1')) refusals.push('belayd must be started with "node --disable-sigusr1": without it a signal opens a debugger port in a root process.');
  const debug = facts.execArguments.find((argument) => argument.startsWith('--inspect') || argument.startsWith('--debug'));
  if (debug !== undefined) refusals.push(`belayd must not be started with ${debug}: any local user could drive it.`);
  const unsafe = Object.keys(facts.environment).filter((name) => UNSAFE_VARIABLE.test(name));
  if (unsafe.length > 0) refusals.push(`belayd must not be started with ${unsafe.sort().join(', ')} in its environment: unset them.`);
  if (facts.ptraceScope === 3) refusals.push('kernel.yama.ptrace_scope is 3, which forbids pidfd_getfd(2), without which belayd cannot see what is to run: set it to 2 or less and reboot.');
  else if (facts.effectiveUid === 0 && !facts.handlesWork) refusals.push('This kernel has no pidfd_getfd(2), or it is forbidden here: Linux 5.6 or later and CAP_SYS_PTRACE are needed.');
  return refusals;
}

/** What belayd and every library in it see from here on. */
const FIXED_ENVIRONMENT: Readonly<Record<string, string>> = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LANG: 'C.UTF-8', HOME: '/', NO_COLOR: '1' };

export function fixEnvironment(environment: NodeJS.ProcessEnv): void {
  for (const name of Object.keys(environment)) delete environment[name];
  Object.assign(environment, FIXED_ENVIRONMENT);
}
