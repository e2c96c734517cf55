import { useQuery, useQueryClient } from '@tanstack/react-query';
import { createContext, type ReactNode, useContext, useEffect, useMemo, useState } from 'react';
import { ApiProblem, ask, get, onSignedOut, setCsrf } from '../api/client.ts';
import type { Session } from '../api/types.ts';
import { PageSkeleton } from '../ui/skeleton.tsx';
import { ProblemPage } from '../ui/problem.tsx';
import { SignIn } from './sign-in.tsx';

type SessionContext = { readonly session: Session; may(permission: string): boolean; signOut(): Promise<void> };
const Context = createContext<SessionContext | undefined>(undefined);

export function useSession(): SessionContext {
  const context = useContext(Context);
  if (context === undefined) throw new Error('nobody is signed in here');
  return context;
}

async function readSession(): Promise<Session | null> {
  try {
    const session = await get<Session>('/session');
    setCsrf(session.csrf);
    return session;
  } catch (error) {
    if (error instanceof ApiProblem && error.problem.status === 401) return null;
    throw error;
  }
}

/** Shows `children` to whoever is signed in, else the way to sign in; the address stays, so one comes to where one wanted to go. */
export function SessionGate({ children }: { readonly children: ReactNode }) {
  const client = useQueryClient();
  const [hasExpired, setExpired] = useState(false);
  const { data: session, error, isPending, refetch } = useQuery({ queryKey: ['session'], queryFn: readSession, staleTime: 60_000, retry: 1 });
  const isSignedIn = session !== null && session !== undefined;
  useEffect(() => onSignedOut(() => {
    if (client.getQueryData<Session | null>(['session']) == null) return;
    setExpired(true);
    forgetEverything(client);
  }), [client]);
  const value = useMemo<SessionContext | undefined>(() => (isSignedIn ? {
    session,
    may: (permission) => session.permissions.includes(permission),
    async signOut() {
      await ask('DELETE', '/session').catch(() => undefined);
      forgetEverything(client);
    },
  } : undefined), [client, isSignedIn, session]);
  if (isPending) return <PageSkeleton />;
  if (error !== null && !isSignedIn) return <ProblemPage error={error} again={() => void refetch()} />;
  if (value !== undefined) return <Context value={value}>{children}</Context>;
  const signedIn = async (): Promise<void> => {
    setExpired(false);
    await client.resetQueries({ queryKey: ['session'] });
  };
  return <SignIn hasExpired={hasExpired} signedIn={signedIn} />;
}

/** What one person saw is not there for the next. */
function forgetEverything(client: ReturnType<typeof useQueryClient>): void {
  setCsrf('');
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== 'session' });
  client.setQueryData(['session'], null);
}
