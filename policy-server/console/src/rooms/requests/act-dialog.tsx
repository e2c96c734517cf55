import { Check, X } from 'lucide-react';
import { useState } from 'react';
import { problemIn } from '../../api/client.ts';
import type { ApproveBody, RequestDetail, RequestSummary } from '../../api/types.ts';
import { useTell } from '../../shell/toasts.tsx';
import { Button } from '../../ui/button.tsx';
import { Dialog } from '../../ui/dialog.tsx';
import { Check as CheckBox, Field, Select, TextArea } from '../../ui/field.tsx';
import { Inert } from '../../ui/inert-text.tsx';
import { Notice } from '../../ui/notice.tsx';
import { Problem } from '../../ui/problem.tsx';
import { Lines } from '../../ui/skeleton.tsx';
import { duration } from '../../ui/time.tsx';
import { ArgumentList } from './arguments.tsx';
import { useRequest, useRequestActs } from './queries.ts';

export type Act = { readonly kind: 'approve' | 'deny'; readonly request: RequestSummary };

/** Answers one request. It was begun on this one and stays with it, whatever the list behind does meanwhile. */
export function ActDialog({ act: { kind, request }, close }: { readonly act: Act; close(): void }) {
  const { data, error } = useRequest(request.id);
  const now = data ?? request;
  const isOver = now.state !== 'pending';
  return (
    <Dialog title={`${kind === 'approve' ? 'Approve' : 'Deny'} request ${request.number}?`} isOpen close={close} isWide>
      <div className="stack">
        <p className="asked"><strong><Inert text={now.person?.name ?? now.user} /></strong> wants to run this as <strong><Inert text={now.runAs} /></strong> on <strong><Inert text={[now.device.name, ...now.alsoOn].join(', ')} /></strong>:</p>
        {data === undefined ? error === null ? <Lines count={2} /> : <Problem error={error} /> : <ArgumentList executable={data.executable} argv={data.argv} />}
        {now.reason !== null && <blockquote><Inert text={now.reason} /></blockquote>}
        {isOver && <Overtaken request={data} state={now.state} />}
        {!isOver && !now.mayAnswer && <Notice tone="warn" title="You may not answer this one">{now.whyNot ?? 'Its rule names other people.'}</Notice>}
        {!isOver && now.mayAnswer && data !== undefined && (kind === 'approve' ? <ApproveForm request={data} close={close} /> : <DenyForm request={data} close={close} />)}
      </div>
    </Dialog>
  );
}

function Overtaken({ request, state }: { readonly request: RequestDetail | undefined; readonly state: string }) {
  const last = request?.decisions.at(-1);
  return <Notice tone="info" title={`This request is ${state}`}>{last === undefined ? 'It needs no answer any more.' : <>Answered by <Inert text={last.by} />{last.words !== null && <>: “<Inert text={last.words} />”</>}</>}</Notice>;
}

type FormProps = { readonly request: RequestDetail; close(): void };
const MINUTE = 60_000;
const SPANS = [5, 15, 30, 60, 120, 240, 480, 720].map((minutes) => minutes * MINUTE);

function ApproveForm({ request, close }: FormProps) {
  const { approve } = useRequestActs(request.id);
  const tell = useTell();
  const isAhead = request.stance === 'ahead';
  const [words, setWords] = useState('');
  const [forMs, setForMs] = useState(request.forMs);
  const [uses, setUses] = useState(request.uses);
  const [isExact, setExact] = useState(false);
  const [leftOut, setLeftOut] = useState<ReadonlySet<string>>(new Set());
  const body: ApproveBody = {
    ...(words.trim() === '' ? {} : { words: words.trim() }), ...(isAhead && forMs !== request.forMs ? { forMs } : {}), ...(isAhead && uses !== request.uses ? { uses } : {}), ...(isExact ? { exact: true as const } : {}),
    ...(isExact || leftOut.size === 0 ? {} : { devices: mine(request).filter((id) => !leftOut.has(id)) }),
  };
  const submit = (): void => approve.mutate(body, { onSuccess: () => {
    tell('good', `Request ${request.number} is approved by you.`);
    close();
  } });
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      submit();
    }}>
      {isAhead && (
        <div className="columns">
          <Select label="For at most" value={String(forMs)} onChange={(event) => setForMs(Number(event.target.value))} options={spans(request.forMs).map((ms) => ({ value: String(ms), label: ms === request.forMs ? `${ms === 0 ? 'as the rule says' : duration(ms)} (as asked)` : duration(ms) }))} />
          <Field label="Uses" type="number" min={1} max={Math.max(1, request.uses)} value={uses} hint={`asked for: ${request.uses}`} onChange={(event) => setUses(Number(event.target.value))} />
        </div>
      )}
      {(request.scope?.isExact === false || request.elsewhere.length > 0) && <CheckBox label={request.elsewhere.length > 0 ? `Only the exact command above, on ${request.device.name} alone` : 'Only the exact command above, not the whole scope that was asked for'} checked={isExact} onChange={(event) => setExact(event.target.checked)} />}
      {request.elsewhere.length > 0 && !isExact && <Places request={request} leftOut={leftOut} change={setLeftOut} />}
      <TextArea label="Words to the requester (not needed)" value={words} maxLength={1000} onChange={(event) => setWords(event.target.value)} />
      {approve.error !== null && <Answered error={approve.error} />}
      <div className="actions end"><Button onPress={close}>Cancel</Button><Button type="submit" tone="good" autoFocus icon={<Check />} isPending={approve.isPending}>Approve</Button></div>
    </form>
  );
}

/** Ids of the other devices that one may answer for. */
function mine({ elsewhere }: RequestDetail): readonly string[] {
  return elsewhere.flatMap(({ id, mayAnswer }) => (id !== null && mayAnswer ? [id] : []));
}

type PlacesProps = { readonly request: RequestDetail; readonly leftOut: ReadonlySet<string>; change(leftOut: ReadonlySet<string>): void };

function Places({ request: { elsewhere }, leftOut, change }: PlacesProps) {
  const set = (id: string, isIn: boolean): void => change(new Set(isIn ? [...leftOut].filter((each) => each !== id) : [...leftOut, id]));
  return (
    <fieldset className="places">
      <legend>Also on</legend>
      {elsewhere.map(({ id, name, user, mayAnswer, whyNot }) => (
        <CheckBox key={name} disabled={!mayAnswer} checked={mayAnswer && id !== null && !leftOut.has(id)} onChange={(event) => id !== null && set(id, event.target.checked)}
          label={<><Inert text={name} />{user !== null && <span className="faint"> as <Inert text={user} /></span>}{whyNot !== null && <span className="faint block">{whyNot}</span>}</>} />
      ))}
    </fieldset>
  );
}

/** What was asked for, and what is shorter. */
function spans(asked: number): readonly number[] {
  return asked === 0 ? [0, ...SPANS] : [...SPANS.filter((ms) => ms < asked), asked].toReversed();
}

function DenyForm({ request, close }: FormProps) {
  const { deny } = useRequestActs(request.id);
  const tell = useTell();
  const [words, setWords] = useState('');
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      deny.mutate(words.trim(), { onSuccess: () => {
        tell('good', `Request ${request.number} is denied.`);
        close();
      } });
    }}>
      <TextArea label="Why not? The requester reads this." value={words} maxLength={1000} required autoFocus onChange={(event) => setWords(event.target.value)} hint="Say what to do instead." />
      {deny.error !== null && <Answered error={deny.error} />}
      <div className="actions end"><Button onPress={close}>Cancel</Button><Button type="submit" tone="danger" icon={<X />} isDisabled={words.trim() === ''} isPending={deny.isPending}>Deny</Button></div>
    </form>
  );
}

/** Somebody was first: who, and what they said, not merely that it failed. */
function Answered({ error }: { readonly error: unknown }) {
  const { code, detail } = problemIn(error);
  return code === 'BELAY_E_CONFLICT' ? <div role="alert"><Notice tone="warn" title="Somebody was quicker">{detail}</Notice></div> : <Problem error={error} />;
}
