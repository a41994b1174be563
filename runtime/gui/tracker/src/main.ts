import { start } from './tracker'
import type { Listener, PageOptions, Properties, Ready, Tracker, TrackOptions, TrackResponse } from './types'

/** Calls that a page made before this script had loaded. */
interface Stub {
  queue?: ArrayLike<unknown>[]
}

interface Bindings {
  options?: PageOptions
  tracker?: Tracker & Stub
  onTracardiReady?: { bind(listener: Listener): void; queue?: Listener[] }
  response?: TrackResponse
}

/** A page may have made its options with `const`, which is visible to scripts but is no property of the window. */
declare const options: PageOptions | undefined

;(function boot(view: Window & typeof globalThis & Bindings) {
  if (view.tracker && !view.tracker.queue) return // The script stands in the page twice.
  const early = view.tracker?.queue ?? []
  const listeners = view.onTracardiReady?.queue ?? []
  let ready: Ready
  try {
    ready = start(view as Parameters<typeof start>[0], typeof options === 'object' && options ? options : (view.options ?? {}))
  } catch (error) {
    console.error(`[Tracardi] not started: ${(error as Error).message}`)
    return
  }
  view.tracker = ready.tracker
  const bind = (listener: Listener) => {
    try {
      listener(ready)
    } catch (error) {
      console.error('[Tracardi] a listener failed', error)
    }
  }
  view.onTracardiReady = { bind }
  listeners.forEach(bind)
  for (const call of early) void ready.tracker.track(...(Array.from(call) as [string, Properties, TrackOptions]))
})(window as Window & typeof globalThis & Bindings)
