import { startAuthentication } from '@simplewebauthn/browser';
import { useQuery } from '@tanstack/react-query';
import { Fingerprint, KeyRound, LogIn } from 'lucide-react';
import { type SubmitEvent, useEffect, useRef, useState } from 'react';
import { get, pathWith, post, problemIn, segment } from '../api/client.ts';
import type { SecondFactor, SignInAnswer, SignInWays } from '../api/types.ts';
import { Button } from '../ui/button.tsx';
import { Field } from '../ui/field.tsx';
import { Mark } from '../ui/mark.tsx';
import { Notice } from '../ui/notice.tsx';

type Props = { readonly hasExpired: boolean; signedIn(): Promise<void> };
type Second = { readonly needs: readonly SecondFactor[]; readonly challenge: string };
type PasskeyOptions = { readonly challenge: string; readonly options: Parameters<typeof startAuthentication>[0]['optionsJSON'] };

export function SignIn({ hasExpired, signedIn }: Props) {
  const [second, setSecond] = useState<Second>();
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => {
    document.title = 'Sign in · Belay';
  }, []);
  /** One attempt; what went wrong is said. */
  const attempt = async (work: () => Promise<SignInAnswer>): Promise<void> => {
    setBusy(true);
    setProblem(undefined);
    try {
      const { needs, challenge } = await work();
      if (needs !== undefined && challenge !== undefined) setSecond({ needs, challenge });
      else await signedIn();
    } catch (error) {
      setProblem(wordsFor(error));
    } finally {
      setBusy(false);
    }
  };
  const passkey = (challenge?: string): void => void attempt(() => withPasskey(challenge));
  return (
    <main className="sign-in">
      <div className="sign-in-card">
        <header><Mark /><h1>{second === undefined ? 'Sign in to Belay' : 'One more step'}</h1></header>
        {hasExpired && <Notice tone="info">Your session has ended. Sign in and you are back where you were.</Notice>}
        {problem !== undefined && <div role="alert"><Notice tone="bad">{problem}</Notice></div>}
        {second === undefined
          ? <FirstStep isBusy={isBusy} passkey={passkey} password={(name, password) => attempt(() => post('/session', { name, password }))} />
          : <SecondStep second={second} isBusy={isBusy} passkey={() => passkey(second.challenge)} back={() => setSecond(undefined)}
              code={(code) => attempt(() => post('/session/totp', { challenge: second.challenge, code }))} />}
      </div>
    </main>
  );
}

function textIn(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value : '';
}

async function withPasskey(challenge: string | undefined): Promise<SignInAnswer> {
  const asked = await post<PasskeyOptions>('/session/passkey/options', challenge === undefined ? {} : { challenge });
  const response = await startAuthentication({ optionsJSON: asked.options });
  return post('/session/passkey/finish', { challenge: asked.challenge, response });
}

function wordsFor(error: unknown): string {
  if (error instanceof Error && error.name === 'NotAllowedError') return 'The passkey was not used: it was cancelled, or it took too long.';
  const { status, title, detail } = problemIn(error);
  if (status === 401) return 'That did not match. Check the name, the password and the code; after several failed tries an account rests for a while.';
  if (status === 429) return 'Too many tries from here. Wait a minute.';
  return `${title}. ${detail}`;
}

type FirstProps = { readonly isBusy: boolean; passkey(): void; password(name: string, password: string): Promise<void> };

function FirstStep({ isBusy, passkey, password }: FirstProps) {
  const { data: ways } = useQuery({ queryKey: ['session', 'ways'], queryFn: () => get<SignInWays>('/sign-in'), staleTime: 60_000 });
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    const form = new FormData(event.currentTarget);
    void password(textIn(form, 'name'), textIn(form, 'password'));
  };
  return (
    <>
      <form onSubmit={submit} className="stack">
        <Field label="Account name" name="name" autoComplete="username webauthn" autoCapitalize="none" spellCheck={false} required autoFocus />
        <Field label="Password" name="password" type="password" autoComplete="current-password" required />
        <Button type="submit" tone="primary" isPending={isBusy} icon={<LogIn />}>Sign in</Button>
      </form>
      {(ways?.passkeys === true || (ways?.oidc.length ?? 0) > 0) && (
        <div className="stack sign-in-ways">
          <p className="or"><span>or</span></p>
          {ways?.passkeys === true && <Button onPress={() => passkey()} isDisabled={isBusy} icon={<Fingerprint />}>Sign in with a passkey</Button>}
          {ways?.oidc.map(({ id, label }) => (
            <a key={id} className="button" href={pathWith('/api/v1/session/oidc/start', { provider: id, return: location.pathname + location.search })} data-provider={segment(id)}>
              <KeyRound aria-hidden="true" />{label}
            </a>
          ))}
        </div>
      )}
    </>
  );
}

type SecondProps = { readonly second: Second; readonly isBusy: boolean; passkey(): void; back(): void; code(code: string): Promise<void> };

function SecondStep({ second, isBusy, passkey, back, code }: SecondProps) {
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  const submit = (event: SubmitEvent<HTMLFormElement>): void => {
    event.preventDefault();
    void code(textIn(new FormData(event.currentTarget), 'code').replaceAll(/\s/g, ''));
  };
  return (
    <div className="stack">
      {second.needs.includes('totp') && (
        <form onSubmit={submit} className="stack">
          <Field ref={field} label="Code from your authenticator app" hint="Or one of your recovery codes: each works once." name="code" autoComplete="one-time-code" autoCapitalize="none" spellCheck={false} maxLength={64} required />
          <Button type="submit" tone="primary" isPending={isBusy}>Go on</Button>
        </form>
      )}
      {second.needs.includes('passkey') && <Button onPress={passkey} isDisabled={isBusy} icon={<Fingerprint />}>Use a passkey</Button>}
      <Button tone="quiet" onPress={back}>Use another account</Button>
    </div>
  );
}
