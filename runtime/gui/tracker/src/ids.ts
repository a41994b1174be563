import type { KeyValues } from './types'

/** Who is visiting: names and life times of the ids are a contract with other trackers on the same site. */

export const SESSION_COOKIE = 'tracardi-session-id'
export const PROFILE_KEY = 'tracardi-profile-id'
export const DEVICE_KEY = 'tracardi-device-id'
/** Names under which earlier trackers kept the profile id; read, never written. */
const EARLIER_PROFILE_KEYS = ['__tr_id', '__tr_pid']
/** A session ends after this many seconds without an event. */
export const SESSION_SECONDS = 30 * 60

export type Random = (bytes: Uint8Array<ArrayBuffer>) => unknown

/** A version 4 UUID. (`crypto.randomUUID` exists on secure origins only.) */
export function uuid(random: Random): string {
  const bytes = new Uint8Array(16)
  random(bytes)
  bytes[6] = ((bytes[6] as number) & 15) | 64
  bytes[8] = ((bytes[8] as number) & 63) | 128
  let text = ''
  bytes.forEach((byte, at) => {
    if (at === 4 || at === 6 || at === 8 || at === 10) text += '-'
    text += (byte + 256).toString(16).slice(1)
  })
  return text
}

/** Value of a cookie in `document.cookie` form; null when absent or blank. */
export function readCookie(cookies: string, name: string): string | null {
  for (const pair of cookies.split(';')) {
    const [key, ...value] = pair.split('=')
    if (key !== undefined && key.trim() === name) {
      const raw = value.join('=').trim()
      try {
        return decodeURIComponent(raw) || null
      } catch {
        return raw || null
      }
    }
  }
  return null
}

/** Where the session id is kept: the text of `document.cookie`, readable and assignable. */
export interface CookieJar {
  cookie: string
}

export class Identity {
  private session: string | null = null
  private readonly jar: CookieJar
  private readonly store: KeyValues
  private readonly random: Random
  private readonly secure: boolean

  constructor(jar: CookieJar, store: KeyValues, random: Random, secure: boolean) {
    this.jar = jar
    this.store = store
    this.random = random
    this.secure = secure
  }

  /** The session's id; every call moves its end. Without cookies a session lasts as long as the page. */
  sessionId(): string {
    this.session = readCookie(this.jar.cookie, SESSION_COOKIE) ?? (this.cookiesWork() ? uuid(this.random) : (this.session ?? uuid(this.random)))
    this.jar.cookie = this.sessionCookie(this.session)
    return this.session
  }

  private sessionCookie(id: string): string {
    const secure = this.secure ? '; Secure' : ''
    return `${SESSION_COOKIE}=${encodeURIComponent(id)}; path=/; max-age=${SESSION_SECONDS}; SameSite=Lax${secure}`
  }

  /** Whether a cookie that is set can be read again. */
  cookiesWork(): boolean {
    const name = 'tracardi-check'
    this.jar.cookie = `${name}=1; path=/; max-age=5; SameSite=Lax`
    const works = readCookie(this.jar.cookie, name) !== null
    this.jar.cookie = `${name}=; path=/; max-age=0; SameSite=Lax`
    return works
  }

  profileId(): string | null {
    const kept = this.store.getItem(PROFILE_KEY)
    if (kept) return kept
    for (const key of EARLIER_PROFILE_KEYS) {
      const earlier = this.store.getItem(key) || readCookie(this.jar.cookie, key)
      if (earlier) return earlier
    }
    return null
  }

  rememberProfile(id: string): void {
    this.store.setItem(PROFILE_KEY, id)
  }

  deviceId(): string {
    const kept = this.store.getItem(DEVICE_KEY)
    if (kept) return kept
    const made = uuid(this.random)
    this.store.setItem(DEVICE_KEY, made)
    return made
  }
}

/** `localStorage` if it can be used (private windows and policies may forbid it), otherwise memory. */
export function keyValues(storage: () => KeyValues | null | undefined): KeyValues {
  try {
    const real = storage()
    if (real) {
      real.setItem('tracardi-check', '1')
      real.removeItem('tracardi-check')
      return real
    }
  } catch {
    // Not allowed here: ids then live as long as the page.
  }
  const memory = Object.create(null) as Record<string, string>
  return {
    getItem: key => (key in memory ? (memory[key] as string) : null),
    setItem: (key, value) => void (memory[key] = value),
    removeItem: key => void delete memory[key],
  }
}
