import { eventContext, readPass, sessionContext, withoutPass, withPass } from './context'
import { Delivery } from './delivery'
import { Identity, keyValues } from './ids'
import { onEvent, onVisible, passOnLinks, watchTags } from './triggers'
import type { Helpers, PageOptions, Payload, Properties, Ready, TrackOptions, TrackResponse, WireEvent } from './types'
import { mount } from './ux'

/** Events made after the page has loaded, without `fire`, wait this long for company. */
const GATHER_MS = 500

type View = Window & typeof globalThis & { response?: TrackResponse }

/** Starts the tracker of a page. Fails with a readable error when the page's options lack something. */
export function start(view: View, options: PageOptions): Ready {
  const api = options.tracker?.url?.api?.replace(/\/+$/, '')
  const source = options.tracker?.source?.id
  if (!api) throw new Error('options.tracker.url.api is missing: name the address of the public API')
  if (!source) throw new Error('options.tracker.source.id is missing: name the id of an event source')

  const { document, navigator } = view
  const settings = options.tracker?.settings ?? {}
  const listeners = options.listeners ?? {}
  const silent = settings.respectDoNotTrack === true && navigator.doNotTrack === '1'

  const store = keyValues(() => view.localStorage)
  const identity = new Identity(document, store, bytes => view.crypto.getRandomValues(bytes), view.location.protocol === 'https:')
  const onError = (error: Error) => {
    console.error(`[Tracardi] ${error.message}`)
    safely(() => listeners.onError?.(error))
  }
  const delivery = new Delivery({
    url: `${api}/track`,
    fetch: (url, init) => view.fetch(url, init),
    beacon: (url, body) => {
      try {
        return navigator.sendBeacon(url, new Blob([body], { type: 'application/json' }))
      } catch {
        return false
      }
    },
    wait: milliseconds => new Promise(resolve => view.setTimeout(resolve, milliseconds)),
    now: () => Date.now(),
    store,
    onError,
  })

  const pass = readPass(view.location.search)
  // The handed-over identity has been read; a copied address must not hand it to somebody else.
  if (pass) view.history.replaceState(view.history.state, '', withoutPass(view.location.href))

  let place: unknown = null
  let replyContext: Properties = {}
  let queue: WireEvent[] = []
  let lastTime = 0
  let loaded = document.readyState === 'complete'
  let gathering: number | undefined

  const profileId = () => options.tracker?.profile?.id ?? identity.profileId()

  function makeEvent(type: string, properties: Properties, trackOptions: TrackOptions): WireEvent {
    // Two events never share a time, so that two equal ones are not taken for one that was sent twice.
    lastTime = Math.max(Date.now(), lastTime + 1)
    return {
      type,
      time: { create: new Date(lastTime).toISOString() },
      properties,
      options: trackOptions,
      context: eventContext(view, options, trackOptions.context),
    }
  }

  function body(events: WireEvent[]): string {
    const profile = profileId()
    const payload: Payload = {
      source: { id: source as string },
      session: { id: identity.sessionId() },
      profile: profile ? { id: profile } : null,
      device: { id: identity.deviceId() },
      context: sessionContext(view, options, pass, place, new Date()),
      options: replyContext,
      events,
    }
    return JSON.stringify(payload)
  }

  async function deliver(events: WireEvent[]): Promise<TrackResponse | null> {
    const reply = await delivery.send(() => body(events))
    if (!reply) return reply
    if (reply.profile?.id) identity.rememberProfile(reply.profile.id)
    if (reply.context) replyContext = reply.context
    view.response = reply
    safely(() => mount(reply.ux ?? [], document))
    safely(() => listeners.onResponse?.(reply))
    return reply
  }

  function flush(): Promise<TrackResponse | null> {
    view.clearTimeout(gathering)
    gathering = undefined
    if (queue.length === 0) return Promise.resolve(null)
    return deliver(queue.splice(0))
  }

  function track(type: string, properties: Properties = {}, trackOptions: TrackOptions = {}): Promise<TrackResponse | null> {
    if (silent) return Promise.resolve(null)
    if (typeof type !== 'string' || type.trim() === '') {
      onError(new Error('track: the first argument must name the type of the event'))
      return Promise.resolve(null)
    }
    const event = makeEvent(type, properties, trackOptions)
    try {
      JSON.stringify(event)
    } catch (error) {
      onError(new Error(`track: the properties of "${type}" cannot be sent: ${(error as Error).message}`))
      return Promise.resolve(null)
    }
    if (trackOptions.asBeacon) {
      delivery.handOver(body([...queue.splice(0), event]))
      return Promise.resolve(null)
    }
    queue.push(event)
    // What happened before stays before: a fired event takes those that wait along.
    if (trackOptions.fire) return flush()
    if (loaded && gathering === undefined) gathering = view.setTimeout(() => void flush(), GATHER_MS)
    return Promise.resolve(null)
  }

  const linkTo = (url: string) => {
    const profile = profileId()
    return profile ? withPass(url, { profile, source: source as string }) : url
  }
  const helpers: Helpers = {
    track,
    sessionId: () => identity.sessionId(),
    profileId,
    linkTo,
    onClick: (target, type, properties) => onEvent(document, 'click', target, () => void track(type, properties, { fire: true }), false),
    onMouseOver: (target, type, properties) => onEvent(document, 'mouseover', target, () => void track(type, properties, { fire: true }), true),
    onVisible: (target, type, properties) => onVisible(view, target, () => void track(type, properties, { fire: true })),
  }
  const ready: Ready = { tracker: { track }, helpers, context: sessionContext(view, options, pass, null, new Date()), config: options }

  if (!silent) {
    delivery.resume()
    for (const event of options.tracker?.auto?.events ?? []) {
      if (typeof event === 'string') void track(event)
      else void track(event.type, event.properties, event.options)
    }
    if (settings.trackExternalLinks?.length) passOnLinks(document, settings.trackExternalLinks, linkTo)
    const arrived = () => {
      loaded = true
      watchTags(view, options.tracker?.auto?.triggers ?? [], (type, properties) => void track(type, properties, { fire: true }))
      void locate(view, options).then(found => {
        place = found
        return flush()
      })
    }
    if (loaded) view.setTimeout(arrived, 0)
    else view.addEventListener('load', () => view.setTimeout(arrived, 0))
    view.addEventListener('pagehide', () => {
      delivery.leave()
      if (queue.length > 0) delivery.handOver(body(queue.splice(0)))
    })
    if (!identity.cookiesWork()) safely(() => listeners.onCookiesDisabled?.(ready))
  }
  safely(() => listeners.onInit?.(ready))
  return ready
}

/** The first batch does not wait longer than this for the visitor's place. */
const LOCATE_MS = 1_500

/** Asks the service that the page names where the visitor is. No service is asked that the page does not name. */
async function locate(view: View, options: PageOptions): Promise<unknown> {
  const wanted = options.tracker?.context?.location
  if (typeof wanted !== 'object' || !wanted?.url) return null
  const { url, data } = wanted
  const answer = view.fetch(url, data).then(response => (response.ok ? (response.json() as unknown) : null))
  const late = new Promise<null>(resolve => view.setTimeout(() => resolve(null), LOCATE_MS))
  return Promise.race([answer, late]).catch(() => null)
}

/** A page's own mistake must not stop the tracker. */
function safely(run: () => void): void {
  try {
    run()
  } catch (error) {
    console.error('[Tracardi] a listener failed', error)
  }
}
