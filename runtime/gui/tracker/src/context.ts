import { readCookie } from './ids'
import type { PageOptions, Properties } from './types'

/** What is told about the visit: once for each payload (session context) and for each event (page). */

/** Identity handed over by another site of the same owner, in the address. */
export interface Pass {
  profile: string
  source: string
}

const PASS_PROFILE = '__tr_pid'
const PASS_SOURCE = '__tr_src'

export function readPass(search: string): Pass | null {
  const query = new URLSearchParams(search)
  const profile = query.get(PASS_PROFILE)
  const source = query.get(PASS_SOURCE)
  return profile && source ? { profile, source } : null
}

/** `url` with the identity attached. Text that is no absolute URL stays as it is. */
export function withPass(url: string, pass: Pass): string {
  try {
    const target = new URL(url)
    target.searchParams.set(PASS_PROFILE, pass.profile)
    target.searchParams.set(PASS_SOURCE, pass.source)
    return target.href
  } catch {
    return url
  }
}

/** `url` without the identity, so that a copied address does not make two people one. */
export function withoutPass(url: string): string {
  const target = new URL(url)
  target.searchParams.delete(PASS_PROFILE)
  target.searchParams.delete(PASS_SOURCE)
  return target.href
}

/** Whether a host is one of `domains` or below one. */
export function belongsTo(host: string, domains: readonly string[]): boolean {
  return domains.some(domain => {
    const bare = domain.replace(/^https?:\/\//, '').replace(/[/:].*$/, '').toLowerCase()
    return bare !== '' && (host === bare || host.slice(-bare.length - 1) === `.${bare}`)
  })
}

/** Campaign parameters of the address; null when there are none. */
export function readUtm(search: string): Record<string, string> | null {
  const query = new URLSearchParams(search)
  const utm: Record<string, string> = {}
  for (const name of ['source', 'medium', 'campaign', 'term', 'content']) {
    const value = query.get(`utm_${name}`)
    if (value) utm[name] = value
  }
  return Object.keys(utm).length > 0 ? utm : null
}

export function sessionContext(view: Window, options: PageOptions, pass: Pass | null, location: unknown, now: Date): Properties {
  const wanted = options.tracker?.context ?? {}
  const { navigator, screen, document } = view
  const context: Properties = {
    time: { local: now.toISOString(), tz: Intl.DateTimeFormat().resolvedOptions().timeZone },
  }
  if (wanted.browser !== false) {
    context.browser = {
      local: {
        browser: {
          name: navigator.appName,
          engine: navigator.product,
          appVersion: navigator.appVersion,
          userAgent: navigator.userAgent,
          language: navigator.language,
          onLine: navigator.onLine,
          javaEnabled: false,
          cookieEnabled: navigator.cookieEnabled,
        },
        device: { platform: navigator.platform },
      },
    }
  }
  if (wanted.screen !== false && screen) {
    context.screen = {
      local: {
        width: screen.width,
        height: screen.height,
        innerWidth: view.innerWidth,
        innerHeight: view.innerHeight,
        availWidth: screen.availWidth,
        availHeight: screen.availHeight,
        colorDepth: screen.colorDepth,
        pixelDepth: screen.pixelDepth,
        orientation: screen.orientation?.type,
      },
    }
  }
  const utm = wanted.utm === false ? null : readUtm(view.location.search)
  if (utm) context.utm = utm
  const analytics = readCookie(document.cookie, '_ga')
  if (analytics) context.ids = { ga: analytics }
  const storage: Properties = {}
  if (wanted.storage === true) storage.local = { ...view.localStorage }
  if (wanted.cookies === true) storage.cookies = document.cookie
  if (Object.keys(storage).length > 0) context.storage = storage
  if (location) context.location = location
  if (pass) context.tracardi = { pass }
  return { ...context, ...options.context }
}

export function eventContext(view: Window, options: PageOptions, extra: Properties | undefined): Properties {
  const wanted = options.tracker?.context ?? {}
  const context: Properties = {}
  if (wanted.page !== false) {
    const { location, document, history } = view
    context.page = {
      url: withoutPass(location.href),
      path: location.pathname,
      hash: location.hash,
      title: document.title,
      referer: referrer(document.referrer),
      history: { length: history.length },
    }
  }
  if (wanted.performance === true) {
    const timing = view.performance.getEntriesByType?.('navigation')[0]
    if (timing) context.performance = timing.toJSON()
  }
  return { ...context, ...extra }
}

/** Where the visitor came from; both null when the browser does not tell. */
export function referrer(url: string): { host: string | null; query: string | null } {
  try {
    const from = new URL(url)
    return { host: from.origin + from.pathname, query: from.search || null }
  } catch {
    return { host: null, query: null }
  }
}
