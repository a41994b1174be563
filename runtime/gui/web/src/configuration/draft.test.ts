import { describe, expect, it } from 'vitest'
import { at, below, elsewhere, eventTypesOf, put, readJson, sourceOf, steps } from './draft'

describe('a draft', () => {
  const record = { id: 'v', validation: { condition: '', json_schema: { 'event@type': true } }, list: [{ a: 1 }] }

  it('is read and written by path, the original left alone', () => {
    expect(at(record, steps('validation.condition'))).toBe('')
    expect(at(record, ['list', 0, 'a'])).toBe(1)
    expect(at(record, ['validation', 'toString'])).toBeUndefined()
    const next = put(record, steps('validation.condition'), 'x')
    expect(next).toEqual({ ...record, validation: { ...record.validation, condition: 'x' } })
    expect(record.validation.condition).toBe('')
    expect(Object.keys(next)).toEqual(Object.keys(record))
  })

  it('gets the objects that a path needs, and loses what becomes undefined', () => {
    expect(put({}, steps('a.b.c'), 1)).toEqual({ a: { b: { c: 1 } } })
    expect(put({ a: 'text' }, steps('a.b'), 1)).toEqual({ a: { b: 1 } })
    expect(put({ a: { b: 1, c: 2 } }, steps('a.b'), undefined)).toEqual({ a: { c: 2 } })
  })
})

describe('complaints', () => {
  const complaints = [
    { loc: ['validation', 'json_schema', 'event@a.b', 'type'], msg: 'one' },
    { loc: ['settings', 0, 'field'], msg: 'two' },
    { loc: [], msg: 'three' },
  ]

  it('find their field, and tell where inside it', () => {
    expect(below(complaints, steps('validation.json_schema'))).toEqual([{ loc: ['event@a.b', 'type'], msg: 'one' }])
    expect(below(below(complaints, ['settings']), ['0', 'field'])).toEqual([{ loc: [], msg: 'two' }])
    expect(below(complaints, steps('validation.condition'))).toEqual([])
  })

  it('that belong to no field are not lost', () => {
    const ways = ['validation.json_schema', 'name'].map(steps)
    expect(elsewhere(complaints, ways).map(({ msg }) => msg)).toEqual(['two', 'three'])
  })
})

describe('a record', () => {
  it('says for which events it is, in every form that kinds have', () => {
    expect(eventTypesOf({ event_type: 'order' })).toEqual(['order'])
    expect(eventTypesOf({ event_type: { id: 'order', name: 'Order' } })).toEqual(['order'])
    expect(eventTypesOf({ eventType: ['a', 'b'] })).toEqual(['a', 'b'])
    expect(eventTypesOf({ event_type: null })).toEqual([])
    expect(sourceOf({ source: { id: 's', name: 'Shop' } })).toEqual({ id: 's', name: 'Shop' })
    expect(sourceOf({ event_source: { id: '', name: '' } })).toBeNull()
  })
})

it('JSON is read, blank is nothing, and a slip is explained', () => {
  expect(readJson('{"a": 1}')).toEqual({ value: { a: 1 }, error: null })
  expect(readJson('  ')).toEqual({ value: undefined, error: null })
  expect(readJson('{').error).toContain('no JSON yet')
})
