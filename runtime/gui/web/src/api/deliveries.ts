import { keepPreviousData, type QueryClient, useInfiniteQuery, useMutation, useQueryClient } from '@tanstack/react-query'
import { useMay } from '../auth/roles'
import { dataContext } from '../auth/session'
import { useStore } from '../lib/store'
import { call } from './client'
import { PAGE_SIZE } from './queries'
import type { Json, Page } from './types'

export type DeliveryState = 'waiting' | 'delivered' | 'dead'

/** Something that is sent to a destination, or was. */
export interface Delivery {
  id: string
  /** Id of the destination. */
  destination: string
  event?: string | null
  profile?: string | null
  state: DeliveryState
  attempts: number
  /** Why the last attempt failed. */
  error?: string | null
  /** When it was made. */
  at: string
  /** When it is tried next. */
  due?: string | null
  /** When it was delivered or given up. */
  settled_at?: string | null
  /** What is sent; not kept for what was delivered. */
  body?: Json
}

export interface DeliveryFilter {
  destination?: string
  event?: string
  profile?: string
  state?: DeliveryState
}

/** The request for a page of deliveries; what is blank restricts nothing. */
export function deliveriesPath(filter: DeliveryFilter, start: number): string {
  const asked = Object.entries(filter).filter(([, value]) => value)
  return `/deliveries?${new URLSearchParams([...asked, ['start', String(start)], ['limit', String(PAGE_SIZE)]]).toString()}`
}

export function useDeliveries(filter: DeliveryFilter) {
  const context = useStore(dataContext)
  const allowed = useMay('configure')
  return useInfiniteQuery({
    queryKey: [context, 'deliveries', filter],
    enabled: allowed,
    initialPageParam: 0,
    queryFn: ({ pageParam, signal }) => call<Page<Delivery>>(deliveriesPath(filter, pageParam), { signal }),
    getNextPageParam: (last, pages) => {
      const seen = pages.reduce((rows, page) => rows + page.result.length, 0)
      return last.result.length > 0 && seen < last.total ? seen : undefined
    },
    placeholderData: keepPreviousData,
    refetchInterval: 15_000,
  })
}

/** Sends dead letters again: these, or all of some destinations. */
export function useReplay() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: async (which: { ids: string[] } | { destinations: string[] }) => {
      const orders = 'ids' in which ? [which] : which.destinations.map(destination => ({ destination }))
      for (const json of orders) await call<unknown>('/dead-letters/replay', { method: 'POST', json })
    },
    onSettled: () => refresh(client),
  })
}

/** Gives dead letters up for good. */
export function useDiscard() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (ids: string[]) => call<unknown>('/dead-letters', { method: 'DELETE', json: { ids } }),
    onSettled: () => refresh(client),
  })
}

const refresh = (client: QueryClient) => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] === 'deliveries' })
