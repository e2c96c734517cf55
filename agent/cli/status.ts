import { create } from '@bufbuild/protobuf';
import { type GrantsAnswer, GrantsAnswerSchema, type Posture, type StatusAnswer } from '@belay/proto/local';
import { askDaemon, askOnce } from './client.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { grantJson, holdingsText, requestJson } from './holdings.ts';
import { ageOf, fieldLines, inert, versionText } from './text.ts';

const timeoutMs = 5_000;

export type StatusOptions = { readonly socket: string; readonly json: boolean; readonly watch: boolean };

export async function status(options: StatusOptions): Promise<ExitCode> {
  if (options.watch) return await watch(options);
  const answer = await askOnce(options.socket, { case: 'status', value: {} }, timeoutMs);
  if (answer.case !== 'status') {
    process.stderr.write(`belay: ${inert(answer.case === 'refusal' ? answer.value.message : 'belayd gave no status')}\n`);
    return exitCodes.failed;
  }
  const held = await askOnce(options.socket, { case: 'grants', value: {} }, timeoutMs);
  const holdings = held.case === 'grants' ? held.value : create(GrantsAnswerSchema, {});
  if (options.json) process.stdout.write(`${JSON.stringify({ ...statusJson(answer.value), ...holdingsJson(holdings) }, null, 2)}\n`);
  else process.stdout.write(statusText(answer.value, Date.now()) + holdingsText(holdings, Date.now(), isRoot()));
  if (!answer.value.enrolled) return exitCodes.notEnrolled;
  return answer.value.problems.length > 0 ? exitCodes.hasProblems : exitCodes.done;
}

function isRoot(): boolean {
  return process.getuid?.() === 0;
}

export function holdingsJson({ requests, grants }: GrantsAnswer): { readonly requests: readonly object[]; readonly grants: readonly object[] } {
  return { requests: requests.map(requestJson), grants: grants.map(grantJson) };
}

/** Requests and approvals, anew at each change, until it is interrupted. With --json a line each. */
async function watch({ socket, json }: StatusOptions): Promise<ExitCode> {
  let code: ExitCode = exitCodes.done;
  await askDaemon(socket, { case: 'watch', value: {} }, {
    timeoutMs: undefined,
    onAnswer: (answer) => {
      if (answer.case === 'grants') {
        process.stdout.write(json ? `${JSON.stringify(holdingsJson(answer.value))}\n` : watchText(answer.value, Date.now()));
        return 'more';
      }
      process.stderr.write(`belay: ${inert(answer.case === 'refusal' ? answer.value.message : 'belayd gave no answer')}\n`);
      code = exitCodes.failed;
      return 'last';
    },
  });
  return code;
}

function watchText(answer: GrantsAnswer, nowMs: number): string {
  const text = holdingsText(answer, nowMs, isRoot());
  return `${new Date(nowMs).toTimeString().slice(0, 8)}${text === '' ? '  nothing is asked for, and no approval is held\n' : `\n${text.replace(/^\n/, '')}`}`;
}

/** Numbers as numbers; times in Unix milliseconds, null where there is none. `posture`: to root only; null: not known. */
export function statusJson(answer: StatusAnswer): object {
  const timeOrNull = (ms: bigint): number | null => (ms === 0n ? null : Number(ms));
  return {
    enrolled: answer.enrolled,
    device: answer.device,
    deviceName: answer.deviceName,
    server: answer.server,
    serverConnected: answer.serverConnected,
    serverLastSeenMs: timeOrNull(answer.serverLastSeenMs),
    uplinkConnected: answer.uplinkConnected,
    manifest: answer.manifestNumber === 0n ? null : {
      epoch: answer.manifestEpoch, number: Number(answer.manifestNumber), ageMs: Number(answer.manifestAgeMs), expiresMs: timeOrNull(answer.manifestExpiresMs),
    },
    policies: { enforced: answer.policies - answer.policiesMonitored, monitored: answer.policiesMonitored },
    rules: { granting: answer.rules, lapsed: answer.rulesLapsed },
    eventsUnreceipted: Number(answer.eventsUnreceipted),
    agentVersion: answer.agentVersion,
    problems: answer.problems,
    ...(answer.posture === undefined ? {} : { posture: postureJson(answer.posture) }),
  };
}

function postureJson({ encrypted, secureBoot, firewall, healthy, os, osVersion, patchAgeDays }: Posture): object {
  return { encrypted: encrypted ?? null, secureBoot: secureBoot ?? null, firewall: firewall ?? null, healthy: healthy ?? null, os: os ?? null, osVersion: osVersion ?? null, patchAgeDays: patchAgeDays ?? null };
}

export function statusText(answer: StatusAnswer, nowMs: number): string {
  return fieldLines([
    ['Enrolled', answer.enrolled ? `as ${answer.deviceName} (${answer.device})` : 'no: nobody but root can elevate; root enrols it with `belay enroll`'],
    ...(answer.enrolled ? [['Server', serverText(answer, nowMs)] as const] : []),
    ['Policy', policyText(answer, nowMs)],
    ...(answer.manifestNumber === 0n ? [] : [['Rules', rulesText(answer)] as const]),
    ...(answer.policiesMonitored === 0 ? [] : [['Mode', modeText(answer)] as const]),
    ['Evidence', answer.eventsUnreceipted === 0n ? 'every event is receipted' : answer.eventsUnreceipted === 1n ? '1 event waits for a receipt' : `${answer.eventsUnreceipted} events wait for a receipt`],
    ...(answer.posture === undefined ? [] : [['Device', postureText(answer.posture)] as const]),
    ['Agent', answer.agentVersion],
    ...answer.problems.map((problem) => ['Problem', problem] as const),
  ]);
}

function serverText(answer: StatusAnswer, nowMs: number): string {
  const lastSeen = answer.serverLastSeenMs === 0n ? 'never heard from' : `last heard from ${ageOf(nowMs - Number(answer.serverLastSeenMs))} ago`;
  if (answer.serverConnected) return `${answer.server}, connected`;
  return `${answer.server}, not connected, ${lastSeen}${answer.uplinkConnected ? '' : '; belay-uplink is not running: `systemctl start belay-uplink`'}`;
}

function policyText(answer: StatusAnswer, nowMs: number): string {
  if (answer.manifestNumber === 0n) return 'none in force: everything is denied';
  return versionText({ number: answer.manifestNumber, issuedMs: BigInt(nowMs) - answer.manifestAgeMs, expiresMs: answer.manifestExpiresMs }, nowMs);
}

function rulesText({ rules, rulesLapsed }: StatusAnswer): string {
  const count = `${rules} that allow or ask`;
  return rulesLapsed === 0 ? `${count}, all in force` : `${count}, ${rulesLapsed} of them lapsed: what they would allow is refused`;
}

function modeText({ policies, policiesMonitored }: StatusAnswer): string {
  return policies === policiesMonitored ? 'monitor: nothing is enforced yet' : `${policies - policiesMonitored} enforced, ${policiesMonitored} only watched (monitor mode)`;
}

function postureText({ encrypted, secureBoot, firewall, healthy, os, osVersion, patchAgeDays }: Posture): string {
  const told = (value: boolean | undefined, yes: string, no: string): string => (value === undefined ? `${yes}: not known` : value ? yes : no);
  return [
    os === undefined ? 'system not known' : `${os} ${osVersion ?? ''}`.trim(),
    told(encrypted, 'disk encrypted', 'disk NOT encrypted'),
    told(secureBoot, 'secure boot', 'NO secure boot'),
    told(firewall, 'firewall on', 'firewall OFF'),
    patchAgeDays === undefined ? 'last update not known' : `last updated ${patchAgeDays} days ago`,
    told(healthy, 'agent healthy', 'agent NOT healthy'),
  ].join(', ');
}
