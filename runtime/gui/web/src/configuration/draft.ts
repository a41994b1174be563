import type { FieldError } from '../api/errors'
import type { Json, JsonObject } from '../api/types'

/** A step into a document: a name, or an index. */
export type Step = string | number

/** The steps of a field's path. */
export const steps = (path: string): string[] => path.split('.')

export const isObject = (value: unknown): value is JsonObject => typeof value === 'object' && value !== null && !Array.isArray(value)

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '')

export const listOf = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : [])

/** The value that the steps lead to. */
export function at(document: Json | undefined, way: readonly Step[]): Json | undefined {
  let value = document
  for (const step of way) {
    if (Array.isArray(value)) value = value[Number(step)]
    else if (isObject(value) && Object.hasOwn(value, step)) value = value[step]
    else return undefined
  }
  return value
}

/** The document with another value at that place; objects on the way are made. The original stays as it is. */
export function put(document: JsonObject, [step, ...rest]: readonly string[], value: Json | undefined): JsonObject {
  if (step === undefined) return document
  const { [step]: old, ...others } = document
  const next = rest.length === 0 ? value : put(isObject(old) ? old : {}, rest, value)
  if (next === undefined) return others
  // The order of the names stays, so that the JSON view does not jump while somebody types.
  return step in document ? { ...document, [step]: next } : { ...others, [step]: next }
}

/** Complaints about what stands at that place or inside it; their own places count from there. */
export function below(complaints: readonly FieldError[], way: readonly Step[]): FieldError[] {
  return complaints
    .filter(({ loc }) => way.every((step, index) => String(loc[index]) === String(step)))
    .map(complaint => ({ ...complaint, loc: complaint.loc.slice(way.length) }))
}

/** Complaints about none of these places nor about what is inside them. */
export function elsewhere(complaints: readonly FieldError[], ways: readonly (readonly Step[])[]): FieldError[] {
  const placed = new Set(ways.flatMap(way => complaints.filter(complaint => below([complaint], way).length > 0)))
  return complaints.filter(complaint => !placed.has(complaint))
}

/** The id inside a text or an `{id, name}`. */
export function idOf(value: Json | undefined): string {
  return isObject(value) ? textOf(value.id) : textOf(value)
}

/** The event types that a record is for; none means all. */
export function eventTypesOf(record: JsonObject): string[] {
  const several = listOf(record.eventType).map(idOf)
  return [...several, idOf(record.event_type)].filter(type => type !== '')
}

/** The event source that a record is for: its id and name; null if it is for all. */
export function sourceOf(record: JsonObject): { id: string; name: string } | null {
  const source = isObject(record.source) ? record.source : record.event_source
  const id = idOf(source)
  return id === '' ? null : { id, name: (isObject(source) && textOf(source.name)) || id }
}

/** Reads what somebody typed as JSON; null and why when it is none. Blank is no value. */
export function readJson(text: string): { value: Json | undefined; error: string | null } {
  if (text.trim() === '') return { value: undefined, error: null }
  try {
    return { value: JSON.parse(text) as Json, error: null }
  } catch (error) {
    return { value: undefined, error: `This is no JSON yet: ${error instanceof Error ? error.message : String(error)}` }
  }
}

/** A JSON document as somebody would write it; nothing for no value. */
export function writeJson(value: Json | undefined): string {
  return value === undefined || value === null ? '' : JSON.stringify(value, null, 2)
}
