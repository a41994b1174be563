import { describe, expect, it } from 'vitest'
import { elements, laidOut, members } from './sent'

const ODD = '{"a": 1.0,"big":12345678901234567890, "a" :[ ],"t":"x, \\"}{[ :","n":{"deep":[{"e":-1e5},null,true]},"{":{}}'

describe('what was sent', () => {
  it('is taken apart as text', () => {
    const { big, t, n } = members(ODD)
    expect(big).toBe('12345678901234567890')
    expect(t).toBe('"x, \\"}{[ :"')
    expect(n).toBe('{"deep":[{"e":-1e5},null,true]}')
    expect(members(ODD)['{']).toBe('{}')
    expect(elements(members(n ?? '').deep ?? '')).toEqual(['{"e":-1e5}', 'null', 'true'])
    expect(elements(' [ ] ')).toEqual([])
    expect(members('{}')).toEqual({})
    expect(members('{"\\u0061\\"":1}')).toEqual({ 'a"': '1' })
  })

  it('is laid out as usual, and stays what it is', () => {
    for (const value of [null, [], {}, 'a, b', [1, [], [[{}]]], { a: { b: [1, { c: '{}[],:"' }] }, d: [] }]) {
      expect(laidOut(JSON.stringify(value))).toBe(JSON.stringify(value, null, 2))
    }
    expect(laidOut('{"a":1.0,"a":12345678901234567890}')).toBe('{\n  "a": 1.0,\n  "a": 12345678901234567890\n}')
    expect(laidOut(ODD).replaceAll(/\s/g, '')).toBe(ODD.replaceAll(/\s/g, ''))
  })

  it('is left alone when it is no JSON', () => {
    for (const text of ['', 'hello', '{"a":', '\u0000{}']) expect(laidOut(text)).toBe(text)
  })
})
