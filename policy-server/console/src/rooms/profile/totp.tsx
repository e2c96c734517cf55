import { Smartphone } from 'lucide-react';
import { useMemo, useState } from 'react';
import { encode } from 'uqr';
import type { Factors } from '../../api/types.ts';
import { Badge } from '../../ui/badge.tsx';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Copyable } from '../../ui/copyable.tsx';
import { Field } from '../../ui/field.tsx';
import { Notice } from '../../ui/notice.tsx';
import { FactorProblem } from './factor-problem.tsx';
import { type TotpStart, useFactorActs } from './queries.ts';

export function Totp({ factors }: { readonly factors: Factors }) {
  const { startTotp, removeTotp } = useFactorActs();
  const [codes, setCodes] = useState<readonly string[]>();
  const [isRemoving, setRemoving] = useState(false);
  if (codes !== undefined) return <RecoveryCodes codes={codes} done={() => setCodes(undefined)} />;
  if (startTotp.data !== undefined) return <Setup start={startTotp.data} cancel={() => startTotp.reset()} done={(made) => {
    startTotp.reset();
    setCodes(made);
  }} />;
  return (
    <div className="stack">
      {factors.totp
        ? <p><Badge tone="good">On</Badge> A code is asked for after your password. {factors.recoveryCodes} recovery codes are left.</p>
        : <p>After your password, a code from an app on your phone is asked for. A stolen password is then not enough.</p>}
      <FactorProblem error={startTotp.error} />
      <div className="actions">
        <Button icon={<Smartphone />} isPending={startTotp.isPending} onPress={() => startTotp.mutate()}>{factors.totp ? 'Set up anew' : 'Set up'}</Button>
        {factors.totp && <Button tone="danger" onPress={() => setRemoving(true)}>Turn off…</Button>}
      </div>
      <Confirm title="Turn the authenticator app off?" verb="Turn off" isOpen={isRemoving} close={() => setRemoving(false)} act={() => removeTotp.mutateAsync()}><p>Your password alone will do again, unless you have a passkey.</p></Confirm>
    </div>
  );
}

function Setup({ start, cancel, done }: { readonly start: TotpStart; cancel(): void; done(codes: readonly string[]): void }) {
  const { confirmTotp } = useFactorActs();
  const [code, setCode] = useState('');
  return (
    <form className="stack" onSubmit={(event) => {
      event.preventDefault();
      confirmTotp.mutate({ challenge: start.challenge, code: code.replaceAll(/\s/g, '') }, { onSuccess: ({ recoveryCodes }) => done(recoveryCodes) });
    }}>
      <p>Scan this with your authenticator app, or type the key into it.</p>
      <QrCode text={start.uri} />
      <Copyable text={start.secret} label="the key" />
      <Field label="Code that the app shows" inputMode="numeric" autoComplete="one-time-code" required autoFocus value={code} onChange={(event) => setCode(event.target.value)} />
      <FactorProblem error={confirmTotp.error} />
      <div className="actions"><Button onPress={cancel}>Cancel</Button><Button type="submit" tone="primary" isPending={confirmTotp.isPending}>Turn on</Button></div>
    </form>
  );
}

/** Dark on light in either scheme, as readers want it. */
function QrCode({ text }: { readonly text: string }) {
  const { size, path } = useMemo(() => {
    const { data, size: side } = encode(text, { border: 0, ecc: 'M' });
    return { size: side, path: data.flatMap((row, y) => row.flatMap((isDark, x) => (isDark ? [`M${x} ${y}h1v1h-1z`] : []))).join('') };
  }, [text]);
  return <svg className="qr" role="img" aria-label="QR code for the authenticator app" viewBox={`0 0 ${size} ${size}`} shapeRendering="crispEdges"><path d={path} fill="#000" /></svg>;
}

function RecoveryCodes({ codes, done }: { readonly codes: readonly string[]; done(): void }) {
  return (
    <div className="stack">
      <Notice tone="warn" title="Keep these where your phone is not">Each lets you in once without the app. They are shown only now.</Notice>
      <Copyable text={codes.join('\n')} label="the recovery codes" isBlock />
      <div className="actions"><Button tone="primary" onPress={done}>I have kept them</Button></div>
    </div>
  );
}
