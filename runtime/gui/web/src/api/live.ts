import { useEffect, useRef, useState } from 'react'
import { useMay } from '../auth/roles'
import { dataContext, forgetLogin, login } from '../auth/session'
import { useStore } from '../lib/store'
import { BASE, commonHeaders } from './client'
import { StreamParser } from './sse'
import type { EventDocument } from './types'

export type LiveState = 'connecting' | 'live' | 'waiting' | 'off'

/** The server says something at least every 15 s; longer silence means the connection is dead without saying so. */
const SILENCE_MS = 40_000
const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000

/** How long to wait before the `attempt`-th (0, 1, …) new connection. */
export function reconnectDelay(attempt: number): number {
  return Math.min(FIRST_WAIT_MS * 2 ** Math.min(attempt, 10), LONGEST_WAIT_MS)
}

interface Handlers {
  onEvent: (event: EventDocument) => void
  /** Events may have passed unseen: the connection is new, or this client was too slow. */
  onGap: () => void
}

/**
 * Streams events until `signal` ends, reconnecting by itself. `onState` tells how the connection is, so that people see
 * when "live" is not.
 */
async function stream(signal: AbortSignal, handlers: () => Handlers, onState: (state: LiveState) => void) {
  let attempt = 0
  while (!signal.aborted) {
    onState(attempt === 0 ? 'connecting' : 'waiting')
    const connection = new AbortController()
    const stop = () => connection.abort()
    signal.addEventListener('abort', stop)
    let watchdog = setTimeout(stop, SILENCE_MS)
    try {
      const response = await fetch(`${BASE}/events/live`, {
        headers: { ...commonHeaders(), accept: 'text/event-stream' },
        signal: connection.signal,
        cache: 'no-store',
      })
      if (response.status === 401) {
        forgetLogin('Your session has ended. Log in again to go on.')
        return
      }
      if (!response.ok || !response.body) throw new Error(`status ${response.status}`)
      onState('live')
      handlers().onGap()
      attempt = 0
      const parser = new StreamParser()
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      for (;;) {
        const { done, value } = await reader.read()
        if (done) break
        clearTimeout(watchdog)
        watchdog = setTimeout(stop, SILENCE_MS)
        for (const message of parser.push(value)) {
          if (message.event === 'lagged') handlers().onGap()
          if (message.event !== 'event') continue
          const event = readEvent(message.data)
          if (event) handlers().onEvent(event)
        }
      }
    } catch {
      // A failed or silent connection is tried again below; the state shown to the user says so.
    } finally {
      clearTimeout(watchdog)
      signal.removeEventListener('abort', stop)
    }
    if (signal.aborted) return
    onState('waiting')
    await pause(reconnectDelay(attempt++), signal)
  }
}

function readEvent(data: string): EventDocument | null {
  try {
    const event = JSON.parse(data) as EventDocument
    return typeof event?.id === 'string' && typeof event.type === 'string' ? event : null
  } catch {
    return null
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise(resolve => {
    const timer = setTimeout(done, milliseconds)
    signal.addEventListener('abort', done)
    function done() {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
  })
}

/** Calls `onEvent` for every event stored from now on, while the component is shown; `onGap` when some may be missing. */
export function useLiveEvents(handlers: Handlers): LiveState {
  const [state, setState] = useState<LiveState>('connecting')
  const context = useStore(dataContext)
  const token = useStore(login)?.token
  const allowed = useMay('read')
  const current = useRef(handlers)
  useEffect(() => {
    current.current = handlers
  })
  useEffect(() => {
    if (!token || !allowed) return
    const controller = new AbortController()
    void stream(controller.signal, () => current.current, setState)
    return () => controller.abort()
  }, [context, token, allowed])
  return token && allowed ? state : 'off'
}
