import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query'
import { useMay } from '../auth/roles'
import { dataContext } from '../auth/session'
import { useStore } from '../lib/store'
import { call, callText } from './client'
import type { DeliveryState } from './deliveries'
import { PAGE_SIZE } from './queries'
import type { Json, JsonObject, Page } from './types'

/** Who did something: a configuration record, an event source, what is predefined for an event type, or a workflow. */
export interface By {
  kind: string
  id: string
  /** Null when there is none any more. */
  name: string | null
}

/** One thing that happened to an event, or because of it. */
export interface Step {
  did: string
  by: By | null
  message?: string | null
  /** Parts of the event, or fields. */
  parts?: string[]
  fields?: string[]
  field?: string
  value?: Json
  old_value?: Json
  /** Whether a value was too long to be kept. */
  shortened?: boolean
  flow?: string
  reason?: string
  segment?: string
  delivery?: { id: string; state: DeliveryState | null; attempts?: number; error?: string | null; at?: string; due?: string | null; settled_at?: string | null }
  setting?: string
  place?: string
  /** The profile with which it becomes one. */
  other?: string
  /** Whether what is sent tells of the profile. */
  profile?: boolean
}

/** What became of an event. */
export interface Explanation {
  event: string
  stored: boolean
  valid: boolean
  steps: Step[]
  /** Steps that were too many to be kept. */
  left_out: number
}

/** A field of a profile that got another value. */
export interface Change {
  id: string
  timestamp: string
  event_id: string
  field: string
  value: Json
  old_value: Json
  shortened?: boolean
  by: By
}

/** A profile that was merged into another one. */
export interface Merge {
  merged: string
  into: string
  at: string
  /** Ids by which it was recognised. */
  keys: string[]
}

/** Something that a workflow has asked to happen later. */
export interface Delayed {
  id: string
  due: string
  flow: string
  node: string
  /** The event that started the workflow. */
  event: string
  /** Type of the event that it goes on with. */
  event_type: string | null
  properties: JsonObject
  profile: string | null
  at: string
}

export function useExplanation(event: string) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'deliveries', 'explanation', event],
    queryFn: ({ signal }) => call<Explanation>(`/event/${encodeURIComponent(event)}/explain`, { signal }),
    // A delivery may be on its way.
    refetchInterval: 15_000,
  })
}

interface Paging<T> {
  query?: Record<string, string>
  enabled?: boolean
  /** Makes a page of the text of an answer, where it is more than its JSON. */
  read?: (text: string) => Page<T>
}

/** A list that is fetched page by page, each beginning where the one before has ended. */
export function usePaged<T>(key: readonly string[], path: string, { query = {}, enabled = true, read = JSON.parse }: Paging<T> = {}) {
  const context = useStore(dataContext)
  const allowed = useMay('read')
  return useInfiniteQuery({
    queryKey: [context, ...key, query],
    enabled: enabled && allowed,
    initialPageParam: 0,
    queryFn: async ({ pageParam, signal }): Promise<Page<T>> => {
      const asked = new URLSearchParams({ limit: String(PAGE_SIZE), ...query, start: String(pageParam) })
      return read(await callText(`${path}?${asked.toString()}`, { signal }))
    },
    getNextPageParam: (last, pages) => {
      const seen = pages.reduce((rows, page) => rows + page.result.length, 0)
      return last.result.length > 0 && seen < last.total ? seen : undefined
    },
    placeholderData: keepPreviousData,
  })
}

/** The changes to one field of a profile, newest first. */
export function useChanges(profile: string, field: string, enabled: boolean) {
  return usePaged<Change>(['changes', profile], `/profile/${encodeURIComponent(profile)}/changes`, { query: { field }, enabled })
}

/** The newest changes to a profile. */
export function useNewestChanges(profile: string) {
  return usePaged<Change>(['changes', profile], `/profile/${encodeURIComponent(profile)}/changes`, { query: { limit: '500' } })
}

/** The profiles that were merged into this one, newest first. */
export function useMerges(profile: string) {
  return usePaged<Merge>(['merges', profile], `/profile/${encodeURIComponent(profile)}/merges`)
}

/** What workflows have asked to happen later, the soonest first. */
export function useDelayed() {
  return usePaged<Delayed>(['delayed'], '/events/delayed')
}
