import { expect, it } from 'vitest'
import { may } from './roles'

it('asks only for what the API grants', () => {
  expect(may(['marketer'], 'read')).toBe(true)
  expect(may(['marketer'], 'configure')).toBe(false)
  expect(may(['maintainer'], 'read')).toBe(false)
  expect(may(['maintainer', 'developer'], 'configure')).toBe(true)
  expect(may([], 'read')).toBe(false)
})
