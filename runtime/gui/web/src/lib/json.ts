import type { Json } from '../api/types'

/** Whether a value says nothing: null, blank, or a list or object without a saying leaf. */
export function isBlank(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  if (Array.isArray(value)) return value.every(isBlank)
  return typeof value === 'object' && Object.values(value).every(isBlank)
}

/** Leaves of a document as `dotted.path` and text, in document order; blank ones are left out. */
export function leaves(value: unknown, prefix = ''): [path: string, text: string][] {
  if (isBlank(value)) return []
  if (Array.isArray(value) && value.every(item => typeof item !== 'object' || item === null)) {
    return [[prefix, value.filter(item => !isBlank(item)).join(', ')]]
  }
  if (typeof value === 'object' && value !== null) {
    return Object.entries(value as Record<string, Json>).flatMap(([key, item]) =>
      leaves(item, prefix ? `${prefix}.${key}` : key),
    )
  }
  return [[prefix, typeof value === 'boolean' ? (value ? 'yes' : 'no') : String(value)]]
}
