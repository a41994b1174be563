import { describe, expect, it } from 'vitest'
import { ago, counter, duration, label, money, parseTime, shortId, shortUrl, webUrl } from './format'

describe('times', () => {
  const now = new Date('2026-11-21T12:00:00Z')

  it('reads stored forms and refuses the rest', () => {
    const noon = now.getTime()
    for (const text of ['2026-11-21T12:00:00Z', '2026-11-21T12:00:00+00:00', '2026-11-21T13:00:00+01:00', '2026-11-21T12:00:00', '2026-11-21 12:00:00']) {
      expect(parseTime(text)?.getTime(), text).toBe(noon)
    }
    for (const text of [null, undefined, '', 'yesterday']) expect(parseTime(text)).toBeNull()
  })

  it('tells how long ago', () => {
    const table: [seconds: number, words: string][] = [
      [0, 'just now'], [4, 'just now'], [59, '59 s ago'], [60, '1 min ago'], [3599, '59 min ago'], [3600, '1 h ago'],
      [86_400, '1 d ago'], [86_400 * 29, '29 d ago'],
    ]
    for (const [seconds, words] of table) expect(ago(new Date(now.getTime() - seconds * 1000), now)).toBe(words)
    expect(ago(new Date('2026-01-02T12:00:00Z'), now)).toContain('2026')
  })

  it('tells how long', () => {
    expect([0, 45, 200, 3600, 7500].map(duration)).toEqual(['0 s', '45 s', '3 min 20 s', '1 h', '2 h 5 min'])
  })
})

describe('values', () => {
  it('writes money, whatever a page sent', () => {
    expect(money(89.9, 'eur')).toBe('€89.90')
    expect(money('89.90', 'EUR')).toBe('€89.90')
    expect(money(1234.5)).toBe('1,234.50')
    expect(money(5, 'points')).toBe('5.00 points')
    expect(money('on request', 'EUR')).toBe('on request EUR')
    expect(money(null, 'EUR')).toBeNull()
    expect(money('', 'EUR')).toBeNull()
  })

  it('writes counters', () => {
    expect([0, 12_345, 1_250_000].map(counter)).toEqual(['0', '12,345', '1.3M'])
  })

  it('makes labels and short forms', () => {
    expect(['firstname', 'credit_card', 'pageUrl', 'page-view'].map(label)).toEqual(['Firstname', 'Credit card', 'Page url', 'Page view'])
    expect(shortId('0d9a6b6e-2f0a-4a83')).toBe('0d9a6b6e…')
    expect(shortId('s1')).toBe('s1')
    expect(shortUrl('https://a.example/')).toBe('a.example')
    expect(shortUrl('/only/path')).toBe('/only/path')
  })

  it('makes links of web addresses only', () => {
    expect(webUrl('https://a.example')).toBe('https://a.example')
    for (const text of ['javascript:alert(1)', 'data:text/html,x', '', null]) expect(webUrl(text)).toBeNull()
  })
})
