import { type QueryClient, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { call } from '../api/client'
import type { FieldError } from '../api/errors'
import { distinct, type Grouped } from '../api/queries'
import type { JsonObject } from '../api/types'
import { useMay } from '../auth/roles'
import { dataContext } from '../auth/session'
import { useStore } from '../lib/store'
import type { Kind } from './kind'

/** A stored record: an id, a name, and what its kind has. */
export type ConfigurationRecord = JsonObject & { id: string; name: string }

/** A stored record that does not compile and therefore does nothing. */
export interface Problem {
  kind: string
  id: string
  name: string
  errors: { loc: (string | number)[]; msg: string }[]
}

const onePath = (kind: Kind, id: string): string => `${kind.path.one}/${encodeURIComponent(id)}`

export function useRecords(kind: Kind | undefined) {
  const context = useStore(dataContext)
  const allowed = useMay(kind?.right ?? 'read')
  return useQuery({
    queryKey: [context, 'records', kind?.id],
    enabled: kind !== undefined && allowed,
    queryFn: async ({ signal }) => distinct(await call<Grouped<ConfigurationRecord>>(kind?.path.all ?? '', { signal })),
  })
}

/** How many records of a kind there are. */
export function useRecordCount(kind: Kind) {
  const context = useStore(dataContext)
  const allowed = useMay(kind.right)
  return useQuery({
    queryKey: [context, 'records', kind.id, 'count'],
    enabled: allowed,
    // The total is that of all records; a name that none of them can have spares the server to send them.
    queryFn: async ({ signal }) => (await call<{ total: number }>(`${kind.path.all}?query=%00`, { signal })).total,
  })
}

/** A record. To show its name one that was fetched before will do; who edits it needs it `fresh`. */
export function useRecord(kind: Kind | undefined, id: string, { fresh = false } = {}) {
  const context = useStore(dataContext)
  const allowed = useMay(kind?.right ?? 'read')
  return useQuery({
    queryKey: [context, 'record', kind?.id, id],
    enabled: kind !== undefined && allowed,
    staleTime: 30_000,
    refetchOnMount: fresh ? 'always' : true,
    // What somebody is editing is not replaced behind their back.
    refetchOnWindowFocus: false,
    queryFn: ({ signal }) => call<ConfigurationRecord>(kind ? onePath(kind, id) : '', { signal }),
  })
}

/** Stores a record, new or changed; gives its id, which some kinds make out of other fields. */
export function useSaveRecord(kind: Kind) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (record: JsonObject) => {
      const answer = await call<{ ids?: string[] } | null>(kind.path.one, { method: 'POST', json: record })
      return answer?.ids?.[0] ?? String(record.id)
    },
    onSuccess: () => refresh(client, kind),
  })
}

/** Switches a record on or off: reads it anew, so that nothing else in it changes. */
export function useSwitchRecord(kind: Kind) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async ({ id, enabled }: { id: string; enabled: boolean }) => {
      const record = await call<ConfigurationRecord>(onePath(kind, id))
      await call<unknown>(kind.path.one, { method: 'POST', json: { ...record, enabled } })
    },
    onSettled: () => refresh(client, kind),
  })
}

export function useDeleteRecord(kind: Kind) {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => call<unknown>(onePath(kind, id), { method: 'DELETE' }),
    onSuccess: (_, id) => {
      client.removeQueries({ predicate: ({ queryKey }) => queryKey[1] === 'record' && queryKey[2] === kind.id && queryKey[3] === id })
      void client.invalidateQueries({ predicate: ({ queryKey }) => ['records', 'problems'].includes(String(queryKey[1])) })
    },
  })
}

function refresh(client: QueryClient, kind: Kind) {
  return client.invalidateQueries({
    predicate: ({ queryKey }) => queryKey[1] === 'problems' || (['record', 'records'].includes(String(queryKey[1])) && queryKey[2] === kind.id),
  })
}

/** Stored records that do nothing because they do not compile, of the kinds that the user may see. */
export function useProblems() {
  const context = useStore(dataContext)
  const allowed = useMay('read')
  return useQuery({
    queryKey: [context, 'problems'],
    enabled: allowed,
    staleTime: 30_000,
    queryFn: async ({ signal }) => (await call<{ result: Problem[] }>('/configuration/problems', { signal })).result,
  })
}

/** The complaints of a problem as those of a refused save: their places count from the record. */
export function complaintsOf(problem: Problem | undefined): FieldError[] {
  return (problem?.errors ?? []).map(({ loc, msg }) => ({ loc: loc.slice(1), msg }))
}

/** Checks the syntax of a condition; fails with what is wrong and where. */
export async function checkCondition(text: string): Promise<void> {
  await call<boolean>('/tql/validate', { method: 'POST', text })
}

/** The page of a record. */
export const recordPath = (kind: string, id: string): string => `/configuration/${kind}/record/${encodeURIComponent(id)}`
