import { keepPreviousData, useInfiniteQuery, useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useMay } from '../auth/roles'
import { dataContext } from '../auth/session'
import type { Completion } from '../lib/completion'
import { stacked } from '../lib/histogram'
import { type Range, rangeBody } from '../lib/range'
import { useStore } from '../lib/store'
import { call } from './client'
import type {
  Account, EventDocument, EventSource, Histogram, IndexName, Page, ProfileDocument, SessionDocument,
} from './types'

/** Rows of one page of a range query. */
export const PAGE_SIZE = 25

interface Documents {
  event: EventDocument
  profile: ProfileDocument
  session: SessionDocument
}

export function useAccount() {
  return useQuery({ queryKey: ['account'], queryFn: ({ signal }) => call<Account>('/user-account', { signal }), staleTime: 300_000 })
}

export function useCount(index: IndexName) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'count', index],
    queryFn: ({ signal }) => call<{ count: number }>(`/${index}/count`, { signal }),
    refetchInterval: 10_000,
    placeholderData: keepPreviousData,
  })
}

/** Events over time by the groups of a field, and how many are in none of the most frequent groups. */
export function useHistogram(range: Range, where = '', groupBy = 'type') {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'histogram', range.key, where, groupBy],
    queryFn: async ({ signal }) => {
      const options = { method: 'POST', json: rangeBody(range, where), signal } as const
      const [grouped, all] = await Promise.all([
        call<Histogram>(`/event/select/histogram?group_by=${encodeURIComponent(groupBy)}`, options),
        call<Histogram>('/event/select/histogram', options),
      ])
      return stacked(grouped, all)
    },
    refetchInterval: range.refresh,
    placeholderData: keepPreviousData,
  })
}

/** The newest `limit` documents of a range. */
export function useLatest<I extends IndexName>(index: I, range: Range, where: string, limit: number, enabled = true) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'latest', index, range.key, where, limit],
    enabled,
    queryFn: ({ signal }) =>
      call<Page<Documents[I]>>(`/${index}/select/range`, { method: 'POST', json: rangeBody(range, where, limit), signal }),
  })
}

/** What may come next in a search. */
export function useCompletion(index: IndexName, query: string, enabled: boolean) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'completion', index, query],
    enabled,
    staleTime: 60_000,
    queryFn: ({ signal }) => call<Completion>(`/${index}/query/autocomplete?query=${encodeURIComponent(query)}`, { signal }),
  })
}

/**
 * Documents of a range, page by page, newest first. A page ends early when its documents are very large; the next one
 * starts where it ended.
 */
export function usePages<I extends IndexName>(index: I, range: Range, where: string) {
  const context = useStore(dataContext)
  return useInfiniteQuery({
    queryKey: [context, 'pages', index, range.key, where],
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) =>
      call<Page<Documents[I]>>(`/${index}/select/range`, {
        method: 'POST',
        json: { ...rangeBody(range, where, PAGE_SIZE), start: pageParam },
        signal,
      }),
    getNextPageParam: (last, pages) => {
      const seen = pages.reduce((rows, page) => rows + page.result.length, 0)
      return last.result.length > 0 && seen < last.total ? seen : undefined
    },
    placeholderData: keepPreviousData,
  })
}

export function useEvent(id: string) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'event', id],
    queryFn: async ({ signal }) =>
      (await call<{ event: EventDocument }>(`/event/${encodeURIComponent(id)}`, { signal })).event,
  })
}

/**
 * A profile. Lists that only show its name are content with one that is up to half a minute old; a page about it asks for
 * a `fresh` one, and again while it is shown.
 */
export function useProfile(id: string | null | undefined, { fresh = false } = {}) {
  const context = useStore(dataContext)
  const allowed = useMay('read')
  return useQuery({
    queryKey: [context, 'profile', id],
    enabled: Boolean(id) && allowed,
    staleTime: fresh ? 0 : 30_000,
    refetchInterval: fresh ? 15_000 : false,
    queryFn: ({ signal }) => call<ProfileDocument>(`/profile/${encodeURIComponent(id ?? '')}`, { signal }),
  })
}

export function useSession(id: string) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'session', id],
    queryFn: ({ signal }) => call<SessionDocument>(`/session/${encodeURIComponent(id)}`, { signal }),
  })
}

/** A list of the configuration: the API lists a record under each of its groups, and says null for none. */
export interface Grouped<T> {
  total: number
  grouped: Record<string, T[]> | null
}

/** Every record of a grouped list once, by name. */
export function distinct<T extends { id: string; name?: string }>(answer: Grouped<T>): T[] {
  const byId = new Map<string, T>()
  for (const group of Object.values(answer.grouped ?? {})) for (const record of group) byId.set(record.id, record)
  return [...byId.values()].sort((a, b) => (a.name ?? a.id).localeCompare(b.name ?? b.id))
}

export function useSources() {
  const context = useStore(dataContext)
  const allowed = useMay('configure')
  return useQuery({
    queryKey: [context, 'sources'],
    enabled: allowed,
    queryFn: async ({ signal }) => distinct(await call<Grouped<EventSource>>('/event-sources', { signal })),
    staleTime: 30_000,
  })
}

export function useSource(id: string) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'source', id],
    queryFn: ({ signal }) => call<EventSource>(`/event-source/${encodeURIComponent(id)}`, { signal }),
  })
}

/** Stores an event source, new or changed. */
export function useSaveSource() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (source: Partial<EventSource>) => call<unknown>('/event-source', { method: 'POST', json: source }),
    onSettled: () => refreshSources(client),
  })
}

export function useDeleteSource() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (id: string) => call<unknown>(`/event-source/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    // The list only: the page of the source that is gone is about to be left, and has nothing to fetch any more.
    onSuccess: () => void client.invalidateQueries({ predicate: query => query.queryKey[1] === 'sources' }),
  })
}

function refreshSources(client: ReturnType<typeof useQueryClient>) {
  return client.invalidateQueries({ predicate: query => ['source', 'sources'].includes(String(query.queryKey[1])) })
}

/** Where visitors' browsers reach the public API. Unset on the server: the same host, on the public API's port. */
export function usePublicUrl(): string {
  const { data } = useQuery({
    queryKey: ['public-url'],
    queryFn: ({ signal }) => call<{ public_url: string | null; public_port?: number }>('/settings/public-url', { signal }),
    staleTime: 300_000,
    retry: false,
  })
  return (data?.public_url ?? `${location.protocol}//${location.hostname}:${data?.public_port ?? 8585}`).replace(/\/+$/, '')
}
