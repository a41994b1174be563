import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { dataContext } from '../auth/session'
import { elements, members } from '../lib/sent'
import { useStore } from '../lib/store'
import { call, callText } from './client'
import { ApiError } from './errors'
import { usePaged } from './history'
import type { Page } from './types'

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
  /** What stood around the events of the request, as it was sent. */
  request: string
  /** The event as it was sent. */
  event: string
}

/** Reads one; what the client sent stays text. */
export function readOriginal(text: string): Original {
  const { request = '', event = '' } = members(text)
  return { ...(JSON.parse(text) as Original), request, event }
}

function readOriginals(text: string): Page<Original> {
  const { total = '0', result = '[]' } = members(text)
  return { total: Number(total), result: elements(result).map(readOriginal) }
}

/** What was sent for an event; null when nothing of it is kept. */
export function useOriginal(event: string, wanted: boolean) {
  const context = useStore(dataContext)
  return useQuery({
    queryKey: [context, 'original', event],
    enabled: wanted,
    queryFn: async ({ signal }) => {
      try {
        return readOriginal(await callText(`/event/${encodeURIComponent(event)}/original`, { signal }))
      } catch (error) {
        if (error instanceof ApiError && error.status === 404) return null
        throw error
      }
    },
  })
}

/** All that is in quarantine, the newest first. */
export function useQuarantine() {
  return usePaged<Original>(['quarantine'], '/events/invalid', { read: readOriginals })
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
