import type { ClientFrame, StatusAnswer } from '@belay/proto/local';
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { StatusAnswerSchema } from '@belay/proto/local';
import type { Actor } from '../platform/platform.ts';
import type { Reauthentications } from '../decide/reauthentication.ts';
import type { Enrolments } from '../state/enrolment.ts';
import type { Connection } from './local-server.ts';
import { encodeReply, refusalReply, type Reply } from './replies.ts';

export type AdministrationDeps = {
  readonly enrolments: Enrolments;
  readonly reauthentications: Reauthentications;
  status(): MessageInitShape<typeof StatusAnswerSchema>;
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
      return reply({ case: 'status', value: deps.status() });
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
