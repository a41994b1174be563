import { describe, expect, it } from 'vitest'
import { DEVICE_KEY, Identity, keyValues, PROFILE_KEY, readCookie, SESSION_COOKIE, uuid } from './ids'

const counting = () => {
  let next = 0
  return (bytes: Uint8Array) => bytes.fill(next++)
}

/** A cookie jar as a browser keeps it, with an own clock. */
class Jar {
  now = 0
  working = true
  private readonly cookies = new Map<string, { value: string; ends: number }>()

  get cookie(): string {
    return [...this.cookies].filter(([, one]) => one.ends > this.now).map(([name, one]) => `${name}=${one.value}`).join('; ')
  }

  set cookie(text: string) {
    if (!this.working) return
    const [pair = '', ...attributes] = text.split(';')
    const [name = '', value = ''] = pair.split('=')
    const age = attributes.map(one => /max-age=(\d+)/.exec(one)?.[1]).find(Boolean)
    this.cookies.set(name.trim(), { value, ends: this.now + Number(age ?? Infinity) })
  }
}

const identity = (jar: Jar, store = keyValues(() => null)) => new Identity(jar, store, counting(), false)

describe('ids', () => {
  it('are version 4 UUIDs', () => {
    expect(uuid(bytes => bytes.fill(255))).toBe('ffffffff-ffff-4fff-bfff-ffffffffffff')
    expect(uuid(bytes => crypto.getRandomValues(bytes))).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
  })

  it('reads cookies by their whole name', () => {
    expect(readCookie('a=1; xb=2; b=3=4', 'b')).toBe('3=4')
    expect(readCookie('a=%C3%A4; c=%', 'a')).toBe('ä')
    expect(readCookie('a=%C3%A4; c=%', 'c')).toBe('%')
    expect(readCookie('a=', 'a')).toBeNull()
    expect(readCookie('', 'a')).toBeNull()
  })
})

describe('session', () => {
  it('lasts while there are events, and ends half an hour after the last one', () => {
    const jar = new Jar()
    const one = identity(jar)
    const first = one.sessionId()
    jar.now += 29 * 60
    expect(one.sessionId()).toBe(first)
    jar.now += 29 * 60
    expect(identity(jar).sessionId()).toBe(first)
    jar.now += 31 * 60
    expect(one.sessionId()).not.toBe(first)
  })

  it('is kept in memory without cookies', () => {
    const jar = new Jar()
    jar.working = false
    const one = identity(jar)
    expect(one.cookiesWork()).toBe(false)
    expect(one.sessionId()).toBe(one.sessionId())
  })

  it('leaves no trace of the check', () => {
    const jar = new Jar()
    expect(identity(jar).cookiesWork()).toBe(true)
    expect(jar.cookie).toBe('')
  })

  it('takes over the session of another tracker on the site', () => {
    const jar = new Jar()
    jar.cookie = `${SESSION_COOKIE}=theirs; path=/`
    expect(identity(jar).sessionId()).toBe('theirs')
  })
})

describe('profile and device', () => {
  it('remembers the profile that the server told', () => {
    const store = keyValues(() => null)
    const one = identity(new Jar(), store)
    expect(one.profileId()).toBeNull()
    one.rememberProfile('p1')
    expect(identity(new Jar(), store).profileId()).toBe('p1')
  })

  it('reads the names that earlier trackers used, and prefers its own', () => {
    const jar = new Jar()
    const store = keyValues(() => null)
    jar.cookie = '__tr_pid=old-cookie'
    expect(identity(jar, store).profileId()).toBe('old-cookie')
    store.setItem('__tr_id', 'newer')
    expect(identity(jar, store).profileId()).toBe('newer')
    store.setItem(PROFILE_KEY, 'own')
    expect(identity(jar, store).profileId()).toBe('own')
  })

  it('gives a browser one device id', () => {
    const store = keyValues(() => null)
    const id = identity(new Jar(), store).deviceId()
    expect(store.getItem(DEVICE_KEY)).toBe(id)
    expect(identity(new Jar(), store).deviceId()).toBe(id)
  })

  it('works where local storage is forbidden', () => {
    const store = keyValues(() => {
      throw new Error('SecurityError')
    })
    store.setItem('a', '1')
    expect(store.getItem('a')).toBe('1')
    store.removeItem('a')
    expect(store.getItem('a')).toBeNull()
    expect(store.getItem('toString')).toBeNull()
  })
})
