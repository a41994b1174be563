import { expect, it } from 'vitest'
import type { Step } from '../api/history'
import { blocks, headOf, valueText } from './steps'

const by = (id: string) => ({ kind: 'event-to-profile', id, name: null })
const changed = (id: string, field: string): Step => ({ did: 'changed', by: by(id), field, value: 1, old_value: null })

it('what one record did in one go is told together', () => {
  const steps = [changed('a', 'x'), changed('a', 'y'), changed('b', 'z'), { did: 'warned', by: null }, { did: 'warned', by: null }, changed('a', 'x')]
  expect(blocks(steps).map(({ did, by, steps }) => [did, by?.id ?? null, steps.length])).toEqual([
    ['changed', 'a', 2],
    ['changed', 'b', 1],
    ['warned', null, 2],
    ['changed', 'a', 1],
  ])
  expect(blocks([])).toEqual([])
})

it('a delivery that was given up looks bad', () => {
  const sent = (state: 'dead' | 'delivered'): Step => ({ did: 'sent', by: by('d'), delivery: { id: '1', state }, profile: true })
  expect(headOf({ did: 'sent', by: null, steps: [sent('delivered')] })).toEqual({ title: 'A destination gets the profile', tone: 'plain' })
  expect(headOf({ did: 'sent', by: null, steps: [sent('delivered'), sent('dead')] }).tone).toBe('bad')
})

it('an unknown step keeps its name', () => {
  expect(headOf({ did: 'levitated', by: null, steps: [] })).toEqual({ title: 'levitated', tone: 'plain' })
})

it('values are told in words', () => {
  expect([0, false, true, '', null, undefined, 'x', [1, 'y'], { a: { b: 1 }, c: 'd' }].map(value => valueText(value))).toEqual([
    '0', 'no', 'yes', '', '', '', 'x', '1, y', 'a.b: 1, c: d',
  ])
})
