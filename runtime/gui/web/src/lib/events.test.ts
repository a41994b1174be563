import { describe, expect, it } from 'vitest'
import type { EventDocument } from '../api/types'
import { amountOf, categoryOf, mergeNewest, placeOf, sentence } from './events'

const event = (type: string, more: Partial<EventDocument> = {}): EventDocument => ({ id: type, type, ...more })

describe('sentences', () => {
  const table: [EventDocument, string][] = [
    [event('page-view', { hit: { name: 'Shoes' } }), 'Viewed “Shoes”'],
    [event('page-view', { context: { page: { url: 'https://a.example/x?y' } } }), 'Viewed “a.example/x”'],
    [event('page-view'), 'Viewed a page'],
    [event('product-added-to-basket', { data: { ec: { product: { name: 'Tent' } } } }), 'Put “Tent” into the basket'],
    [event('product-added-to-basket', { properties: { name: 'Tent' } }), 'Put “Tent” into the basket'],
    [event('checkout-started', { data: { ec: { checkout: { value: 20, currency: 'EUR' } } } }), 'Started a checkout of €20.00'],
    [event('checkout-completed', { properties: { value: '20' } }), 'Completed a checkout of 20.00'],
    [event('sign-in', { data: { contact: { email: { main: null, private: 'a@b.c' } } } }), 'Signed in as a@b.c'],
    [event('sign-in'), 'Signed in'],
    [event('order-started', { data: { ec: { order: { id: 'N1', income: { value: 5, currency: 'EUR' } } } } }), 'Placed order N1 of €5.00'],
    [event('my-own', { name: 'My Own' }), 'My Own'],
    [event('my-own', { name: 'My Own', hit: { name: 'Home' } }), 'My Own: Home'],
    [event('constructor'), 'Constructor'],
  ]
  it.each(table)('%#', (one, expected) => expect(sentence(one)).toBe(expected))

  it('take documents with nothing in them', () => {
    const bare = event('x', { hit: null, data: null, context: null, properties: null, metadata: null, profile: null })
    expect(sentence(bare)).toBe('X')
    expect(placeOf(bare)).toBeNull()
    expect(amountOf(bare)).toBeNull()
  })
})

it('knows what kinds of events there are', () => {
  expect(categoryOf('page-view')).toBe('browsing')
  expect(categoryOf('sale-completed')).toBe('purchase')
  expect(categoryOf('toString')).toBe('other')
})

it('merges the newest first, each once, up to a limit', () => {
  const ids = (events: EventDocument[]) => events.map(one => one.id).join('')
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(id => event(id)) as [EventDocument, EventDocument, EventDocument, EventDocument]
  expect(ids(mergeNewest([b, a], [d, c, b], 9))).toBe('dcba')
  expect(ids(mergeNewest([b, a], [d, c], 3))).toBe('dcb')
  expect(mergeNewest([], [], 3)).toEqual([])
})
