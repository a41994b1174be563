import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { dataContext } from '../auth/session'
import { useStore } from '../lib/store'
import { call } from './client'
import { ApiError } from './errors'
import { usePaged } from './history'
import type { Json } from './types'

/** What a client sent for an event that was not taken. */
export interface Original {
  id: string
  at: string
  reason: 'invalid' | 'panic'
  why: string
  type: string
  source: string
  /** Whether something was taken out of it because a consent was missing. */
  altered: boolean
  /** What stood around the events of the request. */
  request: Json
  event: Json
}

/** What was sent for an event; null when nothing of it is kept. */
export function useOriginal(event: string, wanted: boolean) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'original', event],
    enabled: wanted,
    queryFn: async ({ signal }) => {
      try {
        return await call<Original>(`/event/${encodeURIComponent(event)}/original`, { signal })
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }
    },
  })
}

/** All that is in quarantine, the newest first. */
export function useQuarantine() {
  return usePaged<Original>(['quarantine'], '/events/invalid')
}

/** Processes events that were not taken once more; those that still cannot be taken are named with the reason. */
export function useReplayEvents() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (ids: string[]) =>
      call<{ replayed: number; refused: { id: string; reason: string }[] }>('/events/replay', { method: 'POST', json: { ids } }),
    onSettled: () => client.invalidateQueries(),
  })
}

/** Processes an event that was not taken once more, by the configuration of now. */
export function useReplayEvent() {
  const client = useQueryClient()
  return useMutation({
    mutationFn: (event: string) => call<unknown>(`/event/${encodeURIComponent(event)}/replay`, { method: 'POST' }),
    onSettled: () => client.invalidateQueries(),
  })
}
