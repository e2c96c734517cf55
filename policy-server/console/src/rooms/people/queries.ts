import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, segment } from '../../api/client.ts';
import type { Account, Binding, Page, Person, WithPassword } from '../../api/types.ts';

const nextOf = ({ next }: { readonly next?: string | number | null }): string | null => (typeof next === 'string' ? next : null);

export function usePersons(search = '') {
  return useInfiniteQuery({ queryKey: ['people', 'persons', search], initialPageParam: null as string | null, getNextPageParam: nextOf, queryFn: ({ pageParam, signal }) => get<Page<'persons', Person>>('/persons', { search, limit: 100, cursor: pageParam }, signal), placeholderData: keepPreviousData });
}

export function usePerson(id: string) {
  return useQuery({ queryKey: ['people', 'person', id], queryFn: ({ signal }) => get<Person>(`/persons/${segment(id)}`, undefined, signal) });
}

export function useAccounts(search: string) {
  return useInfiniteQuery({ queryKey: ['people', 'accounts', search], initialPageParam: null as string | null, getNextPageParam: nextOf, queryFn: ({ pageParam, signal }) => get<Page<'accounts', Account>>('/accounts', { search, limit: 100, cursor: pageParam }, signal), placeholderData: keepPreviousData });
}

/** The roles there are, and what each may do. */
export type Matrix = { readonly roles: readonly { readonly role: string; readonly permissions: readonly string[] }[]; readonly permissions: readonly { readonly name: string; readonly about: string; readonly reach: 'device' | 'server' }[] };

export function useMatrix() {
  return useQuery({ queryKey: ['people', 'matrix'], staleTime: Infinity, queryFn: ({ signal }) => get<Matrix>('/permissions', undefined, signal) });
}

export type PersonBody = { readonly name: string; readonly email: string | null; readonly manager: string | null };
export type UserLink = { readonly user: string; readonly device: string | null };
export type NewAccount = { readonly name: string; readonly email: string | null; readonly person: string | null; readonly bindings: readonly Binding[] };
export type AccountAct = { readonly id: string; readonly verb: 'roles' | 'disable' | 'enable' | 'person' | 'unlink-factors'; readonly body?: unknown };

export function usePeopleActs() {
  const client = useQueryClient();
  const onSuccess = (): Promise<void> => client.invalidateQueries({ queryKey: ['people'] });
  return {
    savePerson: useMutation({ mutationFn: ({ id, ...body }: PersonBody & { readonly id?: string }) => post<Person>(id === undefined ? '/persons' : `/persons/${segment(id)}`, body), onSuccess }),
    linkUsers: useMutation({ mutationFn: ({ id, ...body }: { readonly id: string; readonly add: readonly UserLink[]; readonly remove: readonly UserLink[] }) => post(`/persons/${segment(id)}/users`, body), onSuccess }),
    makeAccount: useMutation({ mutationFn: (body: NewAccount) => post<WithPassword>('/accounts', body), onSuccess }),
    setPassword: useMutation({ mutationFn: (id: string) => post<WithPassword>(`/accounts/${segment(id)}/password`), onSuccess }),
    changeAccount: useMutation({ mutationFn: ({ id, verb, body = {} }: AccountAct) => post<Account>(`/accounts/${segment(id)}/${verb}`, body), onSuccess }),
  };
}
