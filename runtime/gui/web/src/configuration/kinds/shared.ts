import type { JsonObject } from '../../api/types'
import { at, idOf, listOf, steps } from '../draft'
import type { Field, FormSection } from '../kind'

/** What every record says about itself. */
export function about(...more: Field[]): FormSection {
  return { title: 'About', fields: [NAME, { path: 'description', label: 'Description', type: 'paragraph', placeholder: 'What it is for, for your colleagues' }, ...more] }
}

export const NAME: Field = { path: 'name', label: 'Name', type: 'text', required: true }
export const TAGS: Field = { path: 'tags', label: 'Tags', help: 'To find it by', type: 'labels', placeholder: 'Add a tag' }

/** The event type as an object with its name, as most kinds have it. */
export const EVENT_TYPE: Field = {
  path: 'event_type',
  label: 'Event type',
  help: 'Events of this type only',
  type: 'event-type',
  named: true,
  required: true,
}

/** `2 values`, `1 value`. */
export const count = (number: number, one: string, many = `${one}s`): string => `${number} ${number === 1 ? one : many}`

export const lengthAt = (record: JsonObject, path: string): number => listOf(at(record, steps(path))).length

/** The last names of the paths that the rows have under this member: what a record writes, in short. */
export function targets(record: JsonObject, rows: string, path: string): string {
  const found = listOf(at(record, steps(rows))).map(row => idOf(at(row, [...steps(path), 'value'])) || '…')
  return found.length > 3 ? `${found.slice(0, 3).join(', ')} and ${found.length - 3} more` : found.join(', ')
}
