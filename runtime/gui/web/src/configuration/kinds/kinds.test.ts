import { describe, expect, it } from 'vitest'
import type { Json, JsonObject } from '../../api/types'
import { steps } from '../draft'
import type { Field } from '../kind'
import { GROUPS, kindById, KINDS } from './index'

/** Fields whose value the object that they belong to does not begin with. */
const unknown = (fields: readonly Field[], blank: JsonObject): string[] =>
  fields.filter(({ path }) => !Object.hasOwn(blank, steps(path)[0] ?? '')).map(({ path }) => path)

describe.each(KINDS.map(kind => [kind.id, kind] as const))('%s', (_, kind) => {
  const fields = kind.sections.flatMap(section => section.fields)

  it('is explained', () => {
    for (const text of [kind.sentence, kind.example]) expect(text).toMatch(/^[A-Z“].+\.$/)
    expect(GROUPS.map(({ group }) => group)).toContain(kind.group)
  })

  it('has one field for each path, and a blank record with all of them', () => {
    const paths = fields.map(({ path }) => path)
    expect(new Set(paths).size).toBe(paths.length)
    expect(unknown(fields, kind.blank)).toEqual([])
    for (const field of fields) if (field.type === 'rows') expect(unknown(field.columns, field.blank), field.path).toEqual([])
  })

  it('is switched on when it is new, unless it has no switch', () => {
    expect(kind.blank.enabled).toBe(kind.switchable ? true : undefined)
  })

  it('has a gist, whatever is stored', () => {
    expect(typeof kind.gist(kind.blank)).toBe('string')
    const odd: Json[] = [null, 5, 'text', [], [null], {}, [{ a: 1 }]]
    for (const value of odd) {
      const record = Object.fromEntries(Object.keys(kind.blank).map(name => [name, value]))
      expect(typeof kind.gist(record), JSON.stringify(value)).toBe('string')
    }
  })
})

it('kinds are found by the names that the API gives them', () => {
  expect(new Set(KINDS.map(({ id }) => id)).size).toBe(KINDS.length)
  expect(kindById('event-validator')?.path.one).toBe('/event-validator')
  expect(kindById('toString')).toBeUndefined()
})

it('a choice of records is one of a kind that exists', () => {
  const choices = KINDS.flatMap(kind => kind.sections.flatMap(section => section.fields)).flatMap(field => (field.type === 'rows' ? field.columns : [field]))
  for (const field of choices) {
    if ((field.type === 'entity' || field.type === 'entities') && typeof field.of === 'object') expect(kindById(field.of.kind), field.path).toBeDefined()
  }
})
