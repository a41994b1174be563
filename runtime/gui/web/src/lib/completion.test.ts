import { expect, test } from 'vitest'
import { type Completion, offers } from './completion'

const offer = (value: string, space: number | null = 1) => ({ value, token: 'FIELD', name: 'field', desc: '', space })
const completion = (begun: string, ...next: Completion['next']): Completion => ({ next, current: { token: 'FIELD', value: begun } })
const texts = (completion: Completion | undefined, written: string) => offers(completion, written).map(({ text }) => text)

test('an offer stands in the place of what was begun', () => {
  expect(texts(completion('pro', offer('profile.id')), 'type = "a" AND pro')).toEqual(['type = "a" AND profile.id '])
  expect(texts(completion('', offer('"', null)), 'type = ')).toEqual(['type = "'])
})

test('what stands there in full is not offered again', () => {
  expect(texts(completion('Type', offer('type'), offer('data.type')), 'Type')).toEqual(['data.type '])
  expect(offers(undefined, '')).toEqual([])
})
