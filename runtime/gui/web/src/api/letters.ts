import { useMutation, useQueryClient } from '@tanstack/react-query'
import { elements, members } from '../lib/sent'
import { call } from './client'
import { usePaged } from './history'
import type { Page } from './types'

/** A request that was accepted and that no worker could carry out. */
export interface Letter {
  id: string
  /** When it was given up. */
  at: string
  /** Why. */
  reason: string
  bytes: number
  /** What was sent, as it was sent. */
  sent: string
  /** When it was accepted. This and what follows is absent in a letter that cannot be read. */
  accepted?: string
  context?: string
  source?: string | null
  session?: string | null
  profile?: string | null
  events?: { id: string; type: string }[]
}

/** Reads a page; what clients sent stays text. */
export function readLetters(text: string): Page<Letter> {
  const { total = '0', result = '[]' } = members(text)
  const letter = (text: string) => ({ ...(JSON.parse(text) as Letter), sent: members(text).sent ?? '' })
  return { total: Number(total), result: elements(result).map(letter) }
}

/** What the queue gave up, the oldest first. */
export function useLetters() {
  return usePaged<Letter>(['letters'], '/queue/dead-letters', { read: readLetters })
}

/** Puts a letter, or all of them, into the queue again; how many. */
export function useReplayLetters() {
  const refresh = useRefresh()
  return useMutation({
    mutationFn: async (id?: string) => {
      const which = id === undefined ? 'dead-letters' : `dead-letter/${encodeURIComponent(id)}`
      return (await call<{ replayed: number }>(`/queue/${which}/replay`, { method: 'POST' })).replayed
    },
    onSettled: refresh,
  })
}

/** Forgets a letter for good. */
export function useDiscardLetter() {
  const refresh = useRefresh()
  return useMutation({
    mutationFn: (id: string) => call<unknown>(`/queue/dead-letter/${encodeURIComponent(id)}`, { method: 'DELETE' }),
    onSettled: refresh,
  })
}

function useRefresh() {
  const client = useQueryClient()
  return () => client.invalidateQueries({ predicate: ({ queryKey }) => queryKey[1] === 'letters' })
}
