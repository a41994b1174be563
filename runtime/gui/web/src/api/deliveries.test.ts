import { expect, it } from 'vitest'
import { deliveriesPath } from './deliveries'

it('deliveries are asked for by what is given', () => {
  expect(deliveriesPath({}, 0)).toBe('/deliveries?start=0&limit=25')
  expect(deliveriesPath({ state: 'dead', destination: '' }, 50)).toBe('/deliveries?state=dead&start=50&limit=25')
  expect(deliveriesPath({ event: 'a&b' }, 0)).toBe('/deliveries?event=a%26b&start=0&limit=25')
})
