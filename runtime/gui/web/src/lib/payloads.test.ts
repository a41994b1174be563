import { describe, expect, it } from 'vitest'
import type { Histogram } from '../api/types'
import { distinct } from '../api/queries'
import { OTHER, stacked } from './histogram'
import { isBlank, leaves } from './json'
import { rangeBody, rangeByKey } from './range'
import { all, contains, isExpression, quote, searchFor } from './search'
import { curlSnippet, pageSnippet } from './snippet'
import { newSource, uuid } from './source'

describe('range bodies', () => {
  it('name the beginning and leave the end to the server', () => {
    expect(rangeBody(rangeByKey('24h', '1h'), 'type = "x"', 30)).toMatchObject({
      minDate: { absolute: null, delta: { value: -24, entity: 'hour' } },
      maxDate: null,
      where: 'type = "x"',
      start: 0,
      limit: 30,
    })
  })

  it('fall back for unknown keys', () => {
    expect(rangeByKey('nonsense', '7d').key).toBe('7d')
    expect(rangeByKey(null, '1h').key).toBe('1h')
  })
})

describe('search', () => {
  it('tells expressions from words', () => {
    for (const text of ['type = "x"', 'a.b>=3', '(type="x" OR type="y")', 'profile.id EXISTS', 'a BETWEEN 1 AND 2']) expect(isExpression(text), text).toBe(true)
    for (const text of ['shoes', 'red shoes', 'ada@example.com', 'page-view']) expect(isExpression(text), text).toBe(false)
  })

  it('looks for words in the fields, and cannot be broken out of', () => {
    expect(searchFor(' 4711 ', ['a', 'b'])).toBe('a = "*4711*" OR b = "*4711*"')
    expect(searchFor('ada BERGER', ['a'])).toBe('a = "*ada BERGER*" OR a = "*ada berger*" OR a = "*Ada Berger*"')
    expect(searchFor('', ['a'])).toBe('')
    expect(quote('a" OR b = "c\\')).toBe('"a* OR b = *c*"')
    expect(searchFor('type="x"', ['a'])).toBe('type="x"')
  })

  it('keeps alternatives together when it combines', () => {
    expect(all('a = 1', contains(['b', 'c'], '7'), ' ')).toBe('a = 1 AND (b = "*7*" OR c = "*7*")')
    expect(all('', 'a = 1')).toBe('a = 1')
  })
})

describe('histogram', () => {
  const row = (counts: Record<string, number>) => ({ date: '10:00', interval: '+1m', ...counts }) as Histogram['result'][number]

  it('stacks groups and what is in none of them', () => {
    const grouped = { total: 6, buckets: ['Page-View', 'search'], result: [row({ 'page-view': 2, search: 1 }), row({ 'page-view': 0, search: 0 })] }
    const plain = { total: 6, buckets: ['count'], result: [row({ count: 4 }), row({ count: 2 })] }
    const data = stacked(grouped, plain)
    expect(data.series.map(one => [one.name, one.values])).toEqual([['Page-View', [2, 0]], ['search', [1, 0]], [OTHER, [1, 2]]])
    expect(data.total).toBe(6)
  })

  it('has no remainder when an event arrived between the two answers', () => {
    const data = stacked({ total: 1, buckets: ['a'], result: [row({ a: 2 })] }, { total: 1, buckets: ['count'], result: [row({ count: 1 })] })
    expect(data.series.map(one => one.name)).toEqual(['a'])
  })

  it('takes an empty one', () => {
    expect(stacked({ total: 0, buckets: [], result: [] }, { total: 0, buckets: ['count'], result: [] }).series).toEqual([])
  })
})

describe('snippets', () => {
  it('name the addresses and the source', () => {
    const code = pageSnippet('https://events.example', 's1')
    expect(code).toContain('src="https://events.example/tracker/liliput.min.js"')
    expect(code).toContain('api: "https://events.example"')
    expect(code).toContain('source: { id: "s1" }')
  })

  it('cannot be broken by an id', () => {
    expect(pageSnippet('https://a', '</script><b>')).not.toContain('</script><b>')
    expect(curlSnippet('https://a', "it's")).toContain(`it'\\''s`)
  })

  it('have a body that is JSON', () => {
    const body = /-d '([^]*)'$/.exec(curlSnippet('https://a', 's1'))?.[1]
    expect(JSON.parse(body ?? '')).toMatchObject({ source: { id: 's1' } })
  })
})

it('makes an event source with an id of its own', () => {
  const source = newSource({ name: ' Shop ', channel: 'Web', description: '' }, bytes => bytes.fill(0))
  expect(source).toMatchObject({ id: '00000000-0000-4000-8000-000000000000', name: 'Shop', type: ['rest'], enabled: true })
  expect(uuid(bytes => crypto.getRandomValues(bytes))).not.toBe(uuid(bytes => crypto.getRandomValues(bytes)))
})

it('lists a source of two groups once, by name', () => {
  const source = (id: string, name: string) => ({ id, name, type: ['rest'], bridge: { id: '', name: '' }, enabled: true })
  const [a, b] = [source('1', 'Zoo'), source('2', 'App')]
  expect(distinct({ total: 2, grouped: { x: [a, b], y: [a] } }).map(one => one.name)).toEqual(['App', 'Zoo'])
  expect(distinct({ total: 0, grouped: null })).toEqual([])
})

it('flattens documents to what they say', () => {
  expect(leaves({ a: null, b: { c: 1, d: [], e: ['x', 'y'] }, f: [{ g: true }], h: '' })).toEqual([['b.c', '1'], ['b.e', 'x, y'], ['f.0.g', 'yes']])
  expect(isBlank({ a: { b: [null, ''] } })).toBe(true)
  expect(isBlank(0)).toBe(false)
})
