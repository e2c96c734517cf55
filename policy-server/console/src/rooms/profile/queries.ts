import { startRegistration } from '@simplewebauthn/browser';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { ask, get, post, segment } from '../../api/client.ts';
import type { Factors, OwnSession } from '../../api/types.ts';

const KEY = ['me'] as const;

export function useFactors() {
  return useQuery({ queryKey: [...KEY, 'factors'], queryFn: ({ signal }) => get<Factors>('/me/factors', undefined, signal) });
}

export function useOwnSessions() {
  return useQuery({ queryKey: [...KEY, 'sessions'], queryFn: async ({ signal }) => (await get<{ readonly sessions: readonly OwnSession[] }>('/me/sessions', undefined, signal)).sessions });
}

export type TotpStart = { readonly challenge: string; readonly secret: string; readonly uri: string };
type RegistrationOptions = { readonly challenge: string; readonly options: Parameters<typeof startRegistration>[0]['optionsJSON'] };

async function addPasskey(name: string): Promise<unknown> {
  const asked = await post<RegistrationOptions>('/me/passkeys/options');
  const response = await startRegistration({ optionsJSON: asked.options });
  return post('/me/passkeys/add', { challenge: asked.challenge, name, response });
}

/** Each changes how one signs in; the server wants a sign-in of the last minutes for it (BELAY_E_SIGN_IN_AGAIN). */
export function useFactorActs() {
  const client = useQueryClient();
  const onSuccess = (): Promise<void> => client.invalidateQueries({ queryKey: KEY });
  return {
    setPassword: useMutation({ mutationFn: (body: { readonly current: string; readonly next: string }) => post('/me/password', body), onSuccess }),
    startTotp: useMutation({ mutationFn: () => post<TotpStart>('/me/totp/start') }),
    confirmTotp: useMutation({ mutationFn: (body: { readonly challenge: string; readonly code: string }) => post<{ readonly recoveryCodes: readonly string[] }>('/me/totp/confirm', body), onSuccess }),
    removeTotp: useMutation({ mutationFn: () => post('/me/totp/remove'), onSuccess }),
    addPasskey: useMutation({ mutationFn: addPasskey, onSuccess }),
    removePasskey: useMutation({ mutationFn: (id: string) => ask('DELETE', `/me/passkeys/${segment(id)}`), onSuccess }),
    endSession: useMutation({ mutationFn: (id: string) => ask('DELETE', `/me/sessions/${segment(id)}`), onSuccess }),
  };
}
