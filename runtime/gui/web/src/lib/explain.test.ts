import { expect, it } from 'vitest'
import type { EventDocument, ProfileDocument } from '../api/types'
import { complaintOf, mergedInto, warningsOf, writes } from './explain'

const profile: ProfileDocument = {
  id: 'p',
  traits: { size: 'XL', gone: null },
  data: { preferences: { sizes: ['S', 'M'] } },
  metadata: {
    fields: {
      'traits.size': ['2026-11-21 14:00:00.000000+00:00', 'e1'],
      'traits.gone': ['2026-11-21 15:00:00.000000+00:00', 'e2'],
      'data.preferences.sizes': ['2026-11-21 15:00:00.000000+00:00', 'e2'],
    },
    system: { aux: { merged: ['q', 5, 'r'] } },
  },
}
const event = (rest: Partial<EventDocument>): EventDocument => ({ id: 'e', type: 't', ...rest })

it('who wrote a field last is told with what it holds now, newest first', () => {
  expect(writes(profile).map(({ field, value, event }) => [field, value, event])).toEqual([
    ['data.preferences.sizes', 'S, M', 'e2'],
    ['traits.gone', '', 'e2'],
    ['traits.size', 'XL', 'e1'],
  ])
  expect(writes({ id: 'p' })).toEqual([])
})

it('merged profiles are listed', () => {
  expect(mergedInto(profile)).toEqual(['q', 'r'])
  expect(mergedInto({ id: 'p' })).toEqual([])
})

it('a warning leads to its record', () => {
  const warnings = ['event-to-profile p1: `traits.x`: there is no\nvalue', 'something else']
  expect(warningsOf(event({ aux: { warnings } }))).toEqual([
    { record: { kind: 'event-to-profile', id: 'p1' }, text: '`traits.x`: there is no\nvalue' },
    { record: null, text: 'something else' },
  ])
  expect(warningsOf(event({}))).toEqual([])
})

it('an invalid event says why, even if nobody noted it', () => {
  const validation = { error: true, message: 'not a number', validator: 'v1' }
  expect(complaintOf(event({ metadata: { valid: false }, aux: { validation } }))).toEqual({ check: 'v1', message: 'not a number' })
  expect(complaintOf(event({ metadata: { valid: false } }))?.check).toBeNull()
  expect(complaintOf(event({ metadata: { valid: true }, aux: { validation } }))).toBeNull()
  expect(complaintOf(event({}))).toBeNull()
})
