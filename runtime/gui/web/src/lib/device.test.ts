import { expect, it } from 'vitest'
import { appName, deviceName, osName, placeName } from './device'

it('says what is known of devices and places, and nothing otherwise', () => {
  expect(deviceName({ brand: 'Apple', model: 'iPhone', type: 'mobile', resolution: '390x844' })).toBe('Apple iPhone, mobile, 390x844')
  expect(deviceName({ brand: null, model: null, name: 'Other', type: 'pc' })).toBe('pc')
  expect(osName({ name: 'Other', version: '' })).toBeNull()
  expect(appName({ name: 'Safari', version: '18.1' })).toBe('Safari 18.1')
  expect(placeName({ city: 'Berlin', country: { name: 'Germany' } })).toBe('Berlin, Germany')
  expect([deviceName(null), osName(undefined), appName({}), placeName(null)]).toEqual([null, null, null, null])
})
