import { describe, expect, it } from 'vitest'
import type { ProfileDocument } from '../api/types'
import { colourIndex, consentsOf, filled, initials, interestsOf, nameOf, visitsOf } from './profile'

const profile = (more: Partial<ProfileDocument>): ProfileDocument => ({ id: 'p', ...more })

describe('names', () => {
  it('prefers what the person chose, then the full name, then the e-mail', () => {
    expect(nameOf(profile({ data: { pii: { display_name: 'ada', firstname: 'Ada' } } }))).toBe('ada')
    expect(nameOf(profile({ data: { pii: { firstname: 'Ada', lastname: 'Berger' } } }))).toBe('Ada Berger')
    expect(nameOf(profile({ data: { pii: { firstname: ' ' }, contact: { email: { main: null, business: 'a@b.c' } } } }))).toBe('a@b.c')
    expect(nameOf(profile({}))).toBeNull()
    expect(nameOf(undefined)).toBeNull()
  })

  it('makes initials', () => {
    expect(['Ada Berger', 'ada', 'ada.berger@example.com', 'Jean Luc Picard', '张 伟', null, '@'].map(initials)).toEqual(['AB', 'A', 'AB', 'JP', '张伟', null, null])
  })

  it('gives an id the same colour every time', () => {
    expect(colourIndex('abc', 8)).toBe(colourIndex('abc', 8))
    expect(colourIndex('', 8)).toBeLessThan(8)
  })
})

it('joins the names of nested interests and sorts by weight', () => {
  expect(interestsOf(profile({ interests: { shoes: 1, outdoor: { 'trail.running': '2.5' }, odd: null, bad: 'x' } }))).toEqual([
    ['outdoor.trail.running', 2.5],
    ['shoes', 1],
  ])
})

it('tells which consents still hold', () => {
  const now = new Date('2026-06-01T00:00:00Z')
  const consents = { a: { revoke: null }, b: { revoke: '2026-01-01T00:00:00Z' }, c: { revoke: '2027-01-01T00:00:00Z' }, d: null }
  expect(consentsOf(profile({ consents }), now).map(one => one.active)).toEqual([true, false, true, true])
})

it('reads visits and filled leaves', () => {
  expect(visitsOf(profile({ metadata: { time: { visit: { count: 3 } } }, stats: { visits: 1 } }))).toBe(3)
  expect(visitsOf(profile({}))).toBe(0)
  expect(filled({ a: ' ', b: null, c: 'x', d: ['1', null, '2'], e: 5, f: [] })).toEqual([['c', 'x'], ['d', '1, 2'], ['e', '5']])
})
