import { useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { get, post, segment } from '../../api/client.ts';
import type { Account, Binding, Page, Person, PersonUser } from '../../api/types.ts';

const nextOf = ({ next }: { readonly next?: string | number | null }): string | null => (typeof next === 'string' ? next : null);

export function usePersons() {
  return useInfiniteQuery({ queryKey: ['people', 'persons'], initialPageParam: null as string | null, getNextPageParam: nextOf, queryFn: ({ pageParam, signal }) => get<Page<'persons', Person>>('/persons', { limit: 200, cursor: pageParam }, signal) });
}

export function usePerson(id: string) {
  return useQuery({ queryKey: ['people', 'person', id], queryFn: ({ signal }) => get<Person>(`/persons/${segment(id)}`, undefined, signal) });
}

export function useAccounts() {
  return useInfiniteQuery({ queryKey: ['people', 'accounts'], initialPageParam: null as string | null, getNextPageParam: nextOf, queryFn: ({ pageParam, signal }) => get<Page<'accounts', Account>>('/accounts', { limit: 200, cursor: pageParam }, signal) });
}

/** The roles there are, and what each may do. */
export type Matrix = { readonly roles: readonly string[]; readonly permissions: readonly { readonly name: string; readonly about: string; readonly roles: readonly string[] }[] };

export function useMatrix() {
  return useQuery({ queryKey: ['people', 'matrix'], staleTime: Infinity, queryFn: ({ signal }) => get<Matrix>('/permissions', undefined, signal) });
}

export type PersonBody = { readonly name: string; readonly email: string | null; readonly managerId: string | null };
export type NewAccount = { readonly name: string; readonly password: string; readonly personId?: string; readonly bindings: readonly Binding[] };
export type AccountAct = { readonly id: string; readonly verb: 'roles' | 'disable' | 'enable' | 'password' | 'unlink-factors'; readonly body?: unknown };

export function usePeopleActs() {
  const client = useQueryClient();
  const onSuccess = (): Promise<void> => client.invalidateQueries({ queryKey: ['people'] });
  return {
    savePerson: useMutation({ mutationFn: ({ id, ...body }: PersonBody & { readonly id?: string }) => post<Person>(id === undefined ? '/persons' : `/persons/${segment(id)}`, body), onSuccess }),
    linkUsers: useMutation({ mutationFn: ({ id, ...body }: { readonly id: string; readonly add: readonly PersonUser[]; readonly remove: readonly PersonUser[] }) => post(`/persons/${segment(id)}/users`, body), onSuccess }),
    makeAccount: useMutation({ mutationFn: (body: NewAccount) => post<Account>('/accounts', body), onSuccess }),
    changeAccount: useMutation({ mutationFn: ({ id, verb, body = {} }: AccountAct) => post(`/accounts/${segment(id)}/${verb}`, body), onSuccess }),
  };
}
