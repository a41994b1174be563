import { expect, it } from 'vitest'
import type { ProfileDocument } from '../api/types'
import { mergedInto, writes } from './explain'

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

it('who wrote a field last is told with what it holds now, newest first', () => {
  expect(writes(profile).map(({ field, value, event }) => [field, value, event])).toEqual([
    ['data.preferences.sizes', 'S, M', 'e2'],
    ['traits.gone', '', 'e2'],
    ['traits.size', 'XL', 'e1'],
  ])
  expect(writes({ id: 'p' })).toEqual([])
})

it('a decision about a consent comes from the visitor: given, or nothing any more', () => {
  const time = '2026-11-21 14:00:00.000000+00:00'
  const fields = { 'consents.mail': [time, ''], 'consents.post': [time, ''] } as Record<string, [string, string]>
  const visitor: ProfileDocument = { id: 'p', consents: { mail: { revoke: null } }, metadata: { fields } }
  expect(writes(visitor).map(({ field, value, event }) => [field, value, event])).toEqual([
    ['consents.mail', 'given', ''],
    ['consents.post', '', ''],
  ])
})

it('merged profiles are listed', () => {
  expect(mergedInto(profile)).toEqual(['q', 'r'])
  expect(mergedInto({ id: 'p' })).toEqual([])
})
