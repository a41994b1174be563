// The tracker on the pages of the shop. Where it sends to is taken, in this order, from the address (`?api=…&source=…`,
// remembered for the pages that follow), from what was remembered, and from here:
const DEFAULTS = {
  api: `${location.protocol === 'https:' ? 'https:' : 'http:'}//${location.hostname || '127.0.0.1'}:8585`,
  source: 'demo-shop',
}

const KEY = 'shop-tracking'
const remembered = (() => {
  try {
    return JSON.parse(localStorage.getItem(KEY) ?? '{}')
  } catch {
    return {}
  }
})()
const query = new URLSearchParams(location.search)
export const config = {
  api: (query.get('api') ?? remembered.api ?? DEFAULTS.api).replace(/\/+$/, ''),
  source: query.get('source') ?? remembered.source ?? DEFAULTS.source,
}

export function remember(settings) {
  localStorage.setItem(KEY, JSON.stringify(settings))
}

export function forget() {
  localStorage.removeItem(KEY)
}

if (query.has('api') || query.has('source')) remember(config)

const listeners = new Set()
/** Calls `listener({type, ok, text})` for what becomes of events. */
export const onOutcome = listener => listeners.add(listener)
const tell = outcome => listeners.forEach(listener => listener(outcome))

// From here on this is what any page does that uses the tracker.
window.options = {
  tracker: {
    url: { script: `${config.api}/tracker`, api: config.api },
    source: { id: config.source },
    settings: { respectDoNotTrack: true },
  },
  listeners: {
    onResponse: response => tell({ ok: true, profile: response.profile?.id ?? null }),
    onError: error => tell({ ok: false, text: error.message }),
  },
}
window.tracker = window.tracker ?? {
  queue: [],
  track() {
    this.queue.push(arguments)
  },
}
const script = document.createElement('script')
script.src = `${config.api}/tracker/liliput.min.js`
script.onerror = () => tell({ ok: false, text: `The tracker could not be loaded from ${config.api}` })
document.head.append(script)

export function track(type, properties = {}, options = { fire: true }) {
  tell({ type })
  window.tracker.track(type, properties, options)
}
