import { describe, expect, it } from 'vitest'
import { belongsTo, readPass, readUtm, referrer, withoutPass, withPass } from './context'

describe('identity in addresses', () => {
  const pass = { profile: 'p 1', source: 's1' }

  it('is attached, read and removed again', () => {
    const url = withPass('https://b.example/x?a=1#top', pass)
    expect(url).toBe('https://b.example/x?a=1&__tr_pid=p+1&__tr_src=s1#top')
    expect(readPass(new URL(url).search)).toEqual(pass)
    expect(withoutPass(url)).toBe('https://b.example/x?a=1#top')
  })

  it('counts only when complete', () => {
    expect(readPass('?__tr_pid=p')).toBeNull()
    expect(readPass('?__tr_src=s')).toBeNull()
    expect(withPass('not a url', pass)).toBe('not a url')
  })

  it('goes to the named domains and those below them only', () => {
    const table: [string, string, boolean][] = [
      ['shop.example', 'shop.example', true],
      ['www.shop.example', 'https://shop.example/path', true],
      ['badshop.example', 'shop.example', false],
      ['shop.example.evil', 'shop.example', false],
      ['shop.example', '', false],
    ]
    for (const [host, domain, expected] of table) expect(belongsTo(host, [domain]), `${host} ${domain}`).toBe(expected)
  })
})

describe('campaign and referrer', () => {
  it('reads the five parameters', () => {
    expect(readUtm('?utm_source=news&utm_campaign=May&utm_other=x&gclid=1')).toEqual({ source: 'news', campaign: 'May' })
    expect(readUtm('?a=1')).toBeNull()
  })

  it('splits the referrer', () => {
    expect(referrer('https://a.example/find?q=x')).toEqual({ host: 'https://a.example/find', query: '?q=x' })
    expect(referrer('')).toEqual({ host: null, query: null })
  })
})
