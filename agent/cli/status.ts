import type { StatusAnswer } from '@belay/proto/local';
import { askDaemon } from './client.ts';
import { type ExitCode, exitCodes } from './exit-codes.ts';
import { ageOf, inert } from './text.ts';

const timeoutMs = 5_000;

export async function status(options: { readonly socket: string; readonly json: boolean }): Promise<ExitCode> {
  let answer: StatusAnswer | undefined;
  let refusal = 'belayd gave no status';
  await askDaemon(options.socket, { case: 'status', value: {} }, {
    timeoutMs,
    onAnswer: (message) => {
      if (message.case === 'status') answer = message.value;
      else if (message.case === 'refusal') refusal = inert(message.value.message);
      return 'last';
    },
  });
  if (answer === undefined) {
    process.stderr.write(`belay: ${refusal}\n`);
    return exitCodes.failed;
  }
  process.stdout.write(options.json ? `${JSON.stringify(asJson(answer), null, 2)}\n` : asText(answer, Date.now()));
  if (!answer.enrolled) return exitCodes.notEnrolled;
  return answer.problems.length > 0 ? exitCodes.hasProblems : exitCodes.done;
}

/** Numbers as numbers; times in Unix milliseconds, null where there is none. */
function asJson(answer: StatusAnswer): object {
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
    eventsUnreceipted: Number(answer.eventsUnreceipted),
    agentVersion: answer.agentVersion,
    problems: answer.problems,
  };
}

function asText(answer: StatusAnswer, nowMs: number): string {
  const lines: (readonly [string, string])[] = [
    ['Enrolled', answer.enrolled ? `as ${answer.deviceName} (${answer.device})` : 'no: nobody but root can elevate; root enrols it with `belay enroll`'],
    ...(answer.enrolled ? [['Server', serverText(answer, nowMs)] as const] : []),
    ['Policy', policyText(answer, nowMs)],
    ['Evidence', answer.eventsUnreceipted === 0n ? 'every event is receipted' : answer.eventsUnreceipted === 1n ? '1 event waits for a receipt' : `${answer.eventsUnreceipted} events wait for a receipt`],
    ['Agent', answer.agentVersion],
    ...answer.problems.map((problem) => ['Problem', problem] as const),
  ];
  return lines.map(([name, text]) => `${name.padEnd(10)} ${inert(text)}\n`).join('');
}

function serverText(answer: StatusAnswer, nowMs: number): string {
  const lastSeen = answer.serverLastSeenMs === 0n ? 'never heard from' : `last heard from ${ageOf(nowMs - Number(answer.serverLastSeenMs))} ago`;
  if (answer.serverConnected) return `${answer.server}, connected`;
  return `${answer.server}, not connected, ${lastSeen}${answer.uplinkConnected ? '' : '; belay-uplink is not running'}`;
}

function policyText(answer: StatusAnswer, nowMs: number): string {
  if (answer.manifestNumber === 0n) return 'none in force: everything is denied';
  const left = Number(answer.manifestExpiresMs) - nowMs;
  const expiry = answer.manifestExpiresMs === 0n ? '' : left > 0 ? `, good for another ${ageOf(left)}` : `, EXPIRED ${ageOf(-left)} ago`;
  return `number ${answer.manifestNumber}, issued ${ageOf(Number(answer.manifestAgeMs))} ago${expiry}`;
}
