import type { ClientFrame, StatusAnswer } from '@belay/proto/local';
import type { Posture } from '@belay/core/policy';
import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { type Posture as PostureMessage, PostureSchema, type StatusAnswerSchema } from '@belay/proto/local';
import type { Actor } from '../platform/platform.ts';
import type { Reauthentications } from '../decide/reauthentication.ts';
import type { Enrolments } from '../state/enrolment.ts';
import type { Connection } from './local-server.ts';
import { encodeReply, refusalReply, type Reply } from './replies.ts';

export type AdministrationDeps = {
  readonly enrolments: Enrolments;
  readonly reauthentications: Reauthentications;
  status(): MessageInitShape<typeof StatusAnswerSchema>;
  posture(): Promise<Posture>;
};

export type { StatusAnswer };

type Administration = Extract<ClientFrame['message'], { case: 'status' | 'forgetReauth' | 'enroll' | 'unenroll' }>;

export function isAdministration(message: ClientFrame['message']): message is Administration {
  return message.case === 'status' || message.case === 'forgetReauth' || message.case === 'enroll' || message.case === 'unenroll';
}

/** What concerns the device and not one request. */
export function administration(message: Administration, connection: Connection, deps: AdministrationDeps): void | Promise<void> {
  const { actor } = connection.peer;
  const reply = (answer: Reply) => connection.send(encodeReply(answer));
  switch (message.case) {
    case 'status':
      return isRoot(actor) ? tellRoot(reply, deps) : reply({ case: 'status', value: deps.status() });
    case 'forgetReauth':
      deps.reauthentications.forget(actor, message.value.everywhere);
      return reply({ case: 'done', value: {} });
    case 'enroll':
      if (isRoot(actor)) return enroll(message.value, reply, deps.enrolments);
      return reply(refusalReply('BELAY_E_NOT_PERMITTED', 'Only root may enrol this device.'));
    case 'unenroll':
      return reply(isRoot(actor) ? unenroll(deps.enrolments) : refusalReply('BELAY_E_NOT_PERMITTED', 'Only root may take this device out of its fleet.'));
  }
}

/** Root himself: a setuid program of somebody else's does not do. */
function isRoot(actor: Actor): boolean {
  return actor.effectiveUid === 0 && actor.realUid === 0;
}

/** SECURITY(T-30): how the device stands is root's to know: it says what is left open. */
async function tellRoot(reply: (answer: Reply) => void, deps: AdministrationDeps): Promise<void> {
  reply({ case: 'status', value: { ...deps.status(), posture: postureOf(await deps.posture()) } });
}

function postureOf({ encrypted, secureBoot, firewall, agentHealthy, osId, osVersion, patchAgeDays }: Posture): PostureMessage {
  const facts = { encrypted, secureBoot, firewall, healthy: agentHealthy, os: osId, osVersion, patchAgeDays };
  return create(PostureSchema, Object.fromEntries(Object.entries(facts).filter(([, fact]) => fact !== undefined)));
}

async function enroll({ token, replace }: { token: string; replace: boolean }, reply: (answer: Reply) => void, enrolments: Enrolments): Promise<void> {
  reply({ case: 'enroll', value: { done: false, text: 'Asking the server …', device: '' } });
  const result = await enrolments.begin(token, replace);
  if (!result.ok) return reply(refusalReply(result.error.code, result.error.message));
  const { device, name } = result.value;
  reply({ case: 'enroll', value: { done: true, text: `Enrolled as ${name === '' ? device : `${name} (${device})`}.`, device } });
}

function unenroll(enrolments: Enrolments): Reply {
  enrolments.leave();
  return { case: 'done', value: {} };
}
